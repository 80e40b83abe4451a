//! Bugs that can be planted into the engine, to prove that the simulator would find them.
//!
//! Only with the feature `planted-bugs`, which nothing but the simulator's own tests turns on; without it every
//! question here is answered with a constant "no" and the code behind it is not built.

/// A bug.
#[cfg_attr(not(feature = "planted-bugs"), allow(unreachable_pub, reason = "public only with the feature"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A resend begins one frame late.
    ResendOffByOne,
    /// The delivered mark counts what was written instead of what has left the writer ahead of the PING.
    MarkTooEarly,
    /// A chunk before the delivered mark is sent again.
    ResentAfterMark,
    /// Messages are written whether there is credit or not.
    CreditIgnored,
    /// Past midnight messages are signed with the key of the day on which the stream began.
    WrongDayKey,
    /// What a full ring dropped is not counted.
    DropForgotten,
    /// A PONG counts before the answer to the request.
    PongBeforeAnswer,
    /// A pause ends the session.
    PauseEndsSession,
    /// A clean end of the response counts although it overtook the PONG.
    EndBeforePong,
    /// The last frames before a pause are sent although the session was muted.
    MuteLeaks,
}

#[cfg(feature = "planted-bugs")]
impl Bug {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::ResendOffByOne,
        Self::MarkTooEarly,
        Self::ResentAfterMark,
        Self::CreditIgnored,
        Self::WrongDayKey,
        Self::DropForgotten,
        Self::PongBeforeAnswer,
        Self::PauseEndsSession,
        Self::EndBeforePong,
        Self::MuteLeaks,
    ];
}

#[cfg(feature = "planted-bugs")]
std::thread_local! {
    static PLANTED: std::cell::Cell<Option<Bug>> = const { std::cell::Cell::new(None) };
}

/// Plants a bug into all engines of this thread, or takes it out again.
#[cfg(feature = "planted-bugs")]
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

/// Whether this bug is planted.
#[cfg(feature = "planted-bugs")]
pub(crate) fn has(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}

#[cfg(not(feature = "planted-bugs"))]
#[inline(always)]
pub(crate) const fn has(_: Bug) -> bool {
    false
}
