#!/usr/bin/env python3
"""Makes conversation.flac and conversation.json from conversation.txt.

Needs the flite 2.2 libraries (Debian: `apt-get install flite`) and the `flac` program; nothing from PyPI.
The same flite and the same script give the same samples: the noise comes from a generator with a fixed seed.

    python3 generate.py            write both files
    python3 generate.py --check    make them again in memory and compare with what is here; exit 1 if they differ
"""

import ctypes
import json
import math
import pathlib
import random
import struct
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
RATE_HZ = 16_000
BLOCK = RATE_HZ // 200  # 5 ms: the grain in which speech is told from silence
SPEECH_DBFS = {"CLINICIAN": -20.0, "PATIENT": -22.0}  # RMS over the blocks that hold speech
CHANNEL = {"CLINICIAN": 0, "PATIENT": 1}
VOICE = {"CLINICIAN": "slt", "PATIENT": "rms"}
PEAK_MAX = 0.84  # -1.5 dBFS: nothing clips
ACTIVE_DBFS = -52.0  # a block above this is speech
NOISE_DBFS = -70.0  # the floor under both channels, so that silence is not digital zero
TAIL_S = 1.2
FADE = BLOCK  # both ends of a clip fade over 5 ms, outside what is measured as speech
MARGIN = 6 * BLOCK  # of a clip's own quiet edges kept around its speech: consonants' soft starts


class Relation(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in ("name", "features", "utterance", "head", "tail")]


class Wave(ctypes.Structure):
    _fields_ = [
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]


class Flite:
    """The few calls of libflite that give a wave and the time of each word in it."""

    def __init__(self):
        load = lambda name: ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        self.lib = load("libflite.so.1")
        load("libflite_usenglish.so.1")
        load("libflite_cmulex.so.1")
        pointer = ctypes.c_void_p
        for name, result, arguments in [
            ("flite_synth_text", pointer, [ctypes.c_char_p, pointer]),
            ("utt_relation", ctypes.POINTER(Relation), [pointer, ctypes.c_char_p]),
            ("utt_wave", ctypes.POINTER(Wave), [pointer]),
            ("delete_utterance", None, [pointer]),
            ("item_next", pointer, [pointer]),
            ("ffeature_float", ctypes.c_float, [pointer, ctypes.c_char_p]),
        ]:
            function = getattr(self.lib, name)
            function.restype, function.argtypes = result, arguments
        self.lib.flite_init()
        self.voices = {}
        for role, voice in VOICE.items():
            register = getattr(load(f"libflite_cmu_us_{voice}.so.1"), f"register_cmu_us_{voice}")
            register.restype, register.argtypes = pointer, [ctypes.c_char_p]
            self.voices[role] = register(None)

    def speak(self, role, text):
        """Samples as floats in -1..1, and (begin, end) in seconds of each white-space separated word."""
        utterance = self.lib.flite_synth_text(text.encode(), self.voices[role])
        wave = self.lib.utt_wave(utterance).contents
        assert wave.sample_rate == RATE_HZ and wave.num_channels == 1
        samples = [value / 32768 for value in wave.samples[: wave.num_samples]]
        first = b"daughter1.R:SylStructure.daughter1.daughter1.R:Segment.p.end"
        last = b"daughtern.R:SylStructure.daughtern.daughtern.R:Segment.end"
        times, item = [], self.lib.utt_relation(utterance, b"Token").contents.head
        while item:
            times.append((self.lib.ffeature_float(item, first), self.lib.ffeature_float(item, last)))
            item = self.lib.item_next(item)
        self.lib.delete_utterance(utterance)
        assert len(times) == len(text.split()), f"flite hears other words in: {text}"
        return samples, times


def rms(samples):
    return math.sqrt(sum(value * value for value in samples) / len(samples))


def amplitude(dbfs):
    return 10 ** (dbfs / 20)


def level(role, samples):
    """The clip at its role's level; returns it with the block numbers of its first and last speech."""
    blocks = [samples[at : at + BLOCK] for at in range(0, len(samples) - BLOCK + 1, BLOCK)]
    for _ in range(4):  # which blocks are speech depends on the level: settles at once
        active = [index for index, block in enumerate(blocks) if rms(block) > amplitude(ACTIVE_DBFS)]
        gain = amplitude(SPEECH_DBFS[role]) / rms([value for index in active for value in blocks[index]])
        blocks = [[value * gain for value in block] for block in blocks]
    samples = [value for block in blocks for value in block]
    peak = max(map(abs, samples))
    assert peak <= PEAK_MAX, f"peak {20 * math.log10(peak):.1f} dBFS: lower the level"
    return samples, active[0] * BLOCK, (active[-1] + 1) * BLOCK


def faded(samples):
    last = len(samples) - 1
    return [value * min(1, at / FADE, (last - at) / FADE) for at, value in enumerate(samples)]


def noise(seed, frames):
    """Soft room noise: white noise through a one-pole low-pass at about 400 Hz, at NOISE_DBFS RMS."""
    source, state, out = random.Random(seed), 0.0, []
    for _ in range(frames):
        state += 0.15 * (source.gauss(0, 1) - state)
        out.append(state)
    gain = amplitude(NOISE_DBFS) / rms(out)
    return [value * gain for value in out]


def script():
    for line in (HERE / "conversation.txt").read_text().splitlines():
        if line and not line.startswith("#"):
            pause_s, role, text = (part.strip() for part in line.split("|"))
            yield float(pause_s), role, text


def to_grid(seconds):
    """To 10 ms: the transcript's resolution."""
    return round(seconds, 2)


def make():
    flite, placed, segments, cursor = Flite(), [], [], 0
    for pause_s, role, text in script():
        samples, times = flite.speak(role, text)
        samples, speech_begin, speech_end = level(role, samples)
        begin = cursor + round(pause_s * RATE_HZ)
        begin -= begin % (2 * BLOCK)  # on the 10 ms grid, so that the written time is exact
        cursor = begin + speech_end - speech_begin
        cut = max(0, speech_begin - MARGIN)
        placed.append((CHANNEL[role], begin - (speech_begin - cut), faded(samples[cut : speech_end + MARGIN])))

        at_s = lambda clip_s: begin / RATE_HZ + clip_s - speech_begin / RATE_HZ
        begin_s, end_s = begin / RATE_HZ, cursor / RATE_HZ
        inside = lambda clip_s: to_grid(min(max(at_s(clip_s), begin_s), end_s))
        words = [
            {"text": word, "begin_s": inside(from_s), "end_s": inside(to_s)}
            for word, (from_s, to_s) in zip(text.split(), times)
        ]
        words[0]["begin_s"], words[-1]["end_s"] = to_grid(begin_s), to_grid(end_s)
        segments.append(
            {"channel": CHANNEL[role], "role": role, "begin_s": to_grid(begin_s), "end_s": to_grid(end_s), "text": text}
            | {"words": words}
        )

    frames = cursor + round(TAIL_S * RATE_HZ)
    channels = [noise(seed, frames) for seed in (20251, 20252)]
    for channel, start, clip in placed:
        for at, value in enumerate(clip, start):
            channels[channel][at] += value
    pcm = [round(value * 32767) for frame in zip(*channels) for value in frame]
    transcript = {"rate_hz": RATE_HZ, "channels": 2, "segments": segments}
    return struct.pack(f"<{len(pcm)}h", *pcm), json.dumps(transcript, indent=1) + "\n"


def flac(*arguments, data=None):
    return subprocess.run(["flac", "--silent", *arguments], input=data, stdout=subprocess.PIPE, check=True).stdout


RAW = ["--force-raw-format", "--endian=little", "--sign=signed"]


def main():
    pcm, transcript = make()
    if "--check" in sys.argv[1:]:
        same = flac("--decode", "--stdout", *RAW, str(HERE / "conversation.flac")) == pcm
        same &= (HERE / "conversation.json").read_text() == transcript
        print("conversation.flac and conversation.json are what generate.py makes" if same else "they differ", file=sys.stderr)
        sys.exit(0 if same else 1)
    shape = ["--channels=2", "--bps=16", f"--sample-rate={RATE_HZ}", "--best", "--no-padding", "--no-seektable"]
    flac("--force", *RAW, *shape, f"--output-name={HERE / 'conversation.flac'}", "-", data=pcm)
    (HERE / "conversation.json").write_text(transcript)
    print(f"{len(pcm) / 4 / RATE_HZ:.2f} s of audio, {transcript.count('role')} segments", file=sys.stderr)


if __name__ == "__main__":
    main()
