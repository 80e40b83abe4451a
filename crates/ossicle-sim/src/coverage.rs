//! Which faults were really reached, counted where they take effect.

use ossicle_core::State;

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// A kind of fault.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind { $($(#[$doc])* $name,)* }

        impl Kind {
            /// All kinds.
            pub const ALL: &'static [Kind] = &[$(Kind::$name,)*];
        }
    };
}

kinds! {
    /// A live stream was reset.
    StreamReset,
    /// The response ended without anybody asking.
    CleanClose,
    /// GOAWAY with time to move.
    GoAwayPlanned,
    /// GOAWAY because of PINGs.
    EnhanceYourCalm,
    /// A new stream was refused unseen.
    RefusedStream,
    /// A connection was refused.
    RefusedHandshake,
    /// 429 with a delay.
    Throttled,
    /// 500 at once.
    ServiceErrorEarly,
    /// 500 after audio was taken.
    ServiceErrorLate,
    /// An internal exception in the stream.
    InternalException,
    /// A validation exception in the stream: final.
    ValidationException,
    /// A final refusal before the stream.
    FinalRefusal,
    /// A conflict with one's own ghost.
    GhostConflict,
    /// A conflict with a stranger: final.
    StrangerConflict,
    /// The session was complete when END_OF_SESSION came again.
    AlreadyComplete,
    /// A stream was handed over to newer keys.
    KeysHandedOver,
    /// Keys were refused as expired.
    KeysExpired,
    /// The provider had no keys.
    KeysUnavailable,
    /// The clock was wrong and a request was refused for it.
    SkewRefused,
    /// The wall clock jumped.
    WallJump,
    /// The machine slept.
    MachineSleep,
    /// The application said that the network changed.
    NetworkChanged,
    /// Bytes that are no event stream.
    Garbage,
    /// A message with a wrong checksum.
    WrongChecksum,
    /// A message of 4 GiB.
    HugeLength,
    /// No answer to a request.
    NoHead,
    /// A stream's window stayed empty.
    StreamStarved,
    /// A connection's window stayed empty.
    ConnectionStarved,
    /// A message larger than the window.
    PartialMessage,
    /// The socket took nothing.
    SocketStalled,
    /// The connection was reset.
    ConnectionReset,
    /// The connection broke inside what was sent.
    CutUpstream,
    /// The connection broke inside what was received.
    CutDownstream,
    /// The connection went silent.
    HalfOpen,
    /// Nothing passed for a while.
    Blackhole,
    /// The name was resolved slowly.
    SlowDns,
    /// The name was not resolved.
    DnsFailed,
    /// TLS failed.
    TlsFailed,
    /// A captive portal: another certificate, or no HTTP/2, after the session had been open.
    CaptivePortal,
    /// Nobody polled for events.
    AbsentPoller,
    /// The shard got no time.
    LateTicks,
    /// A microphone came in bursts.
    MicrophoneBurst,
    /// A microphone stalled.
    MicrophoneStall,
    /// The ring ran full.
    RingFull,
    /// Held audio passed a session's bound.
    HeldLimit,
    /// Audio that was let go of lost its stream.
    Unproven,
    /// A stream ran over midnight.
    Midnight,
    /// `finish` ran out of time.
    FinishTimedOut,
    /// A session gave up before its first answer.
    OpenPatience,
    /// A service that complained so often that no PINGs are sent any more.
    PingsStopped,
    /// The service ended a response just as the application paused or finished.
    CloseInPassing,
    /// A checklist or a chart came that is not newer.
    SnapshotRepeated,
    /// The resume window came near its end.
    WindowWarned,
    /// The resume window ran out without a stream.
    WindowEnded,
    /// The audio total came near its end.
    TotalWarned,
}

/// Commands whose effect in each state is covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Pause.
    Pause,
    /// Resume.
    Resume,
    /// Mute or unmute.
    Mute,
    /// Finish.
    Finish,
    /// Abort.
    Abort,
    /// Forget: the application destroyed it.
    Forget,
}

impl Asked {
    /// All commands.
    pub const ALL: [Self; 6] =
        [Self::Pause, Self::Resume, Self::Mute, Self::Finish, Self::Abort, Self::Forget];
}

const STATES: [State; 5] =
    [State::Opening, State::Streaming, State::Recovering, State::Draining, State::Paused];

/// How often each fault was reached, and each command in each state.
#[derive(Debug, Clone)]
pub struct Coverage {
    faults: Vec<u64>,
    commands: [[u64; STATES.len()]; Asked::ALL.len()],
}

impl Default for Coverage {
    fn default() -> Self {
        Self { faults: vec![0; Kind::ALL.len()], commands: Default::default() }
    }
}

impl Coverage {
    pub(crate) fn reached(&mut self, kind: Kind) {
        self.faults[kind as usize] += 1;
    }

    pub(crate) fn commanded(&mut self, asked: Asked, state: State) {
        if let Some(at) = STATES.iter().position(|known| *known == state) {
            self.commands[asked as usize][at] += 1;
        }
    }

    /// Adds another run's counts.
    pub fn add(&mut self, other: &Self) {
        self.faults.iter_mut().zip(&other.faults).for_each(|(sum, more)| *sum += more);
        for (row, more) in self.commands.iter_mut().zip(&other.commands) {
            row.iter_mut().zip(more).for_each(|(sum, more)| *sum += more);
        }
    }

    /// How often each kind was reached.
    pub fn faults(&self) -> impl Iterator<Item = (Kind, u64)> + '_ {
        Kind::ALL.iter().copied().zip(self.faults.iter().copied())
    }

    /// How often each command was given in each state.
    pub fn commands(&self) -> impl Iterator<Item = (Asked, State, u64)> + '_ {
        Asked::ALL.into_iter().zip(&self.commands).flat_map(|(asked, row)| {
            STATES.into_iter().zip(row).map(move |(state, count)| (asked, state, *count))
        })
    }
}
