//! What a client takes from outside: the wall clock and randomness.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

type WallClock = dyn Fn() -> i64 + Send + Sync;
type Random = dyn Fn(&mut [u8]) + Send + Sync;

/// The wall clock and the source of randomness of a client. The default is the system's; a test gives its own.
#[derive(Clone)]
pub struct Surroundings {
    wall_unix_ms: Arc<WallClock>,
    random: Arc<Random>,
}

impl Surroundings {
    /// Surroundings of one's own: a clock that gives milliseconds since 1970, and a function that fills bytes at
    /// random.
    pub fn new(
        wall_unix_ms: impl Fn() -> i64 + Send + Sync + 'static,
        random: impl Fn(&mut [u8]) + Send + Sync + 'static,
    ) -> Self {
        Self { wall_unix_ms: Arc::new(wall_unix_ms), random: Arc::new(random) }
    }

    /// The wall clock's reading in milliseconds since 1970.
    pub fn wall_unix_ms(&self) -> i64 {
        (self.wall_unix_ms)()
    }

    /// Random bytes.
    pub(crate) fn bytes(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        (self.random)(&mut bytes);
        bytes
    }

    /// A random number from 0 up to, but without, 1.
    pub(crate) fn unit(&self) -> f64 {
        let [a, b, c, d, e, f, g, ..] = self.bytes();
        // 53 bits are as many as a double holds.
        let bits = u64::from_le_bytes([a, b, c, d, e, f, g & 0x1f, 0]);
        bits as f64 / (1u64 << 53) as f64
    }
}

impl Default for Surroundings {
    fn default() -> Self {
        let wall = || {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
        };
        // The system's source fails only where there is none at all. A token of zeros is still a valid one, and
        // the service tells two callers' apart by their parameters.
        let random = |bytes: &mut [u8]| _ = getrandom::fill(bytes);
        Self::new(wall, random)
    }
}

impl std::fmt::Debug for Surroundings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Surroundings")
    }
}
