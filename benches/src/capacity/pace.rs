//! When each session's chunks are due, and when a run's window begins and ends.

use super::{Measured, Pace, Spec, usage};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The steady part of a real-time run.
const WINDOW: (f64, f64) = (0.25, 0.85);
/// The part of a free run's audio that is measured.
const WINDOW_FREE: (f64, f64) = (0.10, 0.90);
/// How long system calls are counted, behind the window.
const COUNTED: Duration = Duration::from_secs(1);
/// How often a free run's progress is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// When chunks are due.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    start: Instant,
    start_ns: u64,
    chunk: Duration,
    sessions: u32,
    grid: Duration,
}

impl Schedule {
    /// Chunks are due from now on.
    #[must_use]
    pub fn start(spec: &Spec) -> Self {
        Self {
            start: Instant::now(),
            start_ns: usage::now_ns(),
            chunk: Duration::from_millis(spec.chunk_ms.into()),
            sessions: spec.sessions,
            grid: Duration::from_millis(spec.grid_ms.into()),
        }
    }

    /// When the audio of a session's chunk is complete: sessions are spread evenly over a chunk.
    #[must_use]
    pub fn complete(&self, session: u32, chunk: u32) -> Instant {
        self.start + self.chunk * (chunk + 1) + self.chunk * session / self.sessions
    }

    /// When it is sent: with a grid, at its next line.
    #[must_use]
    pub fn send(&self, session: u32, chunk: u32) -> Instant {
        let complete = self.complete(session, chunk);
        if self.grid.is_zero() {
            return complete;
        }
        let lines = complete.duration_since(self.start).as_nanos().div_ceil(self.grid.as_nanos());
        self.start + self.grid * u32::try_from(lines).expect("a run of days")
    }

    /// A time as the clock that processes share has it.
    #[must_use]
    pub fn shared_ns(&self, at: Instant) -> u64 {
        self.start_ns + at.duration_since(self.start).as_nanos() as u64
    }
}

/// What the sessions of a client tell, and what they wait for.
#[derive(Debug)]
pub struct Progress {
    opened: AtomicU32,
    chunks: AtomicU64,
    go: watch::Sender<Option<Schedule>>,
}

impl Default for Progress {
    fn default() -> Self {
        Self { opened: AtomicU32::new(0), chunks: AtomicU64::new(0), go: watch::Sender::new(None) }
    }
}

impl Progress {
    /// A session has its answer.
    pub fn opened(&self) {
        self.opened.fetch_add(1, Ordering::Relaxed);
    }

    /// A chunk was handed over.
    pub fn chunk(&self) {
        self.chunks.fetch_add(1, Ordering::Relaxed);
    }

    /// Waits until audio begins.
    pub async fn started(&self) -> Schedule {
        let mut go = self.go.subscribe();
        let schedule = go.wait_for(Option::is_some).await.expect("the run is on");
        schedule.expect("it was waited for")
    }

    /// Waits until this many sessions are open.
    pub async fn until_open(&self, sessions: u32) {
        while self.opened.load(Ordering::Relaxed) < sessions {
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Lets audio begin and measures the window. `source_us` reads the time of the thread that stands for the application.
    pub async fn measure(&self, spec: &Spec, source_us: impl Fn() -> u64) -> Measured {
        self.go.send_replace(Some(Schedule::start(spec)));
        let begin = Instant::now();
        let chunk_s = f64::from(spec.chunk_ms) / 1e3;
        let chunks_max = (spec.seconds / chunk_s * f64::from(spec.sessions)) as u64;
        let reach = async |part: f64| match spec.pace {
            Pace::RealTime => {
                let at = begin + Duration::from_secs_f64(spec.seconds * part);
                tokio::time::sleep_until(at.into()).await;
            }
            Pace::Free => {
                while (self.chunks.load(Ordering::Relaxed) as f64) < chunks_max as f64 * part {
                    tokio::time::sleep(LOOK).await;
                }
            }
        };
        let (from, to) = if spec.pace == Pace::RealTime { WINDOW } else { WINDOW_FREE };
        reach(from).await;
        let (first, first_source, chunks, start) =
            (usage::process(), source_us(), self.chunks.load(Ordering::Relaxed), Instant::now());
        reach(to).await;
        let (last, last_source) = (usage::process(), source_us());
        let wall_s = start.elapsed().as_secs_f64();
        let session_seconds = match spec.pace {
            Pace::RealTime => wall_s * f64::from(spec.sessions),
            Pace::Free => (self.chunks.load(Ordering::Relaxed) - chunks) as f64 * chunk_s,
        };
        let rss_steady = usage::rss_bytes();
        // It blocks, and counting is not cheap: a thread of its own, when the window is over.
        let counted = tokio::task::spawn_blocking(|| usage::system_calls_per_s(COUNTED)).await;
        Measured {
            system_calls_per_s: counted.ok().flatten(),
            cpu_us: last.cpu_us - first.cpu_us,
            user_us: last.user_us - first.user_us,
            source_us: last_source - first_source,
            session_seconds,
            wall_s,
            waits: last.waits - first.waits,
            rss_steady,
            ..Measured::default()
        }
    }
}
