//! The border of the engine: everything that goes in and everything that comes out.
//!
//! A driver calls [`Engine::handle`](crate::Engine::handle) with one [`Input`], then
//! [`Engine::poll`](crate::Engine::poll) until it answers [`Output::Sleep`]. The driver decides nothing: it
//! connects, opens, writes and resets what it is told to and reports what happened.

use crate::config::SessionSetup;
use crate::event::Event;
use crate::time::Mono;
use ossicle_sigv4::Credentials;

/// A session of one engine. Never reused, so a late answer is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionKey(pub u64);

/// A connection of one engine. Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// A request stream of one engine (not the HTTP/2 stream number). Never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId(pub u64);

/// What happened, told to the engine.
#[derive(Debug)]
pub enum Input<'a> {
    /// The tick: rings are read, timers fire. Sent when the deadline of [`Output::Sleep`] has come.
    Tick,
    /// What the application asks for.
    Command(Command),
    /// Keys from the provider: the answer to [`Output::NeedKeys`], or pushed unasked.
    Keys(Credentials),
    /// The provider has no keys now. The engine asks again with backoff.
    KeysFailed(KeysFailure),
    /// TCP, proxy, TLS and the HTTP/2 preface are done. The peer's SETTINGS may still be on the way.
    Connected(ConnId),
    /// The peer's SETTINGS came, at first or again. `streams_max` is `u32::MAX` where the peer names no limit.
    PeerSettings {
        /// The connection.
        conn: ConnId,
        /// SETTINGS_MAX_CONCURRENT_STREAMS.
        streams_max: u32,
    },
    /// The peer sent GOAWAY. Streams that it will not process are reported by `StreamEnded` with
    /// [`StreamEnd::Reset`] of REFUSED_STREAM; others may go on.
    GoAway {
        /// The connection.
        conn: ConnId,
        /// The HTTP/2 error code: 0 is a planned end, 11 is ENHANCE_YOUR_CALM.
        reason: u32,
    },
    /// The connection could not be made, or is gone. No `StreamEnded` follows for its streams.
    ConnectionLost {
        /// The connection.
        conn: ConnId,
        /// The step that failed.
        step: Step,
        /// What went wrong in it.
        cause: LossCause,
    },
    /// The response's head.
    Head {
        /// The stream.
        stream: StreamId,
        /// The HTTP status.
        status: u16,
        /// Look-up by lower-case name.
        headers: &'a dyn Headers,
    },
    /// Credit for a stream: how many bytes may be written to it now, in all. The lower of the stream's and the
    /// connection's window, as far as reserved by [`Output::Want`]. Replaces the last value.
    Credit {
        /// The stream.
        stream: StreamId,
        /// Bytes that may be written now.
        bytes: u32,
    },
    /// Bytes left the writer for the socket, in the order of the wire.
    Written {
        /// The connection.
        conn: ConnId,
        /// What left.
        mark: Mark,
    },
    /// The answer to the one PING that was under way.
    Pong(ConnId),
    /// Bytes of a response's body.
    Received {
        /// The stream.
        stream: StreamId,
        /// As they came; split anywhere.
        bytes: &'a [u8],
    },
    /// A stream's response ended. Nothing more comes for it.
    StreamEnded {
        /// The stream.
        stream: StreamId,
        /// How it ended.
        end: StreamEnd,
    },
}

/// Response headers, as the driver's HTTP library holds them.
pub trait Headers {
    /// The first value of the header with this lower-case name, if it is text.
    fn get(&self, name: &str) -> Option<&str>;
}

impl std::fmt::Debug for dyn Headers + '_ {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Headers")
    }
}

/// Pairs of name and value, for tests and small answers.
impl<const N: usize> Headers for [(&str, &str); N] {
    fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }
}

/// What the writer handed to the socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    /// `bytes` more of this stream's body.
    Data {
        /// The stream.
        stream: StreamId,
        /// Bytes of body in addition to those told before.
        bytes: u64,
    },
    /// The PING that [`Output::Ping`] asked for. All `Data` marks told before it left ahead of it.
    Ping,
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// END_STREAM, or RST_STREAM(NO_ERROR) after it.
    Clean,
    /// RST_STREAM with this HTTP/2 error code; 7 is REFUSED_STREAM.
    Reset(u32),
}

/// A step in making or keeping a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The name was being resolved.
    Dns,
    /// A TCP connection was being made.
    Tcp,
    /// A proxy was being asked for the way.
    Proxy,
    /// TLS was being negotiated.
    Tls,
    /// TLS stands, but the peer does not speak HTTP/2.
    Alpn,
    /// HTTP/2 was being set up or was broken by the peer.
    H2,
    /// The connection stood and its socket failed.
    Socket,
}

/// Why a step failed, as far as the engine needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LossCause {
    /// No answer within the step's deadline.
    TimedOut,
    /// The name does not exist.
    NoSuchName,
    /// Somebody actively refused: a closed port, a proxy's 4xx.
    Refused,
    /// The proxy wants other credentials (407).
    ProxyDenied,
    /// The certificate is not trusted, expired, or for another name.
    CertificateRejected,
    /// The peer chose another protocol than HTTP/2, or none.
    NoHttp2,
    /// The peer broke the protocol; holds the HTTP/2 error code, if it is one.
    Protocol(Option<u32>),
    /// The peer closed, or the socket failed.
    Closed,
    /// Anything else of the network: no route, network down.
    Network,
    /// The engine itself asked for it with [`Output::Close`].
    Asked,
}

/// Why a provider gave no keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeysFailure {
    /// None are configured: no point in asking again before somebody sets them.
    NotConfigured,
    /// The source could not be reached or answered with an error; asking again may help.
    Unavailable,
}

/// What the application asks for. All answer by events.
#[derive(Debug)]
pub enum Command {
    /// Opens a session.
    Open {
        /// The key under which the driver knows it.
        session: SessionKey,
        /// The session's settings and its end of the ring.
        setup: Box<SessionSetup>,
    },
    /// Sends what was captured, then ends the stream without END_OF_SESSION.
    Pause(SessionKey),
    /// Goes on after [`Command::Pause`].
    Resume(SessionKey),
    /// Replaces captured audio by paced silence, or stops doing so.
    Mute(SessionKey, bool),
    /// Sends what was captured, then END_OF_SESSION; waits for the last results.
    Finish(SessionKey),
    /// Ends at once; what is held is dropped.
    Abort(SessionKey),
    /// As `Abort`, and nothing more is told about the session.
    Forget(SessionKey),
    /// The network may have changed: backoff ends, every connection is probed.
    NetworkChanged,
}

/// What the driver has to do.
#[derive(Debug)]
pub enum Output {
    /// Make a connection to the engine's endpoint. Answered by `Connected` (then `PeerSettings`) or
    /// `ConnectionLost`.
    Connect(ConnId),
    /// Send a request's head on a connection, without END_STREAM. Streams open in the order asked for.
    Open {
        /// The connection.
        conn: ConnId,
        /// The name of the new stream.
        stream: StreamId,
        /// The signed head.
        head: Box<RequestHead>,
    },
    /// Reserve this much of the windows for the stream (replacing the last wish; 0 gives all back), and tell by
    /// [`Input::Credit`] what can be written.
    Want {
        /// The stream.
        stream: StreamId,
        /// Bytes.
        bytes: u32,
    },
    /// Write to the stream what `poll` put into its buffer. Never more than the last credit.
    Write {
        /// The stream.
        stream: StreamId,
        /// How many bytes were put into the buffer.
        bytes: u32,
    },
    /// Send a PING on a connection. One at a time.
    Ping(ConnId),
    /// End the stream's body with END_STREAM, after all that was written.
    Finish(StreamId),
    /// RST_STREAM(CANCEL). The stream's name is dead; no input for it follows or is wanted.
    Reset(StreamId),
    /// Close the connection at once: no lingering for unsent bytes. Answered by `ConnectionLost` of cause `Asked`.
    Close(ConnId),
    /// Tell the application.
    Event(SessionKey, Event),
    /// Ask the provider for keys. One at a time; answered by `Keys` or `KeysFailed`.
    NeedKeys,
    /// Nothing more to do before this time, or before the next input. Always the last answer.
    Sleep(Option<Mono>),
}

/// A signed request head.
pub struct RequestHead {
    /// `https` or `http`.
    pub scheme: &'static str,
    /// Host, and port where it is not the scheme's default.
    pub authority: String,
    /// The path.
    pub path: &'static str,
    /// The headers in order; lower-case names.
    pub headers: Vec<RequestHeader>,
}

/// One header of a request.
pub struct RequestHeader {
    /// Lower-case name.
    pub name: &'static str,
    /// Value.
    pub value: String,
    /// Whether HPACK must never index it: it holds a key or a signature.
    pub sensitive: bool,
}

impl std::fmt::Debug for RequestHead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RequestHead({} headers to {})", self.headers.len(), self.authority)
    }
}
