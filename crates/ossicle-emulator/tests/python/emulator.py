"""An emulator in a process of its own, and our command as a client of it."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

# The command under test; `cargo xtask test` says where it was built.
OSSICLE = os.environ["OSSICLE"]

REGION = "us-east-1"
# The only keys that these tests use; what the caller's environment holds is left out.
KEYS = {
    "AWS_ACCESS_KEY_ID": "AKIDPYTHON",
    "AWS_SECRET_ACCESS_KEY": "a-secret-that-opens-nothing",
    "AWS_SESSION_TOKEN": "a-token/with+signs==",
}

# Longest wait for anything that the emulator does by itself: a job takes one second, the rest is a busy machine.
PATIENCE_S = 30
# Longest run of one command of ours.
COMMAND_S = 60
# REST has no events: what advances in time can only be asked for again, this often.
ASK_AGAIN_S = 0.05


def environment():
    """The caller's environment with our keys in place of anything that could steer a client."""

    def steers(name):
        return name.startswith("AWS_") or name.lower().endswith("_proxy")

    return {**{name: value for name, value in os.environ.items() if not steers(name)}, **KEYS}


class Emulator:
    """A running `ossicle emulate`; each one has a folder of its own."""

    running = []

    def __init__(self, *flags):
        self.folder = tempfile.TemporaryDirectory(prefix="ossicle-python-")
        self.record = pathlib.Path(self.folder.name)
        command = [OSSICLE, "emulate", "--listen", "127.0.0.1:0", "--json", "--record", str(self.record)]
        self.process = subprocess.Popen(
            [*command, *flags], env=environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
        )
        Emulator.running.append(self)
        # Ends with the process if it does not start: its own sentence is on standard error.
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"the emulator did not start: exit status {self.process.wait(COMMAND_S)}")
        listening = json.loads(line)
        if listening["type"] != "listening":
            raise RuntimeError(f"the emulator's first line is not that it listens: {line}")
        self.url, self.ca = listening["url"], listening["ca"]

    def stop(self):
        """Ends it in order. Its later lines need no reader: they are fewer than a pipe holds."""
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(PATIENCE_S)
        finally:
            self.dispose()
        if code != 0:
            raise RuntimeError(f"the emulator ended with {code}")

    def dispose(self):
        """Ends it at once, if it has not ended, and takes its folder away."""
        Emulator.running.remove(self)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.folder.cleanup()

    @classmethod
    def kill_all(cls):
        """For the last moment of a run that has taken too long."""
        for emulator in cls.running:
            emulator.process.kill()

    def report(self, session_id):
        """The emulator's account of a session."""
        return json.loads((self.record / f"{session_id}.json").read_text(encoding="utf-8"))

    def bucket(self, uri):
        """The file that stands for an S3 object."""
        return self.record / "buckets" / uri.removeprefix("s3://")

    def ossicle(self, *words, stdin=b""):
        """Runs a command of ours against it; gives its JSON lines."""
        at = ["--endpoint", self.url, "--region", REGION, "--json"]
        if self.ca:
            at += ["--ca", self.ca]
        ran = subprocess.run(
            [OSSICLE, *words, *at], env=environment(), input=stdin, capture_output=True, timeout=COMMAND_S
        )
        if ran.returncode != 0:
            raise AssertionError(f"ossicle {' '.join(words)} ended with {ran.returncode}: {ran.stderr.decode()}")
        return [json.loads(line) for line in ran.stdout.splitlines()]


def until(ask, is_done):
    """Asks until the answer is as wanted; gives all answers, the last one being it."""
    deadline = time.monotonic() + PATIENCE_S
    answers = [ask()]
    while not is_done(answers[-1]):
        if time.monotonic() > deadline:
            raise AssertionError(f"not reached in {PATIENCE_S} s; the last answer was {answers[-1]!r}")
        time.sleep(ASK_AGAIN_S)
        answers.append(ask())
    return answers


def in_order(values):
    """The values without repeats that follow one another."""
    return [value for at, value in enumerate(values) if at == 0 or values[at - 1] != value]
