//! What goes wrong, as one plain sentence and an exit status.

use ossicle::core::{Failure, Status};

/// Why a command ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The command was called wrongly: exit status 2.
    Usage(String),
    /// The command was right and failed: exit status 1.
    Failed {
        /// Whose fault it is, as the report has it.
        status: Status,
        /// What is wrong and what to try.
        sentence: String,
    },
    /// The command failed, and has already said so: exit status 1.
    Said,
}

/// What a command gives back.
pub(crate) type Outcome<T = ()> = Result<T, Fault>;

impl Fault {
    /// A wrong call.
    pub(crate) fn usage(sentence: impl Into<String>) -> Self {
        Self::Usage(sentence.into())
    }

    /// A failure that the caller's input is to blame for.
    pub(crate) fn input(sentence: impl Into<String>) -> Self {
        Self::Failed { status: Status::BadArgument, sentence: sentence.into() }
    }

    /// A failure of this status.
    pub(crate) fn failed(status: Status, sentence: impl Into<String>) -> Self {
        Self::Failed { status, sentence: sentence.into() }
    }

    /// The exit status.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Failed { .. } | Self::Said => 1,
        }
    }

    /// The sentence, unless it has been said.
    pub(crate) fn sentence(&self) -> Option<&str> {
        match self {
            Self::Usage(sentence) | Self::Failed { sentence, .. } => Some(sentence),
            Self::Said => None,
        }
    }
}

/// A failure of a session in one sentence that names the endpoint where the network or the service is to blame.
pub(crate) fn sentence(failure: &Failure, endpoint: &str) -> String {
    use ossicle::core::Blame;
    match failure.status.blame() {
        Blame::Network | Blame::Service | Blame::Identity => format!("{failure} ({endpoint})"),
        Blame::Nobody | Blame::Caller | Blame::Engine => failure.to_string(),
    }
}

/// What the system says about a file, without its number.
pub(crate) fn io_words(error: &std::io::Error) -> String {
    use std::io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => "there is no such file".into(),
        ErrorKind::PermissionDenied => "you may not read it".into(),
        ErrorKind::IsADirectory => "it is a folder".into(),
        ErrorKind::AddrInUse => "the address is in use".into(),
        ErrorKind::AddrNotAvailable => "the address is not this machine's".into(),
        kind => kind.to_string(),
    }
}

/// A panic becomes one sentence: nobody is helped by a stack trace, and its text could hold what must not be shown.
pub(crate) fn hide_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place =
            panic.location().map_or_else(String::new, |at| format!(" (at {}:{})", at.file(), at.line()));
        eprintln!("ossicle: an internal error ended the command; please report it{place}");
    }));
}
