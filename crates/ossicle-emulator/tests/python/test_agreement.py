"""Two clients of one service: what botocore makes, our command reads, and the other way round."""

import array
import datetime
import json
import unittest

import conforming
from emulator import Emulator


def setUpModule():
    global emulator, client
    emulator = Emulator()
    client = conforming.client(emulator)


def tearDownModule():
    client.close()
    emulator.stop()


def same(theirs, ours, path=""):
    """Raises unless botocore's answer and our line say the same; times are compared to the millisecond."""
    if isinstance(theirs, dict):
        theirs = {name: value for name, value in theirs.items() if name != "ResponseMetadata"}
        assert isinstance(ours, dict), f"{path}: {ours!r}"
        assert theirs.keys() == ours.keys(), f"{path}: {sorted(theirs.keys() ^ ours.keys())} only in one"
        for name, value in theirs.items():
            same(value, ours[name], f"{path}.{name}")
    elif isinstance(theirs, list):
        assert len(theirs) == len(ours), f"{path}: {len(theirs)} and {len(ours)}"
        for at, (one, other) in enumerate(zip(theirs, ours)):
            same(one, other, f"{path}[{at}]")
    elif isinstance(theirs, datetime.datetime):
        if isinstance(ours, str):
            seconds = datetime.datetime.fromisoformat(ours.replace("Z", "+00:00")).timestamp()
        else:
            seconds = ours
        assert abs(theirs.timestamp() - seconds) < 0.0005, f"{path}: {theirs} and {ours}"
    else:
        assert theirs == ours, f"{path}: {theirs!r} and {ours!r}"


class Agreement(unittest.TestCase):
    def one(self, *words):
        (line,) = emulator.ossicle(*words)
        return line

    def test_domains_and_tags(self):
        tags = {"team": "ä b", "étage/2": "", "x": "+ %&="}
        web_app = {"ehrRole": "arn:aws:iam::123456789012:role/ehr", "idcInstanceId": "i-1", "idcRegion": "eu-west-1"}
        made = client.create_domain(name="Clinique Zoë", tags=tags, webAppSetupConfiguration=web_app)
        same(client.get_domain(domainId=made["domainId"]), self.one("domain", "get", made["domainId"]))
        listed = emulator.ossicle("tags", "list", made["arn"])
        self.assertEqual({line["key"]: line["value"] for line in listed}, tags)

        ours = self.one("domain", "create", "Ours", "--tag", "étage=2 a/b")
        same(client.get_domain(domainId=ours["domainId"]), {**ours, "tags": {"étage": "2 a/b"}})
        emulator.ossicle("tags", "add", ours["arn"], "k=v")
        emulator.ossicle("tags", "remove", ours["arn"], "étage", "--yes")
        self.assertEqual(client.list_tags_for_resource(resourceArn=ours["arn"])["tags"], {"k": "v"})
        for number in range(105):
            client.create_domain(name=f"of many {number}")
        # More than one page of either.
        all_pages = client.get_paginator("list_domains").paginate().build_full_result()
        self.assertGreater(len(all_pages["domains"]), 100)
        same(all_pages["domains"], emulator.ossicle("domain", "list"))
        emulator.ossicle("domain", "delete", ours["domainId"], "--yes")
        left = client.list_domains(status="ACTIVE")["domains"]
        self.assertNotIn(ours["domainId"], [domain["domainId"] for domain in left])

    def test_subscriptions(self):
        domain_id = client.create_domain(name="a clinic")["domainId"]
        theirs = client.create_subscription(domainId=domain_id)["subscriptionId"]
        ours = self.one("subscription", "create", "--domain", domain_id)["subscriptionId"]
        off = client.deactivate_subscription(domainId=domain_id, subscriptionId=theirs)["subscription"]
        same(off, self.one("subscription", "get", theirs, "--domain", domain_id))
        self.one("subscription", "deactivate", ours, "--yes", "--domain", domain_id)
        on = self.one("subscription", "activate", ours, "--domain", domain_id)
        same(client.get_subscription(domainId=domain_id, subscriptionId=ours)["subscription"], on)
        listed = client.list_subscriptions(domainId=domain_id)["subscriptions"]
        same(listed, emulator.ossicle("subscription", "list", "--domain", domain_id))

    def test_datasets(self):
        domain_id = client.create_domain(name="a clinic")["domainId"]
        within = ["--domain", domain_id]
        paths = {"s3InputPath": "s3://sources/in", "s3OutputPath": "s3://results/dataset"}
        theirs = client.create_dataset(domainId=domain_id, name="theirs", config={"medicalCoding": paths})
        line = self.one("dataset", "get", theirs["datasetId"], "--wait", *within)
        self.assertEqual(line["status"], "ACTIVE")
        ours = ["--input", "s3://sources/in", "--output", "s3://results/ours"]
        made = self.one("dataset", "create", "ours", *ours, "--wait", *within)
        got = client.get_dataset(domainId=domain_id, datasetId=made["datasetId"])
        same(got, self.one("dataset", "get", made["datasetId"], *within))
        same(client.list_datasets(domainId=domain_id)["items"], emulator.ossicle("dataset", "list", *within))

    def test_jobs(self):
        domain_id = client.create_domain(name="a clinic")["domainId"]
        within = ["--domain", domain_id]
        insights = {
            "patientContext": {"patientId": "p-1", "dateOfBirth": "1970-01-02"},
            "insightsContext": {"insightsType": "PRE_VISIT"},
            "encounterContext": {"encounterReason": "cough, 2 weeks"},
            "userContext": {"role": "CLINICIAN", "userId": "u-1"},
            "inputDataConfig": {"s3Sources": [{"uri": "s3://records/a"}]},
            "outputDataConfig": {"s3OutputPath": "s3://results/insights"},
        }
        coding = {
            "text": 'Café au lait spots.\nNo "red flags".',
            "encounterContext": {"afterHours": False, "encounterDurationMinutes": 20},
            "outputDataConfig": {"s3OutputPath": "s3://results/codes"},
        }
        for kind, start, get, job_input in (
            ("insights", client.start_patient_insights_job, client.get_patient_insights_job, insights),
            ("coding", client.start_medical_coding_job, client.get_medical_coding_job, coding),
        ):
            with self.subTest(kind):
                theirs = start(domainId=domain_id, **job_input)["jobId"]
                waited = self.one(kind, "get", theirs, "--wait", *within)
                self.assertEqual(waited["jobStatus"], "SUCCEEDED")
                same(get(domainId=domain_id, jobId=theirs), waited)
                path = emulator.record / f"{kind}.json"
                path.write_text(json.dumps(job_input), encoding="utf-8")
                ours = self.one(kind, "start", "--file", str(path), "--wait", *within)
                same(get(domainId=domain_id, jobId=ours["jobId"]), ours)

    def test_a_session_that_our_command_streamed(self):
        domain_id = client.create_domain(name="a clinic")["domainId"]
        subscription_id = client.create_subscription(domainId=domain_id)["subscriptionId"]
        at = ["--domain", domain_id, "--subscription", subscription_id]
        audio = array.array("h", [at % 4_001 - 2_000 for at in range(32_000)]).tobytes()
        form = ["--rate", "16000", "--channels", "1", "--pace", "max"]
        lines = emulator.ossicle("stream", "-", *form, *at, stdin=audio)
        self.assertEqual((lines[-1]["type"], lines[-1]["ended"], lines[-1]["error"]), ("report", "finished", None))
        session_id = lines[-1]["session_id"]
        shown = self.one("session", "show", session_id, "--wait", *at)
        answer = client.get_medical_scribe_listening_session(
            domainId=domain_id, subscriptionId=subscription_id, sessionId=session_id
        )
        same(answer["medicalScribeListeningSessionDetails"], shown)
        self.assertEqual(shown["streamStatus"], "COMPLETED")
        report = emulator.report(session_id)
        self.assertTrue(report["verified"])
        self.assertEqual(report["frames"], 32_000)


if __name__ == "__main__":
    unittest.main()
