//! `ossicle demo`: the embedded emulator and the bundled conversation, through the whole engine.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ossicle::AudioInput;
use ossicle::audio::{ChannelMap, FrontEndConfig};
use ossicle::core::{Endpoint, Overflow, SessionConfig, Status};
use ossicle::model::ids::{DomainId, SessionUuid, SubscriptionId};
use ossicle::model::stream::{ChannelDefinition, Configuration, ParticipantRole};
use ossicle::sigv4::Credentials;
use ossicle_emulator::{Config, DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, Emulator, Script};
use tokio::sync::oneshot;

use crate::args::DemoArgs;
use crate::carry::{Carrier, Conclusion, Ending, OPEN_PATIENCE_MS, engine};
use crate::conversation;
use crate::emulate::{EXAMPLE_DOMAIN, EXAMPLE_SUBSCRIPTION, not_started};
use crate::fault::{Fault, Outcome};
use crate::feed::Feed;
use crate::keys::Keys;
use crate::outage::Relay;
use crate::pump::Pump;
use crate::show::{Progress, Verdict, Voices, failed_before, fitting, print, words};
use crate::signals::Interrupts;
use crate::source::Source;
use crate::stream::{random_session, ring_ms};
use crate::target::Target;

/// How long the outage of `--outage` lasts, in seconds of the conversation.
const OUTAGE_S: f64 = 4.0;
/// A shorter one could not be seen at a fast pace.
const OUTAGE_MIN: Duration = Duration::from_millis(500);

/// Columns of the welcome, for a terminal of eighty with a margin.
const WELCOME_COLUMNS: usize = 76;

/// Runs the command.
pub(crate) async fn run(args: &DemoArgs) -> Outcome {
    let session_id = random_session()?;
    let outcome = demo(args, session_id).await;
    if let (true, Err(fault @ Fault::Failed { .. })) = (args.json, &outcome) {
        print(&failed_before(fault, Some(session_id.as_str())).to_string());
    }
    outcome
}

async fn demo(args: &DemoArgs, session_id: SessionUuid) -> Outcome {
    let source = conversation::source()?;
    let script = conversation::script()?;
    let cut_s = conversation::mid_sentence_s(&script);
    let service = Arc::new(Service::start(script, args.outage)?);
    let format = source.format();
    let total_s = source.total_frames().map(|frames| words::seconds(frames, format.rate_hz()));

    let configuration = configuration();
    let mut show = fitting(args.json, Voices::of(&configuration), session_id.as_str());
    if !args.json {
        print(&welcome(args, total_s.unwrap_or_default(), service.addr));
    }

    let (domain, subscription) = example_ids()?;
    let mut session = SessionConfig::new(session_id, domain, subscription, configuration);
    session.open_patience_ms = OPEN_PATIENCE_MS;
    session.overflow = Overflow::Wait;
    session.pace = args.pace;
    let mut input = AudioInput::new(format);
    input.ring_ms = ring_ms(args.pace);
    input.front_end = FrontEndConfig {
        wire_rate_hz: format.rate_hz(),
        channel_map: ChannelMap::Stereo,
        // At another pace than 1 the rate is not what it says.
        check_rate: false,
    };
    let keys = Keys::Fixed(Credentials::new(DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, None, None));
    let target = service.target();
    // Until here an interrupt simply ends the command: there is nothing to lose yet.
    let mut interrupts = Interrupts::listen();
    let engine = engine(&target, keys)?;
    let opened = engine.open(session, &input);
    let (session, tap) = opened.map_err(|error| Fault::failed(Status::Internal, error.to_string()))?;
    let pump = Pump::start(tap, Box::new(source), Some(args.pace))
        .map_err(|_| Fault::failed(Status::Limit, "the system gives no more threads: raise its limits"))?;
    let carrier = Carrier {
        session,
        feed: Some(Feed::Pump(pump)),
        ending: Ending::Finish,
        total_s,
        wire: (format.rate_hz(), format.channels()),
        show: show.as_mut(),
        interrupts: &mut interrupts,
    };
    let mut outage = args.outage.then(|| Outage::planned(Arc::clone(&service), cut_s, args.pace));
    let carried = carrier.carry(|progress| outage.as_mut().and_then(|outage| outage.look(progress))).await?;
    let verdict = service.verdict(session_id.as_str());
    Conclusion {
        carried: &carried,
        json: args.json,
        url: &target.url(),
        verdict: Some(&verdict),
        finish_command: None,
    }
    .say()
}

fn welcome(args: &DemoArgs, total_s: f64, addr: SocketAddr) -> String {
    let pace = if (args.pace - 1.0).abs() < f32::EPSILON {
        "in real time".to_owned()
    } else {
        format!("at {} times real time", args.pace)
    };
    let text = format!(
        "A made-up visit of {}, streamed {pace} to an emulator of the service on this machine (TLS, HTTP/2, {addr}), which \
         checks every signature.",
        words::clock(total_s.round())
    );
    let lines = words::wrap(&text, WELCOME_COLUMNS);
    format!("\n  {}\n", lines.join("\n  "))
}

fn configuration() -> Configuration {
    let mut configuration = Configuration::history_and_physical("s3://ossicle-demo/");
    configuration.channel_definitions = Some(vec![
        ChannelDefinition { channel_id: 0, participant_role: ParticipantRole::Clinician },
        ChannelDefinition { channel_id: 1, participant_role: ParticipantRole::Patient },
    ]);
    configuration
}

fn example_ids() -> Outcome<(DomainId, SubscriptionId)> {
    let internal = |error: ossicle::model::Invalid| Fault::failed(Status::Internal, error.to_string());
    let domain = DomainId::parse(EXAMPLE_DOMAIN).map_err(internal)?;
    let subscription = SubscriptionId::parse(EXAMPLE_SUBSCRIPTION).map_err(internal)?;
    Ok((domain, subscription))
}

/// The emulator on a thread of its own, as another machine would be, and the relay before it.
struct Service {
    emulator: Emulator,
    relay: Option<Relay>,
    addr: SocketAddr,
    /// Ends the thread when it is dropped.
    _running: oneshot::Sender<()>,
}

impl Service {
    fn start(script: Script, can_be_cut: bool) -> Outcome<Self> {
        let internal = |why: &str| Fault::failed(Status::Internal, why.to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|_| internal("the system gives no event queue: raise its limits"))?;
        let (running, stopped) = oneshot::channel::<()>();
        let (tell, told) = std::sync::mpsc::sync_channel(1);
        let begin = async move {
            let config = Config { script: Some(script), ..Config::default() };
            let emulator = Emulator::start(config).await.map_err(|error| not_started(&error))?;
            let relay = match can_be_cut {
                true => Some(Relay::start(emulator.addr()).await.map_err(|_| internal("no port is free"))?),
                false => None,
            };
            Ok::<_, Fault>((emulator, relay))
        };
        let thread = move || {
            runtime.block_on(async move {
                // Whoever asked waits for it.
                let _ = tell.send(begin.await);
                // Ends when the sender is dropped.
                let _ = stopped.await;
            });
        };
        let spawned = std::thread::Builder::new().name("emulator".into()).spawn(thread);
        spawned.map_err(|_| internal("the system gives no more threads: raise its limits"))?;
        let (emulator, relay) = told.recv().map_err(|_| internal("the emulator did not start"))??;
        let addr = relay.as_ref().map_or(emulator.addr(), Relay::addr);
        Ok(Self { emulator, relay, addr, _running: running })
    }

    fn target(&self) -> Target {
        Target {
            endpoint: Endpoint { tls: true, host: self.addr.ip().to_string(), port: self.addr.port() },
            region: "us-east-1".to_owned(),
            ca_pem: self.emulator.ca_pem().map(|pem| pem.as_bytes().to_vec()),
            is_loopback: true,
        }
    }

    fn verdict(&self, session_id: &str) -> Verdict {
        match self.emulator.session(session_id) {
            Some(report) => Verdict {
                messages: report.messages,
                verified: report.messages_verified,
                problems: report.problems,
            },
            None => Verdict { messages: 0, verified: 0, problems: vec!["it saw no such session".into()] },
        }
    }
}

/// The outage of `--outage`.
struct Outage {
    service: Arc<Service>,
    at_s: f64,
    length: Duration,
    until: Option<Instant>,
    over: bool,
}

impl Outage {
    fn planned(service: Arc<Service>, at_s: f64, pace: f32) -> Self {
        let length = Duration::from_secs_f64(OUTAGE_S / f64::from(pace)).max(OUTAGE_MIN);
        Self { service, at_s, length, until: None, over: false }
    }

    /// Begins or ends it when it is time. Gives what there is to say.
    fn look(&mut self, progress: &Progress) -> Option<String> {
        let relay = self.service.relay.as_ref()?;
        match self.until {
            None if progress.captured_s >= self.at_s => {
                relay.cut(true);
                self.until = Some(Instant::now() + self.length);
                let seconds = self.length.as_secs_f64();
                Some(format!("The connection is cut now, in mid-sentence, for {seconds:.1} s."))
            }
            Some(until) if !self.over && Instant::now() >= until => {
                relay.cut(false);
                self.over = true;
                None
            }
            _ => None,
        }
    }
}
