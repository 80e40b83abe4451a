//! AWS Signature Version 4: requests, queries and the chain of signed messages.
//!
//! * [`sign_request`] and [`presign_query`] sign a request through the official `aws-sigv4`, and return its signature also as
//!   the raw digest that seeds the chain.
//! * [`StreamSigner`] signs the messages of event streams: each signature covers the one before it ([`Chain`]). It keeps the
//!   signing key of the day and what is the same for a whole second, so that a message costs one hash of its bytes and a few
//!   blocks of HMAC. It does not allocate, and turns to the next day's key by itself at midnight UTC.
//!
//! Keys are wiped from memory when they are dropped. No `Debug` output, error or log line of this crate holds a secret key, a
//! token, a signature or what is signed; `aws-sigv4` logs parts of them at the trace level, so it runs under a subscriber that
//! takes nothing.
//!
//! ```
//! use ossicle_sigv4::{Chain, Credentials, Payload, RequestToSign, SigningScope, StreamSigner, sign_request};
//!
//! let credentials = Credentials::new("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None, None);
//! let scope = SigningScope::new("us-east-1", "health-agent")?;
//! let request = RequestToSign {
//!     method: "POST",
//!     scheme: "https",
//!     authority: "streaming.health-agent.us-east-1.api.aws",
//!     path: "/medical-scribe-stream",
//!     query: None,
//!     headers: &[("content-type", "application/vnd.amazon.eventstream")],
//!     payload: Payload::EventStream,
//! };
//! let now_ms = 1_768_472_430_000;
//! let signed = sign_request(&credentials, &scope, &request, now_ms)?;
//!
//! let mut signer = StreamSigner::new(&credentials, &scope);
//! let mut chain = Chain::from_seed(signed.signature);
//! let signature: [u8; 32] = signer.sign(&mut chain, now_ms, b"the bytes of a message");
//! # Ok::<(), ossicle_sigv4::SignError>(())
//! ```

#![forbid(unsafe_code)]

mod credentials;
mod date;
mod hex;
pub mod limits;
mod request;
mod scope;
mod stream;

pub use credentials::Credentials;
pub use request::{
    Payload, PresignedQuery, RequestToSign, SignError, SignedHeader, SignedRequest, presign_query,
    sign_request,
};
pub use scope::SigningScope;
pub use stream::{Chain, StreamSigner};
