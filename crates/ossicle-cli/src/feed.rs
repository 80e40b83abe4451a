//! What feeds a session: the pump of a file or pipe, or a microphone.

use crate::pump::{Pump, PumpEnd};
#[cfg(feature = "mic")]
use crate::source::mic::Recording;

/// A running feed.
pub(crate) enum Feed {
    /// A file, a pipe or the bundled conversation.
    Pump(Pump),
    /// A microphone.
    #[cfg(feature = "mic")]
    Microphone(Recording),
}

impl Feed {
    /// Asks it to stop.
    pub(crate) fn stop(&mut self) {
        match self {
            Self::Pump(pump) => pump.stop(),
            #[cfg(feature = "mic")]
            Self::Microphone(recording) => recording.stop(),
        }
    }

    /// Waits for its end. Cancelling this loses nothing.
    pub(crate) async fn ended(&mut self) -> PumpEnd {
        match self {
            Self::Pump(pump) => pump.ended().await,
            #[cfg(feature = "mic")]
            Self::Microphone(recording) => recording.ended().await,
        }
    }
}
