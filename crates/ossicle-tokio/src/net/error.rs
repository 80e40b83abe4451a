//! The one error of a connection: which step, and why.

use ossicle_core::io::{LossCause, Step};
use std::io;

/// A connection that could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{}", text(*.step, *.cause))]
#[non_exhaustive]
pub struct ConnectError {
    /// The step that failed.
    pub step: Step,
    /// What went wrong in it.
    pub cause: LossCause,
}

impl ConnectError {
    pub(crate) const fn new(step: Step, cause: LossCause) -> Self {
        Self { step, cause }
    }

    /// The failure of a socket in a step.
    pub(crate) fn from_io(step: Step, error: &io::Error) -> Self {
        Self::new(step, cause_of_io(error))
    }

    /// The failure of TLS: rustls wraps its own error into the socket's.
    pub(crate) fn from_tls(error: &io::Error) -> Self {
        use rustls::{AlertDescription, Error};
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match inner {
            None => Self::from_io(Step::Tls, error),
            Some(Error::InvalidCertificate(_) | Error::NoCertificatesPresented) => {
                Self::new(Step::Tls, LossCause::CertificateRejected)
            }
            Some(Error::NoApplicationProtocol)
            | Some(Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
                Self::new(Step::Alpn, LossCause::NoHttp2)
            }
            Some(_) => Self::new(Step::Tls, LossCause::Protocol(None)),
        }
    }
}

/// What the engine needs to know of an error of the socket.
pub(crate) fn cause_of_io(error: &io::Error) -> LossCause {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => LossCause::Refused,
        Kind::TimedOut => LossCause::TimedOut,
        Kind::ConnectionReset
        | Kind::ConnectionAborted
        | Kind::BrokenPipe
        | Kind::UnexpectedEof
        | Kind::WriteZero
        | Kind::NotConnected => LossCause::Closed,
        Kind::InvalidData => LossCause::Protocol(None),
        _ => LossCause::Network,
    }
}

fn text(step: Step, cause: LossCause) -> String {
    // The engine's own table has the sentence; this is one more way to reach it.
    ossicle_core::Failure {
        status: ossicle_core::Status::Unreachable,
        cause: ossicle_core::Cause::Connection { step, cause },
        request_id: None,
    }
    .to_string()
}
