//! The loop that takes the drift of one clock against another out.
//!
//! A proportional and an integral part, critically damped, far slower than the jitter of callbacks: a drift of 300 ppm leads
//! to an error of 0.9 ms that is gone within half a minute, and 10 ms of jitter move the pitch by a few ppm only.

use crate::limits::DRIFT_MAX;

/// Natural frequency of the loop, radians a second (0.02 Hz).
const NATURAL: f64 = 0.126;
/// Time constants of the two filters ahead of the loop, seconds. One leaves steps at each measurement, which are heard as a
/// roughness of -79 dB where only arrival is known; behind two it is gone.
const SMOOTH_S: [f64; 2] = [1.0, 0.5];
/// Longest step that one measurement may stand for, seconds.
const STEP_S_MAX: f64 = 0.5;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Steer {
    smooth_s: [f64; 2],
    drift: f64,
    relative: f64,
    last_ns: Option<u64>,
}

impl Steer {
    pub(crate) fn new() -> Self {
        Self { smooth_s: [0.0; 2], drift: 0.0, relative: 1.0, last_ns: None }
    }

    /// A new run begins: where it is, is right; the drift that was learned stays.
    pub(crate) fn restart(&mut self) {
        self.smooth_s = [0.0; 2];
        self.last_ns = None;
        self.relative = 1.0 + self.drift;
    }

    /// The ratio as it is steered now, relative to the nominal one.
    pub(crate) fn relative(&self) -> f64 {
        self.relative
    }

    /// Takes in that frames measured at `ns` lie `error_s` seconds ahead of where they belong (their place is too low), and
    /// returns the new relative ratio.
    pub(crate) fn correct(&mut self, error_s: f64, ns: u64) -> f64 {
        let step_s = self.last_ns.map_or(0.0, |last| ns.saturating_sub(last) as f64 / 1e9).min(STEP_S_MAX);
        self.last_ns = Some(ns);
        let mut error_s = error_s;
        for (smooth_s, constant_s) in self.smooth_s.iter_mut().zip(SMOOTH_S) {
            *smooth_s += (error_s - *smooth_s) * (step_s / constant_s).min(1.0);
            error_s = *smooth_s;
        }
        self.drift = (self.drift + NATURAL * NATURAL * error_s * step_s).clamp(-DRIFT_MAX, DRIFT_MAX);
        self.relative = (1.0 + self.drift + 2.0 * NATURAL * error_s).clamp(1.0 - DRIFT_MAX, 1.0 + DRIFT_MAX);
        self.relative
    }
}
