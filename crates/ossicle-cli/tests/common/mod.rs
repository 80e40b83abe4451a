//! Runs the real command.
#![allow(dead_code, reason = "each test target uses its own part")]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use serde_json::Value;

pub(crate) const DOMAIN: &str = "hai-0123456789abcdef0123";
pub(crate) const SUBSCRIPTION: &str = "sub-0123456789abcdefghijk";
pub(crate) const KEY_ID: &str = "AKIDEXAMPLE";
pub(crate) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";

/// Frames of the bundled conversation, as its README gives them.
pub(crate) const CONVERSATION_FRAMES: u64 = 1_067_600;

/// The file of the bundled conversation.
pub(crate) fn conversation() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/conversation.flac")
}

/// The command, in an environment that is the same on every machine, with the emulator's dummy keys.
pub(crate) fn ossicle(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ossicle"));
    let inherited = ["PATH", "TMPDIR", "SystemRoot", "LD_LIBRARY_PATH"];
    command.env_clear();
    for name in inherited {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", "/nonexistent");
    command.env("AWS_ACCESS_KEY_ID", KEY_ID).env("AWS_SECRET_ACCESS_KEY", SECRET);
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What a run left behind.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) lines: Vec<Value>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: Output) -> Self {
        let stdout = String::from_utf8(output.stdout).expect("UTF-8 on standard output");
        let stderr = String::from_utf8(output.stderr).expect("UTF-8 on standard error");
        let lines = stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        Self { code: output.status.code(), lines, stdout, stderr }
    }

    /// The last line, which must be the report, and all lines must be JSON.
    pub(crate) fn report(&self) -> &Value {
        assert_eq!(self.lines.len(), self.stdout.lines().count(), "only JSON lines: {}", self.stdout);
        let last = self.lines.last().unwrap_or_else(|| panic!("no report; {}", self.stderr));
        assert_eq!(last["type"], "report", "{last}");
        last
    }

    pub(crate) fn of_type<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Value> {
        self.lines.iter().filter(move |line| line["type"] == kind)
    }

    /// One plain sentence and no stack trace.
    #[track_caller]
    pub(crate) fn sentence(&self) -> &str {
        let said: Vec<&str> = self.stderr.lines().filter(|line| line.starts_with("ossicle: ")).collect();
        assert_eq!(said.len(), 1, "one sentence: {}", self.stderr);
        for trace in ["panicked", "RUST_BACKTRACE", "stack backtrace", "Error {", "Err("] {
            assert!(!self.stderr.contains(trace), "{}", self.stderr);
        }
        said[0]
    }
}

pub(crate) fn run(arguments: &[&str]) -> Ran {
    Ran::of(ossicle(arguments).output().expect("the command runs"))
}

/// An emulator in a process of its own.
pub(crate) struct Emulate {
    child: Child,
    pub(crate) url: String,
    pub(crate) ca: Option<String>,
}

impl Emulate {
    pub(crate) fn start(more: &[&str]) -> Self {
        let mut arguments = vec!["emulate", "--listen", "127.0.0.1:0", "--json"];
        arguments.extend(more);
        let mut child = ossicle(&arguments).stdout(Stdio::piped()).spawn().expect("the emulator runs");
        let mut line = String::new();
        let mut out = BufReader::new(child.stdout.take().expect("its output"));
        out.read_line(&mut line).expect("a line");
        let listening: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(listening["type"], "listening");
        // Nobody may be held up by a pipe that is not read.
        std::thread::spawn(move || out.read_to_end(&mut Vec::new()));
        let text = |value: &Value| value.as_str().map(str::to_owned);
        Self { child, url: text(&listening["url"]).expect("a URL"), ca: text(&listening["ca"]) }
    }

    /// The flags that lead a client here.
    pub(crate) fn flags(&self) -> Vec<&str> {
        let mut flags = vec!["--endpoint", &self.url, "--region", "us-east-1"];
        flags.extend(["--domain", DOMAIN, "--subscription", SUBSCRIPTION]);
        if let Some(ca) = &self.ca {
            flags.extend(["--ca", ca]);
        }
        flags
    }

    /// Streams with these flags, in JSON lines.
    pub(crate) fn stream(&self, more: &[&str]) -> Command {
        let mut arguments = vec!["stream", "--json"];
        arguments.extend(self.flags());
        arguments.extend(more);
        ossicle(&arguments)
    }
}

impl Drop for Emulate {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A command whose lines are read as they come.
pub(crate) struct Watched {
    pub(crate) child: Child,
    out: BufReader<ChildStdout>,
    seen: String,
}

impl Watched {
    pub(crate) fn start(mut command: Command) -> Self {
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command runs");
        let out = BufReader::new(child.stdout.take().expect("its output"));
        Self { child, out, seen: String::new() }
    }

    /// Reads until a line is of one of these types.
    #[track_caller]
    pub(crate) fn until(&mut self, kinds: &[&str]) -> Value {
        loop {
            let mut line = String::new();
            assert!(self.out.read_line(&mut line).expect("a line") > 0, "no {kinds:?} in {}", self.seen);
            self.seen.push_str(&line);
            let value: Value = serde_json::from_str(&line).expect("JSON");
            if kinds.iter().any(|kind| value["type"] == *kind) {
                return value;
            }
        }
    }

    /// Ctrl-C. A command that has ended is not told.
    pub(crate) fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        sent.expect("kill runs");
    }

    pub(crate) fn end(mut self) -> Ran {
        let mut output =
            Output { status: Default::default(), stdout: self.seen.into_bytes(), stderr: Vec::new() };
        self.out.read_to_end(&mut output.stdout).expect("the rest");
        let mut stderr = self.child.stderr.take().expect("its errors");
        stderr.read_to_end(&mut output.stderr).expect("its errors");
        output.status = self.child.wait().expect("its end");
        Ran::of(output)
    }
}

/// The only session that an emulator has recorded: its report and its samples.
pub(crate) fn recording(dir: &Path) -> (Value, hound::WavSpec, Vec<i16>) {
    let entries = std::fs::read_dir(dir).expect("the folder").map(|entry| entry.expect("an entry").path());
    let wavs: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|x| x == "wav")).collect();
    assert_eq!(wavs.len(), 1, "one recording");
    let report = std::fs::read(wavs[0].with_extension("json")).expect("a report");
    let mut reader = hound::WavReader::open(&wavs[0]).expect("a recording");
    let samples = reader.samples::<i16>().map(|sample| sample.expect("a sample")).collect();
    (serde_json::from_slice(&report).expect("JSON"), reader.spec(), samples)
}

/// All samples of a FLAC file, decoded with symphonia alone.
pub(crate) fn decoded(path: &Path) -> Vec<i16> {
    use symphonia::core::codecs::audio::AudioDecoderOptions;
    use symphonia::core::formats::probe::Hint;
    use symphonia::core::formats::{FormatOptions, TrackType};
    use symphonia::core::io::MediaSourceStream;
    use symphonia::core::meta::MetadataOptions;

    let file = std::fs::File::open(path).expect("the file");
    let stream = MediaSourceStream::new(Box::new(file), Default::default());
    let mut format = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .expect("a known format");
    let track = format.default_track(TrackType::Audio).expect("a track");
    let parameters = track.codec_params.as_ref().and_then(|all| all.audio()).expect("audio").clone();
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(&parameters, &AudioDecoderOptions::default())
        .expect("a decoder");
    let (mut all, mut block) = (Vec::new(), Vec::<i16>::new());
    while let Some(packet) = format.next_packet().expect("a packet") {
        let audio = decoder.decode(&packet).expect("samples");
        block.clear();
        audio.copy_to_vec_interleaved(&mut block);
        all.extend_from_slice(&block);
    }
    all
}
