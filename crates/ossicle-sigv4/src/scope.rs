//! The scope of a signature: which service, and where.

use crate::limits::SCOPE_NAME_LEN_MAX;
use crate::request::SignError;

/// The region and service that a signature is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SigningScope {
    region: Box<str>,
    service: Box<str>,
}

impl SigningScope {
    /// The scope of this region (`us-east-1`) and signing name (`health-agent`).
    ///
    /// # Errors
    /// [`SignError::Scope`] if one of them is not 1 to 63 lower-case letters, digits and hyphens.
    pub fn new(region: &str, service: &str) -> Result<Self, SignError> {
        if is_name(region) && is_name(service) {
            Ok(Self { region: region.into(), service: service.into() })
        } else {
            Err(SignError::Scope)
        }
    }

    /// The region.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// The service's signing name.
    pub fn service(&self) -> &str {
        &self.service
    }
}

fn is_name(text: &str) -> bool {
    (1..=SCOPE_NAME_LEN_MAX).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}
