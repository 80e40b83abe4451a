//! The ledger: what became of each captured frame.
//!
//! `captured == delivered + in_flight + held + dropped` holds after every step; the simulator checks it.

/// Why frames were dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum DropReason {
    /// The ring was full: the engine could not keep up with `push`.
    RingFull,
    /// Held audio passed its bound before it could be sent.
    HeldLimit,
    /// Sent, let go of because of the bound, and its stream was lost before delivery was proven.
    Unproven,
    /// Pushed while the session was paused: not a loss.
    Paused,
    /// Pushed while the session was muted: not a loss.
    Muted,
    /// Held when the session ended without being able to send it.
    Ended,
}

impl DropReason {
    /// All reasons, in the order of [`Ledger::dropped_by_reason`].
    pub const ALL: [Self; 6] =
        [Self::RingFull, Self::HeldLimit, Self::Unproven, Self::Paused, Self::Muted, Self::Ended];

    /// The word in reports.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::RingFull => "ring_full",
            Self::HeldLimit => "held_limit",
            Self::Unproven => "unproven",
            Self::Paused => "paused",
            Self::Muted => "muted",
            Self::Ended => "ended",
        }
    }

    /// Whether audio that somebody wanted is gone.
    #[must_use]
    pub const fn is_loss(self) -> bool {
        !matches!(self, Self::Paused | Self::Muted)
    }
}

/// The account of a session's frames, at the wire rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ledger {
    /// Offered by `push`, whatever became of it.
    pub captured: u64,
    /// Proven to have arrived at the peer's HTTP/2 stack.
    pub delivered: u64,
    /// Sent, not proven yet.
    pub in_flight: u64,
    /// Kept here.
    pub held: u64,
    /// Dropped, by [`DropReason`].
    dropped: [u64; DropReason::ALL.len()],
    /// Silence put in (not part of `captured`).
    pub silence: u64,
    /// Frames sent more than once (not part of `captured`).
    pub resent: u64,
}

impl Ledger {
    /// Dropped frames, of all reasons.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.iter().sum()
    }

    /// Dropped frames that somebody wanted: all but `paused` and `muted`.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.dropped_by_reason().filter(|(reason, _)| reason.is_loss()).map(|(_, frames)| frames).sum()
    }

    /// Dropped frames of each reason.
    pub fn dropped_by_reason(&self) -> impl Iterator<Item = (DropReason, u64)> + '_ {
        DropReason::ALL.into_iter().zip(self.dropped.iter().copied())
    }

    /// Whether every captured frame is accounted for.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        self.captured == self.delivered + self.in_flight + self.held + self.dropped()
    }

    /// Frames that were captured and dropped at once.
    pub(crate) fn capture_dropped(&mut self, reason: DropReason, frames: u64) {
        self.captured += frames;
        self.add_dropped(reason, frames);
    }

    pub(crate) fn add_dropped(&mut self, reason: DropReason, frames: u64) {
        // The position in `ALL` is the declaration order.
        self.dropped[reason as usize] += frames;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_counted_at_their_own_place() {
        let mut ledger = Ledger::default();
        for (n, reason) in DropReason::ALL.into_iter().enumerate() {
            ledger.capture_dropped(reason, n as u64 + 1);
        }
        let counted: Vec<_> = ledger.dropped_by_reason().collect();
        let wanted: Vec<_> = DropReason::ALL.into_iter().zip(1..).collect();
        assert_eq!(counted, wanted);
        assert!(ledger.is_balanced());
        assert_eq!(ledger.lost(), 1 + 2 + 3 + 6);
    }
}
