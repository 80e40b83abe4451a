"""botocore's client, with a check of every raw answer against the service's own model.

botocore forgives: it ignores members that it does not know and leaves out those that are missing. So each body is also
walked by hand, with the model that botocore brings, before botocore's reading of it is used.
"""

import collections
import json
import re

import botocore.session
from botocore.config import Config

from emulator import KEYS, REGION

# How often each operation was answered, and what errors it gave.
succeeded = collections.Counter()
refused = collections.defaultdict(collections.Counter)
# Errors that the model does not list for their operation.
unlisted = collections.Counter()

DATE_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
# Codes that AWS services answer before they know the operation; no model lists them.
BEFORE_THE_OPERATION = {"InvalidSignatureException": 403}


def client(emulator, *, keys=None, validated=True, **config):
    """A client of the emulator. With `validated` off, botocore sends what it would refuse by itself."""
    keys = keys or KEYS
    made = session().create_client(
        "connecthealth",
        region_name=REGION,
        endpoint_url=emulator.url,
        verify=emulator.ca or True,
        aws_access_key_id=keys.get("AWS_ACCESS_KEY_ID"),
        aws_secret_access_key=keys.get("AWS_SECRET_ACCESS_KEY"),
        aws_session_token=keys.get("AWS_SESSION_TOKEN"),
        config=Config(
            # A prefix before an address of numbers is no name: the host is used as given.
            inject_host_prefix=False,
            parameter_validation=validated,
            # An answer is shown as it is, not tried for again.
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=10,
            read_timeout=10,
            proxies={},
            **config,
        ),
    )
    made.meta.events.register("after-call.connecthealth", check_answer)
    return made


def session():
    """A session that reads no file of the caller."""
    bare = botocore.session.Session()
    bare.set_config_variable("config_file", "/dev/null")
    bare.set_config_variable("credentials_file", "/dev/null")
    bare.set_config_variable("ignore_configured_endpoint_urls", True)
    return bare


def operations():
    """All operations of the model that are not a stream."""
    model = session().get_service_model("connecthealth")
    named = [model.operation_model(name) for name in model.operation_names]
    return {operation.name for operation in named if not operation.has_event_stream_input}


def check_answer(http_response, parsed, model, **_):
    status = http_response.status_code
    if status >= 400:
        return check_error(status, http_response, parsed, model)
    succeeded[model.name] += 1
    wanted = model.http.get("responseCode", 200)
    assert status == wanted, f"{model.name}: status {status}, not {wanted}"
    body = http_response.content
    if model.output_shape is None or status == 204:
        assert body == b"", f"{model.name}: a body of {len(body)} bytes where none belongs"
    else:
        check(json.loads(body), model.output_shape, model.name)


def check_error(status, http_response, parsed, model):
    code = parsed["Error"]["Code"]
    refused[model.name][code] += 1
    shape = model.service_model.shape_for_error_code(code)
    if shape is None:
        wanted = BEFORE_THE_OPERATION.get(code)
        assert status == wanted, f"{model.name}: {code} with status {status} is not in the model"
        return
    wanted = shape.metadata["error"]["httpStatusCode"]
    assert status == wanted, f"{model.name}: {code} with status {status}, not {wanted}"
    check(json.loads(http_response.content), shape, f"{model.name}: {code}")
    if code not in [listed.error_code for listed in model.error_shapes]:
        unlisted[f"{model.name}: {code}"] += 1


def check(value, shape, path):
    """Walks a raw JSON value by its shape; every difference is an error with the member's path."""
    kind = shape.type_name
    if kind == "structure":
        assert isinstance(value, dict), f"{path} is no object"
        if getattr(shape, "is_tagged_union", False):
            assert len(value) == 1, f"{path} is a union and has {sorted(value)}"
        names = {member.serialization.get("name", name): member for name, member in shape.members.items()}
        unknown = value.keys() - names.keys()
        assert not unknown, f"{path} has members that the model has not: {sorted(unknown)}"
        missing = set(shape.required_members) - value.keys()
        assert not missing, f"{path} lacks {sorted(missing)}"
        for name, inner in value.items():
            check(inner, names[name], f"{path}.{name}")
    elif kind == "list":
        assert isinstance(value, list), f"{path} is no list"
        bounds(len(value), shape, path)
        for at, inner in enumerate(value):
            check(inner, shape.member, f"{path}[{at}]")
    elif kind == "map":
        assert isinstance(value, dict), f"{path} is no map"
        for key, inner in value.items():
            check(key, shape.key, f"{path} (a key)")
            check(inner, shape.value, f"{path}.{key}")
    elif kind == "timestamp":
        if shape.serialization.get("timestampFormat", "unixTimestamp") == "unixTimestamp":
            assert type(value) in (int, float), f"{path} is a {type(value).__name__}, not a number of seconds"
        else:
            assert isinstance(value, str) and DATE_TIME.fullmatch(value), f"{path} is no date-time: {value!r}"
    elif kind == "string":
        assert isinstance(value, str), f"{path} is no text"
        bounds(len(value), shape, path)
        assert not shape.enum or value in shape.enum, f"{path} is {value!r}, none of {shape.enum}"
        pattern = shape.metadata.get("pattern")
        # The service's patterns are Java's, which of these mean the same in Python.
        assert pattern is None or re.fullmatch(pattern, value), f"{path} does not match {pattern}"
    elif kind == "boolean":
        assert isinstance(value, bool), f"{path} is no boolean"
    elif kind in ("integer", "long"):
        assert type(value) is int, f"{path} is no integer"
        bounds(value, shape, path)
    else:
        raise AssertionError(f"{path}: no check for a {kind}")


def bounds(size, shape, path):
    least, most = shape.metadata.get("min"), shape.metadata.get("max")
    assert least is None or size >= least, f"{path}: {size} is under {least}"
    assert most is None or size <= most, f"{path}: {size} is over {most}"
