"""botocore through all operations that are not a stream. `conforming` checks each answer against the model as well."""

import datetime
import tempfile
import time
import unittest
import uuid

from botocore import UNSIGNED
from botocore.exceptions import ClientError

import conforming
from emulator import KEYS, Emulator, in_order, until

# Well-formed ids that nobody has.
NO_DOMAIN = "hai-000000000000000000"
NO_SUBSCRIPTION = "sub-000000000000000000000"
NO_SESSION = "0f1e2d3c-4b5a-4789-8abc-def012345678"
NO_ARN = f"arn:aws:health-agent:us-east-1:123456789012:domain/{NO_DOMAIN}"


def setUpModule():
    global emulator, client, unchecked
    emulator = Emulator()
    client = conforming.client(emulator)
    unchecked = conforming.client(emulator, validated=False)


def tearDownModule():
    client.close()
    unchecked.close()
    emulator.stop()


def insights(domain_id, **changes):
    """An input of StartPatientInsightsJob."""
    return {
        "domainId": domain_id,
        "patientContext": {"patientId": "p-1", "dateOfBirth": "1970-01-02", "pronouns": "SHE_HER"},
        "insightsContext": {"insightsType": "PRE_VISIT"},
        "encounterContext": {"encounterReason": "cough, 2 weeks"},
        "userContext": {"role": "CLINICIAN", "userId": "u-1", "specialty": "PRIMARY_CARE"},
        "inputDataConfig": {"s3Sources": [{"uri": "s3://records/a"}, {"uri": "s3://records/b"}]},
        "outputDataConfig": {"s3OutputPath": "s3://results/insights/"},
        **changes,
    }


def coding(domain_id, **changes):
    """An input of StartMedicalCodingJob."""
    return {
        "domainId": domain_id,
        "text": "Café au lait spots.\nNo “red flags”.",
        "patientContext": {"sex": "FEMALE", "status": "NEW", "dateOfBirth": "1970-01-02"},
        "encounterContext": {"encounterType": "TELEHEALTH", "afterHours": False, "encounterDurationMinutes": 20},
        "outputDataConfig": {"s3OutputPath": "s3://results/codes"},
        **changes,
    }


def dataset(domain_id, **changes):
    """An input of CreateDataset."""
    paths = {"s3InputPath": "s3://sources/in", "s3OutputPath": "s3://results/dataset"}
    return {"domainId": domain_id, "name": "codes of 2026", "config": {"medicalCoding": paths}, **changes}


def feedback(domain_id, **changes):
    """An input of SubmitFeedback."""
    return {
        "domainId": domain_id,
        "artifactSourceId": NO_SESSION,
        "subscriptionId": NO_SUBSCRIPTION,
        "artifactType": "CLINICAL_DOC",
        "signedArtifactS3Uri": "s3://results/signed.json",
        "generatedArtifactS3Uri": "s3://results/note.json",
        "comments": "Zoë: all of it, thanks",
        **changes,
    }


class Case(unittest.TestCase):
    def domain(self, name="a clinic"):
        return client.create_domain(name=name)["domainId"]

    def refused(self, call, **parameters):
        """The code and status of a call's error."""
        with self.assertRaises(ClientError) as caught:
            call(**parameters)
        answer = caught.exception.response
        self.assertTrue(answer["ResponseMetadata"]["RequestId"])
        self.assertTrue(answer["Error"]["Message"])
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]

    def assert_missing(self, call, **parameters):
        self.assertEqual(self.refused(call, **parameters), ("ResourceNotFoundException", 404))

    def assert_invalid(self, call, **parameters):
        self.assertEqual(self.refused(call, **parameters), ("ValidationException", 400))

    def assert_conflict(self, call, **parameters):
        self.assertEqual(self.refused(call, **parameters), ("ConflictException", 409))

    def assert_now(self, time):
        """A time with a zone, of the last minute."""
        age = datetime.datetime.now(datetime.timezone.utc) - time
        self.assertTrue(datetime.timedelta(seconds=-1) < age < datetime.timedelta(minutes=1), age)


class Domains(Case):
    def test_a_domain_lives_and_is_deleted(self):
        key = "arn:aws:kms:us-east-1:123456789012:key/0f1e2d3c"
        web_app = {"ehrRole": "arn:aws:iam::123456789012:role/ehr", "idcInstanceId": "i-1", "idcRegion": "eu-west-1"}
        tags = {"team": "a b", "étage": "2", "x/y z": ""}
        made = client.create_domain(name="Clinique Zoë", kmsKeyArn=key, webAppSetupConfiguration=web_app, tags=tags)
        self.assertEqual((made["name"], made["status"], made["kmsKeyArn"]), ("Clinique Zoë", "ACTIVE", key))
        self.assertEqual(made["encryptionContext"], {"encryptionType": "CUSTOMER_MANAGED_KEY", "kmsKeyArn": key})
        self.assertEqual(made["webAppConfiguration"]["idcRegion"], "eu-west-1")
        self.assert_now(made["createdAt"])

        got = client.get_domain(domainId=made["domainId"])
        self.assertEqual(got.pop("tags"), tags)
        for answer in (made, got):
            answer.pop("ResponseMetadata")
        self.assertEqual(got, made)
        listed = client.list_domains(status="ACTIVE")["domains"]
        self.assertIn(made["arn"], [domain["arn"] for domain in listed])
        self.assertEqual(client.list_domains(status="DELETED")["domains"], [])

        deleting = client.delete_domain(domainId=made["domainId"])
        self.assertEqual((deleting["arn"], deleting["status"]), (made["arn"], "DELETING"))

        def is_there():
            ids = [domain["domainId"] for domain in client.list_domains()["domains"]]
            return made["domainId"] in ids

        until(is_there, lambda there: not there)
        self.assert_missing(client.get_domain, domainId=made["domainId"])

    def test_the_least_that_a_domain_needs(self):
        made = client.create_domain(name="x" * 64)
        self.assertEqual(made["encryptionContext"]["encryptionType"], "AWS_OWNED_KEY")
        self.assertNotIn("webAppUrl", made)
        self.assertEqual(client.get_domain(domainId=made["domainId"])["tags"], {})
        self.assert_invalid(unchecked.create_domain, name="x" * 65)
        self.assert_invalid(unchecked.create_domain, name="")
        self.assert_invalid(unchecked.create_domain)
        self.assert_invalid(client.create_domain, name="x", kmsKeyArn="arn:aws:kms:nowhere")

    def test_tags_come_and_go(self):
        arn = client.create_domain(name="tagged", tags={"a": "1"})["arn"]
        client.tag_resource(resourceArn=arn, tags={"a": "2", "b c/é&=": "+ %"})
        self.assertEqual(client.list_tags_for_resource(resourceArn=arn)["tags"], {"a": "2", "b c/é&=": "+ %"})
        client.untag_resource(resourceArn=arn, tagKeys=["b c/é&=", "never", "b c/é&="])
        self.assertEqual(client.list_tags_for_resource(resourceArn=arn)["tags"], {"a": "2"})
        self.assert_missing(client.list_tags_for_resource, resourceArn=NO_ARN)
        self.assert_missing(client.tag_resource, resourceArn=NO_ARN, tags={"a": "b"})
        self.assert_missing(client.untag_resource, resourceArn=NO_ARN, tagKeys=["a"])
        self.assert_invalid(client.tag_resource, resourceArn=arn, tags={f"key {n}": "" for n in range(51)})
        self.assertEqual(client.list_tags_for_resource(resourceArn=arn)["tags"], {"a": "2"})


class Subscriptions(Case):
    def test_a_subscription_is_switched_off_and_on(self):
        domain_id = self.domain()
        made = client.create_subscription(domainId=domain_id)
        self.assertEqual((made["domainId"], made["status"]), (domain_id, "ACTIVE"))
        self.assert_now(made["createdAt"])
        named = {"domainId": domain_id, "subscriptionId": made["subscriptionId"]}

        off = client.deactivate_subscription(**named)["subscription"]
        self.assertEqual(off["status"], "INACTIVE")
        self.assertGreaterEqual(off["deactivatedAt"], off["activatedAt"])
        self.assertEqual(off["lastUpdatedAt"], off["deactivatedAt"])
        self.assertEqual(client.deactivate_subscription(**named)["subscription"], off)
        on = client.activate_subscription(**named)["subscription"]
        self.assertEqual(on["status"], "ACTIVE")
        self.assertGreaterEqual(on["activatedAt"], off["deactivatedAt"])
        self.assertEqual(client.get_subscription(**named)["subscription"], on)
        self.assertEqual(client.list_subscriptions(domainId=domain_id)["subscriptions"], [on])

        # A subscription belongs to one domain.
        other = {"domainId": self.domain(), "subscriptionId": made["subscriptionId"]}
        self.assert_missing(client.get_subscription, **other)


class Pages(Case):
    """Each of the three paginators, also when it is stopped and goes on from its token."""

    def walk(self, operation, result_key, id_key, expected, **parameters):
        pages = client.get_paginator(operation)
        seen, sizes = [], []
        for page in pages.paginate(**parameters, PaginationConfig={"PageSize": 2}):
            sizes.append(len(page[result_key]))
            seen += [item[id_key] for item in page[result_key]]
        self.assertEqual(set(sizes[:-1]), {2}, "every page but the last is full")
        self.assertIn(sizes[-1], (1, 2), "no empty page at the end")
        # Other tests make domains too.
        self.assertEqual([item for item in seen if item in expected], expected)
        self.assertEqual(len(seen), len(set(seen)))

        first = pages.paginate(**parameters, PaginationConfig={"MaxItems": 3, "PageSize": 2}).build_full_result()
        then = {"PageSize": 100, "StartingToken": first["NextToken"]}
        rest = pages.paginate(**parameters, PaginationConfig=then).build_full_result()
        both = [item[id_key] for part in (first, rest) for item in part[result_key]]
        self.assertEqual([item for item in both if item in expected], expected)

        method, free = getattr(client, operation), getattr(unchecked, operation)
        token = method(**parameters, maxResults=1)["nextToken"]
        self.assert_invalid(free, **parameters, maxResults=0)
        self.assert_invalid(method, **parameters, maxResults=101)
        self.assert_invalid(method, **parameters, nextToken="made up")
        return token

    def test_domains(self):
        token = self.walk("list_domains", "domains", "domainId", [self.domain(f"page {n}") for n in range(5)])
        self.assert_invalid(client.list_domains, nextToken=token, status="ACTIVE")
        self.assert_invalid(client.list_domains, status="LOST")

    def test_subscriptions(self):
        domain_id = self.domain()
        made = [client.create_subscription(domainId=domain_id)["subscriptionId"] for _ in range(5)]
        token = self.walk("list_subscriptions", "subscriptions", "subscriptionId", made, domainId=domain_id)
        self.assert_invalid(client.list_subscriptions, domainId=self.domain(), nextToken=token)

    def test_datasets(self):
        domain_id = self.domain()
        made = [client.create_dataset(**dataset(domain_id))["datasetId"] for _ in range(5)]
        self.walk("list_datasets", "items", "datasetId", made, domainId=domain_id, type="MEDICAL_CODING")
        self.assertEqual(len(client.list_datasets(domainId=domain_id)["items"]), 5)
        self.assert_invalid(client.list_datasets, domainId=domain_id, type="OTHER")


class Datasets(Case):
    def status(self, named, wanted):
        answers = until(lambda: client.get_dataset(**named), lambda answer: answer["status"] == wanted)
        return answers[-1], in_order([answer["status"] for answer in answers])

    def test_a_dataset_is_made_used_and_deleted(self):
        domain_id = self.domain()
        made = client.create_dataset(**dataset(domain_id))
        self.assertEqual((made["type"], made["status"]), ("MEDICAL_CODING", "CREATING"))
        self.assert_now(made["createdAt"])
        named = {"domainId": domain_id, "datasetId": made["datasetId"]}

        active, _ = self.status(named, "ACTIVE")
        self.assertEqual(active["config"], dataset(domain_id)["config"])
        self.assertEqual(active["name"], "codes of 2026")
        self.assertEqual(active["createdAt"], made["createdAt"])
        self.assertGreater(active["updatedAt"], active["createdAt"])
        uri = active["artifacts"]["medicalCoding"]["evaluationS3Uri"]
        self.assertTrue(emulator.bucket(uri).is_file(), uri)
        client.tag_resource(resourceArn=made["arn"], tags={"year": "2026"})
        self.assertEqual(client.list_tags_for_resource(resourceArn=made["arn"])["tags"], {"year": "2026"})
        job = client.start_medical_coding_job(**coding(domain_id, datasetId=made["datasetId"]))
        job = client.get_medical_coding_job(domainId=domain_id, jobId=job["jobId"])
        self.assertEqual(job["datasetId"], made["datasetId"])

        self.assertEqual(client.delete_dataset(**named)["status"], "DELETING")
        until(lambda: client.list_datasets(domainId=domain_id)["items"], lambda items: not items)
        self.assert_missing(client.get_dataset, **named)
        self.assert_missing(client.start_medical_coding_job, **coding(domain_id, datasetId=made["datasetId"]))

    def test_a_dataset_that_is_being_made_is_neither_used_nor_deleted(self):
        domain_id = self.domain()

        def use(dataset_id):
            client.start_medical_coding_job(**coding(domain_id, datasetId=dataset_id))

        def delete(dataset_id):
            client.delete_dataset(domainId=domain_id, datasetId=dataset_id)

        for call in (use, delete):
            for _ in range(10):
                begin = time.monotonic()
                dataset_id = client.create_dataset(**dataset(domain_id))["datasetId"]
                try:
                    call(dataset_id)
                except ClientError as error:
                    self.assertEqual(error.response["Error"]["Code"], "ConflictException")
                    break
                # It is made in half a second; a machine too busy to ask before that tries another one.
                self.assertGreater(time.monotonic() - begin, 0.5)
            else:
                self.fail("this machine is too busy to ask for a dataset within half a second")

    def test_a_dataset_that_cannot_be_made_says_so(self):
        domain_id = self.domain()
        paths = {"s3InputPath": "s3://missing-bucket/in", "s3OutputPath": "s3://results/dataset"}
        made = client.create_dataset(**dataset(domain_id, config={"medicalCoding": paths}))
        failed, seen = self.status({"domainId": domain_id, "datasetId": made["datasetId"]}, "CREATE_FAILED")
        self.assertTrue(failed["statusDetails"])
        self.assertNotIn("artifacts", failed)
        self.assertNotIn("ACTIVE", seen)

    def test_input_beyond_the_limits(self):
        domain_id = self.domain()
        for wrong in ({"name": ""}, {"name": "x" * 1029}, {"name": "a&b"}, {"clientToken": "a b"}, {"config": None}):
            self.assert_invalid(unchecked.create_dataset, **dataset(domain_id, **wrong))


class Jobs(Case):
    def finished(self, get, named):
        done = ("SUCCEEDED", "FAILED")
        answers = until(lambda: get(**named), lambda job: job["jobStatus"] in done)
        return answers, in_order([job["jobStatus"] for job in answers])

    def through(self, start, get, job_input, output):
        started = start(**job_input)
        self.assert_now(started["creationTime"])
        named = {"domainId": job_input["domainId"], "jobId": started["jobId"]}
        answers, seen = self.finished(get, named)
        # On a busy machine a state can pass between two questions; none comes out of order.
        expected = ["SUBMITTED", "IN_PROGRESS", "SUCCEEDED"]
        self.assertEqual(seen, [status for status in expected if status in seen])
        self.assertEqual(seen[-1], "SUCCEEDED")
        for job in answers:
            self.assertEqual((job["jobArn"], job["creationTime"]), (started["jobArn"], started["creationTime"]))
            self.assertGreaterEqual(job["updatedTime"], job["creationTime"])
            self.assertEqual(output in job, job["jobStatus"] == "SUCCEEDED")
        for name in job_input.keys() - {"domainId", "clientToken"}:
            self.assertEqual(answers[-1][name], job_input[name])
        uri = answers[-1][output]["uri"]
        self.assertTrue(uri.startswith(job_input["outputDataConfig"]["s3OutputPath"]))
        self.assertTrue(emulator.bucket(uri).is_file(), uri)

    def test_patient_insights(self):
        start, get = client.start_patient_insights_job, client.get_patient_insights_job
        self.through(start, get, insights(self.domain()), "insightsOutput")

    def test_patient_insights_from_a_fhir_server(self):
        server = {"fhirServer": {"fhirEndpoint": "https://fhir.example/r4", "oauthToken": "t"}}
        start, get = client.start_patient_insights_job, client.get_patient_insights_job
        self.through(start, get, insights(self.domain(), inputDataConfig=server), "insightsOutput")

    def test_medical_coding(self):
        start, get = client.start_medical_coding_job, client.get_medical_coding_job
        self.through(start, get, coding(self.domain()), "medicalCodingOutput")

    def test_a_job_that_fails_says_why(self):
        domain_id = self.domain()
        nowhere = {"s3OutputPath": "s3://missing-bucket/out"}
        calls = [
            (client.start_patient_insights_job, client.get_patient_insights_job, insights),
            (client.start_medical_coding_job, client.get_medical_coding_job, coding),
        ]
        for start, get, job_input in calls:
            started = start(**job_input(domain_id, outputDataConfig=nowhere))
            answers, seen = self.finished(get, {"domainId": domain_id, "jobId": started["jobId"]})
            self.assertEqual(seen[-1], "FAILED")
            self.assertTrue(answers[-1]["statusDetails"])

    def test_input_beyond_the_limits(self):
        domain_id = self.domain()
        patient = insights(domain_id)["patientContext"]
        for wrong in (
            {"patientContext": {**patient, "dateOfBirth": "2999-01-01"}},
            {"patientContext": {**patient, "dateOfBirth": "1970-02-30"}},
            {"patientContext": {**patient, "pronouns": "OTHER"}},
            {"encounterContext": {"encounterReason": "x" * 257}},
            {"inputDataConfig": {"s3Sources": [{"uri": "s3://records/a"}] * 11}},
            {"outputDataConfig": {"s3OutputPath": "https://results/a"}},
            {"userContext": {"role": "CLINICIAN"}},
        ):
            self.assert_invalid(unchecked.start_patient_insights_job, **insights(domain_id, **wrong))
        for wrong in ({"text": " \n"}, {"encounterContext": {"encounterDurationMinutes": 1441}}, {"datasetId": "A"}):
            self.assert_invalid(unchecked.start_medical_coding_job, **coding(domain_id, **wrong))


class Tokens(Case):
    """Calls that may be repeated: the same token gives the same answer, and with other parameters a conflict."""

    def test_the_four_operations_that_take_one(self):
        domain_id = self.domain()
        calls = [
            (client.create_dataset, dataset, {"name": "other"}),
            (client.start_patient_insights_job, insights, {"encounterContext": {"encounterReason": "other"}}),
            (client.start_medical_coding_job, coding, {"text": "other"}),
            (client.submit_feedback, feedback, {"comments": "other"}),
        ]
        # The same token for all: each operation has its own.
        token = str(uuid.uuid4())
        for call, job_input, change in calls:
            first = call(**job_input(domain_id, clientToken=token))
            again = call(**job_input(domain_id, clientToken=token))
            other_request = first.pop("ResponseMetadata")["RequestId"], again.pop("ResponseMetadata")["RequestId"]
            self.assertNotEqual(*other_request)
            self.assertEqual(again, first)
            self.assert_conflict(call, **job_input(domain_id, clientToken=token, **change))
            # A refused repeat changes nothing.
            third = call(**job_input(domain_id, clientToken=token))
            third.pop("ResponseMetadata")
            self.assertEqual(third, first)
        self.assertEqual(len(client.list_datasets(domainId=domain_id)["items"]), 1)

    def test_botocore_fills_in_another_one_for_each_call(self):
        domain_id = self.domain()
        ids = {client.create_dataset(**dataset(domain_id))["datasetId"] for _ in range(3)}
        self.assertEqual(len(ids), 3)

    def test_feedback_is_taken(self):
        answer = client.submit_feedback(**feedback(self.domain()))
        self.assertEqual(answer.pop("ResponseMetadata")["HTTPStatusCode"], 202)
        self.assertEqual(answer, {})
        domain_id = self.domain()
        for wrong in ({"artifactType": "OTHER"}, {"comments": ""}, {"artifactSourceId": "1"}, {"clientToken": ""}):
            self.assert_invalid(unchecked.submit_feedback, **feedback(domain_id, **wrong))


class Refused(Case):
    """What every operation says to ids that are unknown or malformed, and to signatures that are wrong."""

    def named(self, domain_id, subscription_id):
        """Every operation that works on something that must exist."""
        subscription = {"domainId": domain_id, "subscriptionId": subscription_id}
        return {
            "activate_subscription": subscription,
            "create_dataset": dataset(domain_id),
            "create_subscription": {"domainId": domain_id},
            "deactivate_subscription": subscription,
            "delete_dataset": {"domainId": domain_id, "datasetId": "0"},
            "delete_domain": {"domainId": domain_id},
            "get_dataset": {"domainId": domain_id, "datasetId": "0"},
            "get_domain": {"domainId": domain_id},
            "get_medical_coding_job": {"domainId": domain_id, "jobId": NO_SESSION},
            "get_medical_scribe_listening_session": {**subscription, "sessionId": NO_SESSION},
            "get_patient_insights_job": {"domainId": domain_id, "jobId": NO_SESSION},
            "get_subscription": subscription,
            "list_datasets": {"domainId": domain_id},
            "list_subscriptions": {"domainId": domain_id},
            "start_medical_coding_job": coding(domain_id),
            "start_patient_insights_job": insights(domain_id),
            "submit_feedback": feedback(domain_id),
        }

    def test_unknown_ids(self):
        for operation, parameters in self.named(NO_DOMAIN, NO_SUBSCRIPTION).items():
            with self.subTest(operation):
                self.assert_missing(getattr(client, operation), **parameters)
        # The domain is there, what is asked for in it is not.
        for operation, parameters in self.named(self.domain(), NO_SUBSCRIPTION).items():
            if "get" in operation and len(parameters) > 1 or "activate" in operation:
                with self.subTest(operation):
                    self.assert_missing(getattr(client, operation), **parameters)

    def test_malformed_ids(self):
        for domain_id in ("hai-UPPER0000000000000", "short", "../../domain/hai-00000000", "hai-é00000000000000000"):
            for operation, parameters in self.named(domain_id, NO_SUBSCRIPTION).items():
                with self.subTest(operation, domain_id=domain_id):
                    self.assert_invalid(getattr(unchecked, operation), **parameters)

    def test_signatures(self):
        wrong = {"AWS_SECRET_ACCESS_KEY": "another"}, {"AWS_ACCESS_KEY_ID": "AKIDNOBODY"}, {"AWS_SESSION_TOKEN": None}
        expected = ("InvalidSignatureException", 403), ("AccessDeniedException", 401), ("AccessDeniedException", 401)
        for change, answer in zip(wrong, expected):
            stranger = conforming.client(emulator, keys={**KEYS, **change})
            self.assertEqual(self.refused(stranger.list_domains), answer)
            stranger.close()
        nobody = conforming.client(emulator, signature_version=UNSIGNED)
        self.assertEqual(self.refused(nobody.list_domains), ("AccessDeniedException", 401))
        nobody.close()

    def test_a_request_that_was_changed_on_its_way(self):
        def body(request, **_):
            request.body = request.body.replace(b"honest", b"forged")

        def path(request, **_):
            request.url = request.url.replace("maxResults=1", "maxResults=2")

        def date(request, **_):
            request.headers["X-Amz-Date"] = "20200101T000000Z"

        calls = [
            (body, "create_domain", {"name": "honest"}),
            (path, "list_domains", {"maxResults": 1}),
            (date, "list_domains", {}),
        ]
        before = {domain["name"] for domain in client.list_domains()["domains"]}
        for change, operation, parameters in calls:
            tampered = conforming.client(emulator)
            tampered.meta.events.register("before-send.connecthealth", change)
            with self.subTest(change.__name__):
                answer = self.refused(getattr(tampered, operation), **parameters)
                self.assertEqual(answer, ("InvalidSignatureException", 403))
            tampered.close()
        names = {domain["name"] for domain in client.list_domains()["domains"]}
        self.assertEqual(names - before, set())


class Cleartext(Case):
    def test_http_1_1_without_tls(self):
        plain = Emulator("--cleartext")
        try:
            self.assertTrue(plain.url.startswith("http://"))
            other = conforming.client(plain)
            made = other.create_domain(name="plain")
            self.assertEqual(other.get_domain(domainId=made["domainId"])["name"], "plain")
            other.close()
        finally:
            plain.stop()


class State(Case):
    def test_what_was_made_is_there_after_the_emulator_was_killed(self):
        """With `--state`. Neither emulator gets time to close anything."""
        with tempfile.TemporaryDirectory() as folder:
            made = []
            for _ in range(2):
                kept = Emulator("--state", folder)
                try:
                    other = conforming.client(kept)
                    self.assertEqual([domain["domainId"] for domain in other.list_domains()["domains"]], made)
                    made.append(other.create_domain(name=f"kept {len(made)}")["domainId"])
                    other.close()
                    kept.process.kill()
                finally:
                    kept.dispose()


if __name__ == "__main__":
    unittest.main()
