//! The processes of a run: the program starts itself as a sink and as a client.

use super::sink::Address;
use super::{CLIENT_CPU, Client, Counts, Measured, Outcome, Spec, floor, official, ours, sink, usage};
use ossicle_model::ids::SessionUuid;
use ossicle_model::stream::Configuration;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdout, Command, Stdio};

/// A domain's name that is well formed.
pub const DOMAIN: &str = "hai-abcdefghijklmnopq";
/// A subscription's name that is well formed.
pub const SUBSCRIPTION: &str = "sub-abcdefghijKLMNOPQRSTU";
/// Where a note would go.
pub const OUTPUT_URI: &str = "s3://bucket/out/";

const ROLE: &str = "--role";

/// What a client is given.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Job {
    /// The run.
    pub spec: Spec,
    /// The sink.
    pub address: Address,
}

/// The name of a session.
#[must_use]
pub fn session_id(index: u32) -> SessionUuid {
    let mut bytes = [0x5a; 16];
    bytes[12..].copy_from_slice(&index.to_be_bytes());
    SessionUuid::from_random_bytes(bytes)
}

/// The configuration that every client sends.
#[must_use]
pub fn configuration_json() -> Vec<u8> {
    Configuration::history_and_physical(OUTPUT_URI).to_json()
}

/// Plays the role that this process was started for. False when it is nobody's child.
#[must_use]
pub fn play() -> bool {
    let arguments: Vec<String> = std::env::args().collect();
    let Some(at) = arguments.iter().position(|argument| argument == ROLE) else { return false };
    let role = arguments.get(at + 1).map(String::as_str);
    let json = arguments.get(at + 2).expect("a role's settings");
    match role {
        Some("sink") => sink::run(serde_json::from_str(json).expect("a spec")),
        Some("client") => run_client(&serde_json::from_str(json).expect("a job")),
        role => panic!("there is no role {role:?}"),
    }
    true
}

fn run_client(job: &Job) {
    usage::many_descriptors();
    if job.spec.pinned {
        usage::pin(CLIENT_CPU);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let measured = runtime.block_on(async {
        match job.spec.client {
            Client::Ours => ours::run(job).await,
            Client::Official => official::run(job).await,
            Client::Floor => floor::run(job).await,
        }
    });
    let line = serde_json::to_string(&measured).expect("JSON");
    writeln!(std::io::stdout(), "{line}").expect("the parent reads");
    // Sessions end with the process; nobody waits for them.
    std::process::exit(0);
}

/// A sink in a process of its own.
#[derive(Debug)]
pub struct Sink {
    child: Child,
    out: BufReader<ChildStdout>,
    /// How to reach it.
    pub address: Address,
}

fn start(role: &str, settings: &impl Serialize) -> Child {
    let program = std::env::current_exe().expect("this program's path");
    let json = serde_json::to_string(settings).expect("JSON");
    Command::new(program)
        .args([ROLE, role, &json])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a process")
}

impl Sink {
    /// Starts it; it serves until [`Sink::end`].
    #[must_use]
    pub fn start(spec: &Spec) -> Self {
        let mut child = start("sink", spec);
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut line = String::new();
        out.read_line(&mut line).expect("the sink's first line");
        let address = serde_json::from_str(&line).expect("the sink's address");
        Self { child, out, address }
    }

    /// Ends it and takes its counts.
    #[must_use]
    pub fn end(mut self) -> Counts {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("the sink's counts");
        self.child.wait().expect("the sink's end");
        serde_json::from_str(&rest).expect("the sink's counts")
    }
}

/// One run, in processes of its own.
///
/// # Errors
/// When the client failed; its own words are on standard error.
pub fn run(spec: &Spec) -> Result<Outcome, String> {
    let sink = Sink::start(spec);
    let job = Job { spec: spec.clone(), address: sink.address.clone() };
    let output = start("client", &job).wait_with_output().map_err(|error| error.to_string())?;
    let counts = sink.end();
    if !output.status.success() {
        return Err(format!("{} with {} sessions: {}", spec.client.name(), spec.sessions, output.status));
    }
    let measured: Measured =
        serde_json::from_slice(&output.stdout).map_err(|error| format!("no figures: {error}"))?;
    Ok(Outcome { spec: spec.clone(), measured, counts })
}
