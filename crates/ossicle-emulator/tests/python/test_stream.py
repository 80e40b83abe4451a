"""The official Python SDK streams to the emulator, and resumes."""

import array
import asyncio
import contextlib
import json
import math
import os
import pathlib
import subprocess
import unittest
import uuid
import wave

from aws_sdk_connecthealth.client import AsyncConnectHealthClient
from aws_sdk_connecthealth.config import AsyncConnectHealthConfig
from aws_sdk_connecthealth.models import (
    ClinicalNoteGenerationSettings,
    EncounterContext,
    ManagedTemplate,
    MedicalScribeAudioEvent,
    MedicalScribeBinaryAudioEvent,
    MedicalScribeChannelDefinition,
    MedicalScribeConfigurationEvent,
    MedicalScribeInputStreamAudioEvent,
    MedicalScribeInputStreamBinaryAudioEvent,
    MedicalScribeInputStreamConfigurationEvent,
    MedicalScribeInputStreamSessionControlEvent,
    MedicalScribeOutputStreamTranscriptEvent,
    MedicalScribeOutputStreamUnknown,
    MedicalScribePostStreamActionSettings,
    MedicalScribeSessionControlEvent,
    NoteTemplateSettingsManagedTemplate,
    StartMedicalScribeListeningSessionInput,
    ValidationException,
)
from smithy_core.exceptions import CallError
from smithy_http.aio.crt import AWSCRTHTTPClient

import conforming
from emulator import KEYS, REGION, Emulator, in_order, until

ASSETS = pathlib.Path(__file__).parents[3] / "ossicle-cli" / "assets"
RATE_HZ = 16_000
# Longest that one stream may take; audio is sent as fast as it is taken.
STREAM_S = 60


def setUpModule():
    global emulator, rest, domain_id, subscription_id
    emulator = Emulator()
    # The SDK's transport reads its authorities from here when a client is made.
    os.environ["SSL_CERT_FILE"] = emulator.ca
    rest = conforming.client(emulator)
    domain_id = rest.create_domain(name="a clinic")["domainId"]
    subscription_id = rest.create_subscription(domainId=domain_id)["subscriptionId"]


def tearDownModule():
    rest.close()
    emulator.stop()
    del os.environ["SSL_CERT_FILE"]


def details(session_id):
    """What REST tells of a session."""
    answer = rest.get_medical_scribe_listening_session(
        domainId=domain_id, subscriptionId=subscription_id, sessionId=session_id
    )
    return answer["medicalScribeListeningSessionDetails"]


def configuration(context=None):
    template = ManagedTemplate(template_type="HISTORY_AND_PHYSICAL")
    notes = ClinicalNoteGenerationSettings(note_template_settings=NoteTemplateSettingsManagedTemplate(template))
    settings = MedicalScribePostStreamActionSettings(
        output_s3_uri="s3://results/notes", clinical_note_generation_settings=notes
    )
    return MedicalScribeInputStreamConfigurationEvent(
        MedicalScribeConfigurationEvent(
            post_stream_action_settings=settings,
            channel_definitions=[
                MedicalScribeChannelDefinition(channel_id=0, participant_role="CLINICIAN"),
                MedicalScribeChannelDefinition(channel_id=1, participant_role="PATIENT"),
            ],
            encounter_context=context and EncounterContext(unstructured_context=context),
        )
    )


def binary(audio):
    return MedicalScribeInputStreamBinaryAudioEvent(MedicalScribeBinaryAudioEvent(audio_chunk=audio))


def base64(audio):
    return MedicalScribeInputStreamAudioEvent(MedicalScribeAudioEvent(audio_chunk=audio))


END = MedicalScribeInputStreamSessionControlEvent(MedicalScribeSessionControlEvent(type="END_OF_SESSION"))


def voice(seconds, hz):
    """Two channels of 16-bit PCM: a loud tone on the first, its second half only on the second."""
    frames = int(seconds * RATE_HZ)
    samples = array.array("h")
    for at in range(frames):
        level = round(8_000 * math.sin(2 * math.pi * hz * at / RATE_HZ)) + at % 3
        samples.extend((level, level if 2 * at > frames else 0))
    return samples.tobytes()


def pieces(audio, size):
    return [audio[at : at + size] for at in range(0, len(audio), size)]


class Told:
    """What came back on one stream."""

    def __init__(self):
        self.output, self.transcripts, self.others = None, [], []

    async def read(self, stream):
        self.output, events = await stream.await_output()
        async for event in events:
            if isinstance(event, MedicalScribeOutputStreamTranscriptEvent):
                self.transcripts.append(event.value.transcript_segment)
            elif isinstance(event, MedicalScribeOutputStreamUnknown):
                # Kinds of events that are newer than this SDK.
                self.others.append(event.tag)
            else:
                raise AssertionError(f"an unexpected {type(event).__name__}")

    def final(self):
        return [segment for segment in self.transcripts if not segment.is_partial]


@contextlib.asynccontextmanager
async def client(keys=KEYS):
    config = await AsyncConnectHealthConfig.resolve(
        region=REGION,
        # The name, not the address: the certificate is checked with server name indication too.
        endpoint_uri=emulator.url.replace("127.0.0.1", "localhost"),
        aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        aws_session_token=keys["AWS_SESSION_TOKEN"],
        transport=AWSCRTHTTPClient(),
    )
    made = AsyncConnectHealthClient(config=config)
    try:
        yield made
    finally:
        await made.close()


def session_input(session_id, encoding="pcm"):
    return StartMedicalScribeListeningSessionInput(
        session_id=session_id,
        domain_id=domain_id,
        subscription_id=subscription_id,
        language_code="en-US",
        media_sample_rate_hertz=RATE_HZ,
        media_encoding=encoding,
    )


async def stream(session_id, events, encoding="pcm", keys=KEYS, midway=None):
    """Sends the events, closes the input, and reads to the end. `midway` is called with all of them sent."""
    told = Told()
    async with asyncio.timeout(STREAM_S), client(keys) as made:
        duplex = await made.start_medical_scribe_listening_session(session_input(session_id, encoding))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(told.read(duplex))
            for event in events:
                await duplex.input_stream.send(event)
            if midway:
                await asyncio.to_thread(midway)
            await duplex.input_stream.close()
    return told


def run(*arguments, **options):
    return asyncio.run(stream(*arguments, **options))


def refused(*arguments, **options):
    """Streams what is refused; gives the SDK's one error."""

    def still_sending(loop, context):
        # This client goes on sending after its stream has ended, and finds that out in a task that nobody awaits.
        if "AWS_ERROR_HTTP_STREAM_HAS_COMPLETED" not in str(context.get("exception")):
            loop.default_exception_handler(context)

    async def streaming():
        asyncio.get_running_loop().set_exception_handler(still_sending)
        await stream(*arguments, **options)

    try:
        asyncio.run(streaming())
    except ExceptionGroup as group:
        (refusal,) = group.exceptions
        if isinstance(refusal, CallError):
            return refusal
        raise
    raise AssertionError("it should have been refused")


class Stream(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.session_id = str(uuid.uuid4())

    def assert_verified(self, status, ended):
        report = emulator.report(self.session_id)
        self.assertEqual(report["problems"], [])
        self.assertTrue(report["verified"])
        self.assertEqual(report["messages_verified"], report["messages"])
        self.assertEqual(report["status"], status)
        self.assertEqual([one["ended"] for one in report["connections"]], ended)
        for one in report["connections"]:
            self.assertTrue(one["verified"] and one["closed"])
            self.assertEqual(one["http"], "HTTP/2.0")
        return report

    def recording(self):
        with wave.open(str(emulator.record / f"{self.session_id}.wav")) as recorded:
            form = recorded.getnchannels(), recorded.getsampwidth(), recorded.getframerate()
            self.assertEqual(form, (2, 2, RATE_HZ))
            return recorded.readframes(recorded.getnframes())

    def test_a_session_in_one_stream(self):
        audio = voice(4, 440)
        parts = pieces(audio, 3_200)
        # Both kinds of audio events, alternating, and the shortest and the longest that there are.
        events = [base64(part) if at % 2 else binary(part) for at, part in enumerate(parts)]
        longest = voice(0.5, 220)
        self.assertEqual(len(longest), 32_000)
        events += [binary(longest), base64(longest), binary(b"\x01\x00\x02\x00"), base64(b"")]
        context = "Zoë, 41: \"cough\" for 2 weeks\n(see note)"
        midway = []

        def ask():
            midway.extend(until(lambda: details(self.session_id), lambda now: now["encounterContextProvided"]))

        told = run(self.session_id, [configuration(context), *events, END], midway=ask)
        self.assertEqual(midway[-1]["streamStatus"], "IN_PROGRESS")
        self.assertNotIn("streamEndTime", midway[-1])

        output = told.output
        given = output.session_id, output.domain_id, output.subscription_id, output.media_sample_rate_hertz
        self.assertEqual(given, (self.session_id, domain_id, subscription_id, RATE_HZ))
        self.assertEqual((output.language_code, output.media_encoding), ("en-US", "pcm"))
        self.assertTrue(output.request_id)
        self.assertEqual({segment.channel_id for segment in told.final()}, {"ch_0", "ch_1"})
        self.assertTrue(any(segment.is_partial for segment in told.transcripts), "partial before final")
        for segment in told.final():
            self.assertTrue(segment.content.startswith("speech"), segment.content)
            self.assertTrue(0 <= segment.audio_begin_offset < segment.audio_end_offset <= 5.0)

        report = self.assert_verified("COMPLETED", ["finished"])
        # The configuration, the audio, the end of the session, and the empty message that closes the stream.
        self.assertEqual(report["messages"], len(events) + 3)
        self.assertEqual(report["connections"][0]["audio_messages"], len(events))
        self.assertTrue(report["connections"][0]["end_of_session"])
        self.assertEqual(self.recording(), audio + longest + longest + b"\x01\x00\x02\x00")
        self.documents()

    def documents(self):
        """REST tells of the ended session, and its documents go from pending to completed."""

        def note(now):
            return now["postStreamActionResult"]["clinicalNoteGenerationResult"]["noteResult"]

        answers = until(lambda: details(self.session_id), lambda now: note(now)["status"] == "COMPLETED")
        statuses = in_order([note(now)["status"] for now in answers])
        expected = ["PENDING", "IN_PROGRESS", "COMPLETED"]
        self.assertEqual(statuses, expected[-len(statuses) :])
        ended = answers[-1]
        self.assertEqual((ended["streamStatus"], ended["mediaEncoding"]), ("COMPLETED", "pcm"))
        self.assertGreater(ended["streamEndTime"], ended["streamCreationTime"])
        self.assertEqual([one["participantRole"] for one in ended["channelDefinitions"]], ["CLINICIAN", "PATIENT"])
        template = ended["postStreamActionSettings"]["clinicalNoteGenerationSettings"]["noteTemplateSettings"]
        self.assertEqual(template["managedTemplate"]["templateType"], "HISTORY_AND_PHYSICAL")
        for result in ended["postStreamActionResult"]["clinicalNoteGenerationResult"].values():
            self.assertTrue(emulator.bucket(result["outputLocation"]).is_file(), result)

    def test_a_paused_session_is_resumed(self):
        first, second = voice(3, 440), voice(2, 330)
        told = run(self.session_id, [configuration(), *map(binary, pieces(first, 6_400))])
        self.assertTrue(told.final())
        self.assert_verified("PAUSED", ["paused"])
        paused = details(self.session_id)
        self.assertEqual(paused["streamStatus"], "PAUSED")
        result = paused["postStreamActionResult"]["clinicalNoteGenerationResult"]["noteResult"]
        self.assertEqual(result, {"status": "PENDING"})

        told = run(self.session_id, [configuration(), *map(base64, pieces(second, 6_400)), END])
        self.assertTrue(told.final())
        report = self.assert_verified("COMPLETED", ["paused", "finished"])
        begins = [one["first_frame"] for one in report["connections"]]
        self.assertEqual(begins, [0, len(first) // 4])
        self.assertEqual(self.recording(), first + second)
        self.assertEqual(details(self.session_id)["streamCreationTime"], paused["streamCreationTime"])

        # It is over: a third stream is refused, and changes nothing.
        refusal = refused(self.session_id, [configuration(), binary(second), END])
        self.assertIn("ConflictException", refusal.message)
        self.assert_verified("COMPLETED", ["paused", "finished"])
        self.assertEqual(self.recording(), first + second)

    def test_the_conversation_as_flac_comes_back_in_words(self):
        flac = (ASSETS / "conversation.flac").read_bytes()
        script = json.loads((ASSETS / "conversation.json").read_text(encoding="utf-8"))
        told = run(self.session_id, [configuration(), *map(binary, pieces(flac, 8_000)), END], encoding="flac")
        self.assertEqual([segment.content for segment in told.final()], [one["text"] for one in script["segments"]])
        channels = [segment.channel_id for segment in told.final()]
        self.assertEqual(channels, [f"ch_{one['channel']}" for one in script["segments"]])
        self.assert_verified("COMPLETED", ["finished"])
        raw = ["--force-raw-format", "--endian=little", "--sign=signed"]
        command = ["flac", "--decode", "--stdout", "--silent", *raw, str(ASSETS / "conversation.flac")]
        decoded = subprocess.run(command, check=True, capture_output=True)
        self.assertEqual(len(self.recording()), len(decoded.stdout))
        self.assertTrue(self.recording() == decoded.stdout, "the same frames")


class Refused(unittest.TestCase):
    def test_a_secret_that_is_not_ours(self):
        stranger = {**KEYS, "AWS_SECRET_ACCESS_KEY": "another"}
        session_id = str(uuid.uuid4())
        refusal = refused(session_id, [configuration(), binary(bytes(3_200)), END], keys=stranger)
        self.assertIn("InvalidSignatureException", refusal.message)
        self.assertFalse((emulator.record / f"{session_id}.json").exists())

    def test_an_encoding_that_the_service_does_not_know(self):
        refusal = refused(str(uuid.uuid4()), [configuration(), END], encoding="mp3")
        self.assertIsInstance(refusal, ValidationException)
        self.assertIn("mediaEncoding", refusal.message)

    def test_a_subscription_that_is_switched_off_is_not_asked_for(self):
        """The command's emulator takes any well-formed ids, so that a first try needs no set-up."""
        rest.deactivate_subscription(domainId=domain_id, subscriptionId=subscription_id)
        session_id = str(uuid.uuid4())
        run(session_id, [configuration(), binary(bytes(3_200)), END])
        rest.activate_subscription(domainId=domain_id, subscriptionId=subscription_id)
        self.assertTrue(emulator.report(session_id)["verified"])

    def test_audio_before_the_configuration_ends_the_stream(self):
        session_id = str(uuid.uuid4())
        refusal = refused(session_id, [binary(bytes(3_200)), END])
        self.assertIsInstance(refusal, ValidationException)
        self.assertEqual(refusal.message, "audio came before configurationEvent")
        report = emulator.report(session_id)
        self.assertEqual((report["status"], report["verified"]), ("FAILED", False))


if __name__ == "__main__":
    unittest.main()
