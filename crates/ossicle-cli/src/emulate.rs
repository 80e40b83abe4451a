//! `ossicle emulate`: the emulator of the service, on its own.

use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ossicle::core::Status;
use ossicle_emulator::{
    Config, DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, Emulator, Keys, SessionReport, SessionStatus,
    StartError, State, Transport,
};
use serde_json::json;

use crate::args::EmulateArgs;
use crate::conversation;
use crate::fault::{Fault, Outcome, io_words};
use crate::show::{print, words};
use crate::signals::Interrupts;
use crate::target::variable;

/// How often sessions are looked at for what is new.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);

/// Names tried for the certificate's file before giving up: each is random, so one is enough but for an accident.
const CA_NAMES_MAX: u32 = 8;

/// Runs until it is interrupted.
pub(crate) async fn run(args: &EmulateArgs) -> Outcome {
    let mut interrupts = Interrupts::listen();
    let keys = keys_of_environment()?;
    let is_dummy = keys.is_none();
    let config = Config {
        listen: args.listen,
        tls: if args.cleartext { Transport::Cleartext } else { Transport::Tls },
        keys: keys.into_iter().collect(),
        record_dir: args.record.clone(),
        state: args.state.clone().map_or(State::Memory, State::Path),
        bucket_dir: args.record.as_ref().map(|dir| dir.join("buckets")),
        script: Some(conversation::script()?),
        ..Config::default()
    };
    let emulator = Emulator::start(config).await.map_err(|error| not_started(&error))?;
    let ca = emulator.ca_pem().map(|pem| CaFile::write(pem, args.record.as_deref())).transpose()?;
    announce(args, &emulator.url(), ca.as_ref().map(|file| file.path.as_path()), is_dummy);

    let mut seen = Seen::default();
    let mut look = tokio::time::interval(LOOK_INTERVAL);
    loop {
        tokio::select! {
            () = interrupts.next() => break,
            _ = look.tick() => seen.tell(&emulator.sessions(), args.json),
        }
    }
    let last = tokio::select! {
        // Sessions end in order; a second interrupt does not wait for it.
        last = async { let last = emulator.sessions(); emulator.shutdown().await; last } => last,
        () = interrupts.next() => Vec::new(),
    };
    seen.tell(&last, args.json);
    Ok(())
}

fn keys_of_environment() -> Outcome<Option<Keys>> {
    match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => {
            let keys = Keys::new(id, secret);
            Ok(Some(match variable("AWS_SESSION_TOKEN") {
                Some(token) => keys.with_session_token(token),
                None => keys,
            }))
        }
        (None, None) => Ok(None),
        _ => Err(Fault::usage(
            "only one of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY is set: set both, or none to accept a dummy pair",
        )),
    }
}

/// An emulator that did not start, in a sentence.
pub(crate) fn not_started(error: &StartError) -> Fault {
    match error {
        StartError::Listen { addr, source } => Fault::failed(
            Status::BadArgument,
            format!("cannot listen on {addr}: {}: choose another address or port", io_words(source)),
        ),
        StartError::CleartextBeyondLoopback(_) => Fault::usage(error.to_string()),
        StartError::Folder { path, source } => Fault::input(format!(
            "the folder {} cannot be used: {}: give one that can be written",
            path.display(),
            io_words(source)
        )),
        other => Fault::failed(Status::Internal, other.to_string()),
    }
}

fn announce(args: &EmulateArgs, url: &str, ca: Option<&Path>, is_dummy: bool) {
    if args.json {
        let mut line =
            json!({"type": "listening", "url": url, "ca": ca.map(|path| path.display().to_string())});
        if let (true, Some(members)) = (is_dummy, line.as_object_mut()) {
            members.insert(
                "dummy_keys".into(),
                json!({"access_key_id": DUMMY_ACCESS_KEY_ID, "secret_access_key": DUMMY_SECRET_ACCESS_KEY}),
            );
        }
        return print(&line.to_string());
    }
    let mut lines = vec![format!("The emulator listens on {url}")];
    lines.push(match ca {
        Some(path) => format!("  its authority    {}", path.display()),
        None => "  in clear text, HTTP/2 with prior knowledge".to_owned(),
    });
    if is_dummy {
        lines.push("  it accepts this dummy pair of keys:".into());
        lines.push(format!("    export AWS_ACCESS_KEY_ID={DUMMY_ACCESS_KEY_ID}"));
        lines.push(format!("    export AWS_SECRET_ACCESS_KEY={DUMMY_SECRET_ACCESS_KEY}"));
    } else {
        lines.push("  it accepts the keys of its environment".into());
    }
    lines.push("  stream to it from another terminal with:".into());
    let ca = ca.map_or(String::new(), |path| format!(" --ca {}", shell_word(&path.display().to_string())));
    lines.push(format!(
        "    ossicle stream FILE --endpoint {url}{ca} --region us-east-1 --domain {EXAMPLE_DOMAIN} \
         --subscription {EXAMPLE_SUBSCRIPTION}"
    ));
    if let Some(dir) = &args.record {
        lines.push(format!("  recordings go to {}", dir.display()));
    }
    lines.push("It recognises no speech: it reads out the bundled conversation's script, and levels for other audio.".into());
    lines.push("Ctrl-C ends it.".into());
    print(&lines.join("\n"));
}

/// A domain that no account has, for an emulator.
pub(crate) const EXAMPLE_DOMAIN: &str = "hai-0123456789abcdef0123";
/// A subscription that no account has, for an emulator.
pub(crate) const EXAMPLE_SUBSCRIPTION: &str = "sub-0123456789abcdefghijk";

/// A text as one word of a shell, quoted where it has to be.
pub(crate) fn shell_word(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:=@%+,".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

/// The file of the authority's certificate: kept beside recordings, or in the temporary folder and taken away at the end.
struct CaFile {
    path: PathBuf,
    is_temporary: bool,
}

impl CaFile {
    fn write(pem: &str, record: Option<&Path>) -> Outcome<Self> {
        let unwritable = |path: &Path, error: &std::io::Error| {
            Fault::input(format!(
                "the certificate cannot be written to {}: {}",
                path.display(),
                io_words(error)
            ))
        };
        if let Some(dir) = record {
            let path = dir.join("ca.pem");
            std::fs::write(&path, pem).map_err(|error| unwritable(&path, &error))?;
            return Ok(Self { path, is_temporary: false });
        }
        let dir = std::env::temp_dir();
        let mut last = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        for _ in 0..CA_NAMES_MAX {
            let mut random = [0; 8];
            // Without randomness the name is taken once; a second emulator then says that it exists.
            let _ = getrandom::fill(&mut random);
            let path = dir.join(format!("ossicle-ca-{:016x}.pem", u64::from_ne_bytes(random)));
            // Never through a link that somebody else has put there.
            match std::fs::OpenOptions::new().write(true).create_new(true).open(&path) {
                Ok(mut file) => {
                    file.write_all(pem.as_bytes()).map_err(|error| unwritable(&path, &error))?;
                    return Ok(Self { path, is_temporary: true });
                }
                Err(error) => last = error,
            }
        }
        Err(unwritable(&dir, &last))
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        if self.is_temporary {
            // A file that is gone already is what is wanted.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// What was told of each session: its status and its streams.
#[derive(Default)]
struct Seen {
    sessions: HashMap<String, (SessionStatus, usize)>,
}

impl Seen {
    /// Tells of sessions that began, went on or ended since the last look.
    fn tell(&mut self, sessions: &[SessionReport], json: bool) {
        for session in sessions {
            let now = (session.status, session.connections.len());
            if self.sessions.insert(session.session_id.clone(), now) == Some(now) {
                continue;
            }
            if json {
                let mut line = serde_json::to_value(session).unwrap_or_default();
                if let Some(members) = line.as_object_mut() {
                    members.insert("type".into(), "session".into());
                }
                print(&line.to_string());
            } else {
                print(&describe(session));
            }
        }
    }
}

fn describe(session: &SessionReport) -> String {
    let channels = session.channels.map_or(String::new(), |channels| format!(", {channels} ch"));
    let what = format!("{} {} Hz{channels}", session.encoding, words::count(session.rate_hz.into()));
    let heard = words::clock(words::seconds(session.frames, session.rate_hz));
    let verdict = format!(
        "{heard} of audio, {} of {} signatures and checksums verified",
        words::count(session.messages_verified),
        words::count(session.messages)
    );
    let id = &session.session_id;
    match session.status {
        SessionStatus::InProgress if session.connections.len() <= 1 => format!("{id}  began ({what})"),
        SessionStatus::InProgress => format!("{id}  goes on, stream {}", session.connections.len()),
        SessionStatus::Paused => format!("{id}  paused: {verdict}"),
        SessionStatus::Completed => format!("{id}  completed: {verdict}"),
        SessionStatus::Failed => {
            let why = session.problems.first().map_or(String::new(), |problem| format!(": {problem}"));
            format!("{id}  failed{why}: {verdict}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_ids_are_well_formed() {
        ossicle::model::ids::DomainId::parse(EXAMPLE_DOMAIN).expect("a domain id");
        ossicle::model::ids::SubscriptionId::parse(EXAMPLE_SUBSCRIPTION).expect("a subscription id");
    }

    #[test]
    fn words_of_a_shell_are_quoted_where_they_must_be() {
        assert_eq!(shell_word("/tmp/ca.pem"), "/tmp/ca.pem");
        assert_eq!(shell_word("it's here"), r"'it'\''s here'");
    }
}
