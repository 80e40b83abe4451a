//! The REST operations.

use http::Response;
use http::request::Parts;
use hyper::body::Incoming;

use crate::answer::{ResponseBody, ServiceError};
use crate::server::Shared;
use crate::session::Session;

/// The state behind the REST operations.
pub(crate) struct Control {}

impl Control {
    pub(crate) fn new() -> Self {
        Self {}
    }

    /// Answers a request that is not a stream.
    pub(crate) async fn answer(
        &self,
        shared: &Shared,
        _parts: &Parts,
        _body: Incoming,
    ) -> Response<ResponseBody> {
        let error = ServiceError {
            status: 404,
            code: "UnknownOperationException".into(),
            message: "no such operation".into(),
            retry_after_ms: None,
        };
        error.answer(&shared.config.clock)
    }

    /// Whether a session may run on a subscription.
    pub(crate) fn check_subscription(
        &self,
        _domain_id: &str,
        _subscription_id: &str,
    ) -> Result<(), ServiceError> {
        Err(ServiceError::not_found("no such subscription"))
    }

    /// Notes a session's new status.
    pub(crate) fn session_changed(&self, _session: &Session) {}
}
