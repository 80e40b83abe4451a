//! What a seed means: settings, sessions, and the faults that come.

use crate::rng::Rng;
use ossicle_core::OffsetRule;

/// Faults come until here.
pub(crate) const CALM_MS: u64 = 100_000;

/// A seed runs at least this long.
pub(crate) const RUN_MS_MIN: u64 = 120_000;

/// After the faults have ended, every live session streams, pauses or is closed within this time: a PING's
/// timeout or a head's, a ghost's idle limit, and the longest backoff after each.
pub(crate) const HEAL_MS_MAX: u64 = 50_000;

/// What the fattest stream takes while it catches up: 16 kHz stereo as base64, at three times real time.
const STREAM_BYTES_PER_S: u64 = 300_000;

/// One seed's world.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) tick_ms: u32,
    pub(crate) streams_per_connection: u32,
    pub(crate) peer_streams_max: u32,
    pub(crate) ping_interval_ms: u32,
    pub(crate) catch_up_rate: f32,
    pub(crate) unwritten_bytes_max: u32,
    pub(crate) held_bytes_max: u64,
    /// The wall clock at the start.
    pub(crate) wall_ms: i64,
    pub(crate) skew_ms: i64,
    /// How long keys live.
    pub(crate) keys_ms: i64,
    pub(crate) delay_ms: u64,
    pub(crate) jitter_ms: u64,
    pub(crate) bytes_per_s: u64,
    pub(crate) socket_bytes: usize,
    pub(crate) stream_window: u32,
    pub(crate) connection_window: u32,
    pub(crate) head_ms: u64,
    /// A newer stream of the same session is refused while an older one seems alive, instead of ending it.
    pub(crate) ghosts_refuse: bool,
    pub(crate) offsets_continue: bool,
    pub(crate) sessions: Vec<SessionPlan>,
    pub(crate) faults: Vec<(u64, Fault)>,
}

/// One session.
#[derive(Debug, Clone)]
pub(crate) struct SessionPlan {
    pub(crate) open_ms: u64,
    pub(crate) rate_hz: u32,
    pub(crate) channels: u8,
    pub(crate) flac: bool,
    pub(crate) json: bool,
    pub(crate) chunk_ms: u32,
    pub(crate) ring_ms: u32,
    pub(crate) held_ms_max: u32,
    pub(crate) overlap_ms: u32,
    pub(crate) offsets: OffsetRule,
    pub(crate) finish_deadline_ms: u64,
    pub(crate) open_patience_ms: u64,
    pub(crate) resume_window_ms: u64,
    pub(crate) audio_total_ms_max: u64,
    pub(crate) period_ms: u64,
    pub(crate) jitter_ms: u64,
    pub(crate) drift_ppm: i64,
    pub(crate) wide: bool,
    pub(crate) acts: Vec<(u64, Act)>,
}

/// What the application does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Pause,
    Resume,
    Mute(bool),
    Finish,
    Abort,
    Forget,
}

/// What goes wrong. Streams, connections and sessions are drawn when it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    ResetStream,
    CleanClose,
    InternalException,
    ValidationException,
    Garbage,
    WrongChecksum,
    HugeLength,
    Stranger,
    GoAwayPlanned,
    GoAwayCalm,
    ResetConnection,
    CutUp(u64),
    CutDown(u64),
    HalfOpen,
    Ghost,
    Refuse(Refusal),
    StarveStream(u64),
    StarveConnection(u64),
    StallSocket(u64),
    Blackhole(u64),
    Connect(ConnectFault, u64),
    WallJump(i64),
    Sleep { ms: u64, dead: bool, clock_stops: bool },
    NetworkChanged { dead: bool },
    AbsentPoller(u64),
    LateTicks(u64),
    MicBurst(u64),
    MicStall(u64),
    KeysUnavailable(u64),
    RevokeKeys,
}

impl Fault {
    /// Whether a session ends for good with it.
    pub(crate) fn is_final(self) -> bool {
        matches!(self, Self::ValidationException | Self::Stranger | Self::Refuse(Refusal::Final(_)))
    }
}

/// How the next requests are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    Throttle,
    Early500,
    Late500,
    RefusedStream,
    NoHead,
    Final(u16),
}

/// How connecting fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectFault {
    Refused,
    SlowDns,
    NoDns,
    NoSuchName,
    Tls,
    Certificate,
    NoHttp2,
}

/// 2026-03-14T00:00:00Z.
const MIDNIGHT_MS: i64 = 1_773_446_400_000;

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let rng = &mut rng;
        let wall_ms = if rng.chance(15) {
            MIDNIGHT_MS - rng.range(10_000, 100_000) as i64
        } else {
            MIDNIGHT_MS + rng.range(3_600_000, 20 * 3_600_000) as i64
        };
        let skew_ms = match rng.range(0, 10) {
            0..5 => rng.range(0, 1_000) as i64,
            5..7 => signed(rng, 60_000, 240_000),
            _ => signed(rng, 400_000, 7_200_000),
        };
        let count = rng.range(2, 5);
        let sessions = (0..count).map(|at| SessionPlan::new(rng, at == 0)).collect();
        let delay_ms = rng.pick(&[1, 10, 30, 80, 150]);
        let jitter_ms = rng.range(0, delay_ms + 1);
        let streams_per_connection = rng.pick(&[1, 2, 16]);
        // A window is small, but carries what its streams need in a round trip: no engine could live with less.
        let needed = (2 * (delay_ms + jitter_ms) * STREAM_BYTES_PER_S / 1_000) as u32;
        let shared = needed * streams_per_connection.min(count as u32);
        Self {
            tick_ms: rng.pick(&[10, 10, 10, 20, 50]),
            streams_per_connection,
            peer_streams_max: rng.pick(&[1, 2, 100, u32::MAX]),
            ping_interval_ms: rng.pick(&[300, 1_000, 1_000, 2_000, 40_000]),
            catch_up_rate: rng.pick(&[2.0, 2.0, 1.5, 3.0]),
            unwritten_bytes_max: rng.pick(&[8_192, 65_536, 65_536]),
            held_bytes_max: if rng.chance(10) { 120_000 } else { 256 << 20 },
            wall_ms,
            skew_ms,
            keys_ms: if rng.chance(30) { rng.range(40_000, 120_000) as i64 } else { 12 * 3_600_000 },
            delay_ms,
            jitter_ms,
            bytes_per_s: rng.pick(&[1_000_000, 2_000_000, 10_000_000]),
            socket_bytes: rng.pick(&[16_384, 65_536, 262_144]),
            stream_window: needed.max(rng.pick(&[1 << 20, 65_535, 65_535, 32_768, 3_000])),
            connection_window: shared.max(rng.pick(&[1 << 20, 65_535, 131_072])),
            head_ms: rng.pick(&[5, 50, 300, 1_500]),
            ghosts_refuse: rng.chance(50),
            offsets_continue: rng.chance(40),
            sessions,
            faults: faults(rng),
        }
    }
}

fn signed(rng: &mut Rng, from: u64, to: u64) -> i64 {
    let value = rng.range(from, to) as i64;
    if rng.chance(50) { value } else { -value }
}

impl SessionPlan {
    pub(crate) fn new(rng: &mut Rng, first: bool) -> Self {
        let rate_hz = rng.pick(&[8_000, 8_000, 16_000]);
        let flac = rng.chance(20);
        let offsets = rng.pick(&[OffsetRule::Detect, OffsetRule::Restart, OffsetRule::Continue]);
        Self {
            open_ms: if first { 0 } else { rng.range(0, 20_000) },
            rate_hz,
            channels: rng.pick(&[1, 1, 2]),
            flac,
            json: rng.chance(25),
            chunk_ms: rng.pick(&[100, 100, 100, 60, 250]),
            ring_ms: rng.pick(&[200, 500, 500, 2_000]),
            held_ms_max: rng.pick(&[60_000, 60_000, 60_000, 5_000, 1_500]),
            overlap_ms: rng.pick(&[0, 0, 0, 300]),
            offsets,
            finish_deadline_ms: rng.pick(&[30_000, 30_000, 60_000, 4_000]),
            open_patience_ms: if !first && rng.chance(15) { 8_000 } else { 5 * 3_600_000 },
            resume_window_ms: if !first && rng.chance(12) {
                rng.range(20_000, 90_000)
            } else {
                5 * 3_600_000
            },
            audio_total_ms_max: if rng.chance(10) { 620_000 } else { 2 * 3_600_000 },
            period_ms: rng.pick(&[10, 20, 40]),
            jitter_ms: rng.pick(&[0, 5, 30]),
            drift_ppm: signed(rng, 0, 300),
            wide: rng.chance(20),
            acts: acts(rng, first),
        }
    }
}

/// What the application does with a session, in times after its opening. The first session is there to the end, so that
/// each fault finds something to break.
fn acts(rng: &mut Rng, first: bool) -> Vec<(u64, Act)> {
    let mut acts = Vec::new();
    for _ in 0..rng.range(0, 4) {
        let at = rng.range(0, 90_000);
        let short = if rng.chance(30) { 500 } else { 15_000 };
        match rng.range(0, 10) {
            0..4 => {
                acts.push((at, Act::Pause));
                acts.push((at + rng.range(0, short), Act::Resume));
            }
            4..7 => {
                acts.push((at, Act::Mute(true)));
                acts.push((at + rng.range(0, short), Act::Mute(false)));
            }
            7 | 8 => acts.push((at, rng.pick(&[Act::Pause, Act::Mute(true)]))),
            _ => acts.push((at, rng.pick(&[Act::Resume, Act::Mute(false)]))),
        }
    }
    match rng.range(0, 10) {
        _ if first => {}
        0..3 => acts.push((rng.range(0, 95_000), Act::Finish)),
        3 => acts.push((rng.range(0, 95_000), Act::Abort)),
        4 => acts.push((rng.range(0, 95_000), Act::Forget)),
        _ => {}
    }
    if !first && rng.chance(15) {
        // Before anybody has answered.
        let all =
            [Act::Pause, Act::Resume, Act::Mute(true), Act::Finish, Act::Abort, Act::Forget, Act::Resume];
        acts.push((rng.range(0, 400), rng.pick(&all)));
    }
    if !first && rng.chance(25) {
        // Soon after one another: a session ends while it pauses, or is destroyed while it finishes.
        let at = rng.range(5_000, 90_000);
        let first = rng.pick(&[Act::Pause, Act::Finish, Act::Mute(true)]);
        let second = rng.pick(&[Act::Finish, Act::Abort, Act::Forget]);
        acts.push((at, first));
        acts.push((at + rng.range(0, 400), second));
    }
    acts.sort_by_key(|(at, _)| *at);
    acts
}

/// Faults of a seed: several apart, and now and then some at once.
fn faults(rng: &mut Rng) -> Vec<(u64, Fault)> {
    let count = rng.range(6, 12);
    let mut faults: Vec<(u64, Fault)> = Vec::new();
    for _ in 0..count {
        let at = match faults.last() {
            Some((before, _)) if rng.chance(25) => before + rng.range(0, 1_500),
            _ => rng.range(1_000, 88_000),
        };
        faults.push((at, fault(rng)));
    }
    faults.sort_by_key(|(at, _)| *at);
    // One final refusal, one sleep and one jump a seed: two of a kind would leave nothing to look at.
    let mut seen = [false; 3];
    for (_, fault) in &mut faults {
        let class = match fault {
            _ if fault.is_final() => 0,
            Fault::Sleep { .. } => 1,
            Fault::WallJump(_) => 2,
            _ => continue,
        };
        if std::mem::replace(&mut seen[class], true) {
            *fault = Fault::ResetStream;
        }
    }
    faults
}

fn fault(rng: &mut Rng) -> Fault {
    match rng.range(0, 37) {
        0 => Fault::ResetStream,
        1 => Fault::CleanClose,
        2 => Fault::InternalException,
        3 => rng.pick(&[Fault::ValidationException, Fault::InternalException]),
        4 => Fault::Garbage,
        5 => Fault::WrongChecksum,
        6 => Fault::HugeLength,
        7 => rng.pick(&[Fault::Stranger, Fault::ResetStream]),
        8 => Fault::GoAwayPlanned,
        9 => Fault::GoAwayCalm,
        10 => Fault::ResetConnection,
        11 => Fault::CutUp(rng.range(0, 30_000)),
        12 => Fault::CutDown(rng.range(0, 600)),
        13 => Fault::HalfOpen,
        14 | 15 => Fault::Ghost,
        16 => Fault::Refuse(Refusal::Throttle),
        17 => Fault::Refuse(Refusal::Early500),
        18 => Fault::Refuse(Refusal::Late500),
        19 => Fault::Refuse(Refusal::RefusedStream),
        20 => Fault::Refuse(Refusal::NoHead),
        21 => Fault::Refuse(Refusal::Final(rng.pick(&[400, 401, 402, 404]))),
        22 => Fault::StarveStream(rng.range(1_000, 30_000)),
        23 => Fault::StarveConnection(rng.range(1_000, 30_000)),
        24 => Fault::StallSocket(rng.range(500, 20_000)),
        25 => Fault::Blackhole(rng.range(500, 40_000)),
        26 | 27 => {
            let all = [
                ConnectFault::Refused,
                ConnectFault::SlowDns,
                ConnectFault::NoDns,
                ConnectFault::NoSuchName,
                ConnectFault::Tls,
                ConnectFault::Certificate,
                ConnectFault::NoHttp2,
            ];
            Fault::Connect(rng.pick(&all), rng.range(500, 20_000))
        }
        28 => Fault::WallJump(signed(rng, 5_000, 7_200_000)),
        29 => {
            Fault::Sleep { ms: rng.range(2_000, 60_000), dead: rng.chance(70), clock_stops: rng.chance(60) }
        }
        30 => Fault::NetworkChanged { dead: rng.chance(60) },
        31 => Fault::AbsentPoller(rng.range(1_000, 30_000)),
        32 => Fault::LateTicks(rng.range(100, 4_000)),
        33 => Fault::MicBurst(rng.range(200, 3_000)),
        34 => Fault::MicStall(rng.range(1_000, 20_000)),
        35 => Fault::KeysUnavailable(rng.range(1_000, 20_000)),
        _ => Fault::RevokeKeys,
    }
}
