//! A witness that hears whatever anybody in this process logs, by `tracing` and by `log`, at every level, and knows what
//! nobody may say: audio, what was said, what is known of a patient, and keys, in any form in which bytes get printed.
#![allow(unreachable_pub, dead_code, reason = "each test target uses its own part")]

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Bytes of audio that are looked for at once: too long to occur by chance.
const AUDIO_PIECE_BYTES: usize = 16;
/// A piece of audio is looked for every so many bytes: less than any chunk.
const AUDIO_STEP_BYTES: usize = 400;

struct Heard {
    /// Without white space, so that a list that is printed over several lines is found too.
    text: String,
    targets: BTreeSet<String>,
}

static HEARD: Mutex<Heard> = Mutex::new(Heard { text: String::new(), targets: BTreeSet::new() });

fn heard() -> MutexGuard<'static, Heard> {
    HEARD.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Squeezed<'a>(&'a mut String);

impl fmt::Write for Squeezed<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend(text.chars().filter(|character| !character.is_whitespace()));
        Ok(())
    }
}

fn squeezed(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace()).collect()
}

struct Fields<'a>(&'a mut String);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let _ = writeln!(Squeezed(self.0), "{field}={value:?};");
    }
}

struct Everything;

impl Subscriber for Everything {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        let mut heard = heard();
        heard.targets.insert(attributes.metadata().target().to_owned());
        attributes.record(&mut Fields(&mut heard.text));
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Fields(&mut heard().text));
    }
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut heard = heard();
        heard.targets.insert(event.metadata().target().to_owned());
        event.record(&mut Fields(&mut heard.text));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl log::Log for Everything {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }
    fn log(&self, record: &log::Record<'_>) {
        let mut heard = heard();
        heard.targets.insert(record.target().to_owned());
        let _ = writeln!(Squeezed(&mut heard.text), "{};", record.args());
    }
    fn flush(&self) {}
}

/// Begins to listen.
pub fn listen() {
    static LISTENS: OnceLock<()> = OnceLock::new();
    LISTENS.get_or_init(|| {
        tracing::subscriber::set_global_default(Everything).expect("the first subscriber");
        log::set_logger(&Everything).expect("the first logger");
        log::set_max_level(log::LevelFilter::Trace);
    });
}

/// Hears a text that does not come by a log: a `Debug` output, a message, an error.
pub fn hear(text: impl fmt::Display) {
    let _ = write!(Squeezed(&mut heard().text), "{text};");
}

/// Whether a target whose name begins so has said anything.
pub fn has_heard_from(target: &str) -> bool {
    heard().targets.iter().any(|known| known.starts_with(target))
}

/// What nobody may say.
#[derive(Default)]
pub struct Secrets(Vec<(String, String)>);

impl Secrets {
    /// A text or a key.
    pub fn bytes(mut self, name: &str, bytes: &[u8]) -> Self {
        self.add(name, bytes);
        self
    }

    /// 16-bit audio: pieces of it, as bytes and as numbers.
    pub fn audio(mut self, samples: &[i16]) -> Self {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        for at in (0..bytes.len() - AUDIO_PIECE_BYTES).step_by(AUDIO_STEP_BYTES) {
            self.add("audio", &bytes[at..at + AUDIO_PIECE_BYTES]);
            let numbers = format!("{:?}", &samples[at / 2..(at + AUDIO_PIECE_BYTES) / 2]);
            self.0.push(("audio as numbers".to_owned(), squeezed(numbers.trim_matches(['[', ']']))));
        }
        self
    }

    fn add(&mut self, name: &str, bytes: &[u8]) {
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let decimals = format!("{bytes:?}");
        let escaped = bytes.escape_ascii().to_string();
        // As `bytes` prints a buffer.
        let printed = format!("{:?}", String::from_utf8_lossy(bytes));
        let mut forms = vec![hex.to_uppercase(), hex, decimals.trim_matches(['[', ']']).to_owned(), escaped];
        if !printed.contains('\u{fffd}') {
            forms.push(printed.trim_matches('"').to_owned());
            forms.push(String::from_utf8_lossy(bytes).into_owned());
        }
        self.0.extend(forms.into_iter().map(|form| (name.to_owned(), squeezed(&form))));
    }

    /// The first of them that was said, and its form.
    pub fn said(&self) -> Option<(String, String)> {
        let heard = heard();
        self.0.iter().find(|(_, form)| heard.text.contains(form.as_str())).cloned()
    }

    /// Nobody said any of it, and the witness would have heard it.
    pub fn assert_unsaid(&self) {
        assert_eq!(self.said(), None, "was said");
        assert!(heard().text.len() > 10_000, "the witness hears too little");
        for (name, form) in &self.0 {
            assert!(form.len() >= 8, "{name} is too short to be told from chance");
        }
    }
}

/// The witness finds what is said in each way.
pub fn assert_awake() {
    let marker: Vec<u8> = (0..24u8).map(|n| n.wrapping_mul(37) ^ 0x5a).collect();
    let secrets = Secrets::default().bytes("the marker", &marker);
    assert_eq!(secrets.said(), None);
    tracing::trace!(list = ?marker, "said for the witness");
    assert!(secrets.said().is_some(), "a list of decimals by tracing");
    let hex: String = (24..48u8).map(|byte| format!("{byte:02x}")).collect();
    let secrets = Secrets::default().bytes("the other marker", &(24..48).collect::<Vec<u8>>());
    assert_eq!(secrets.said(), None);
    log::trace!("said for the witness: {hex}");
    assert!(secrets.said().is_some(), "hex by log");
}
