//! Where the service is: endpoint, region and what is trusted, from flags and environment.

use ossicle::core::Endpoint;
use ossicle::model::endpoint::{Endpoint as Rules, EndpointError, Scheme};
use ossicle::model::stream::STREAM_HOST_PREFIX;

use crate::args::TargetArgs;
use crate::fault::{Fault, Outcome, io_words};

/// The region that requests to a loopback endpoint are signed for when none is given: an emulator takes any.
const LOOPBACK_REGION: &str = "us-east-1";

/// Where requests go.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    /// The streaming endpoint.
    pub(crate) endpoint: Endpoint,
    /// The region that requests are signed for.
    pub(crate) region: String,
    /// More authorities to trust, PEM.
    pub(crate) ca_pem: Option<Vec<u8>>,
    /// Whether the endpoint is on this machine.
    pub(crate) is_loopback: bool,
}

impl Target {
    /// The target that the flags and the environment name.
    pub(crate) fn from_args(args: &TargetArgs) -> Outcome<Self> {
        let region =
            args.region.clone().or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
        let rules = Rules::resolve(region.as_deref(), false, args.endpoint.as_deref()).map_err(|error| match error {
            EndpointError::MissingRegion => {
                Fault::usage("no region is set: give --region, such as us-east-1, or set AWS_REGION")
            }
            EndpointError::Url => Fault::usage(
                "--endpoint is not of the form https://HOST[:PORT] (http:// on loopback): check its spelling",
            ),
            other => Fault::usage(format!("{other}: check --region")),
        })?;
        if !rules.base_path.is_empty() {
            return Err(Fault::usage(
                "--endpoint has a path, which the service does not: give https://HOST[:PORT]",
            ));
        }
        let authority = rules.authority_for(STREAM_HOST_PREFIX);
        let (host, port) = Rules::host_and_port(&authority, rules.scheme);
        let is_loopback = is_loopback(host);
        let tls = rules.scheme == Scheme::Https;
        if !tls && !is_loopback {
            return Err(Fault::usage(
                "http:// is allowed on loopback only, as audio would pass the network in clear text: use https://",
            ));
        }
        let region = match region {
            Some(region) => region,
            None if is_loopback => LOOPBACK_REGION.to_owned(),
            None => {
                return Err(Fault::usage(
                    "no region is set, which requests are signed for: give --region or set AWS_REGION",
                ));
            }
        };
        let ca_pem = args.ca.as_deref().map(read_ca).transpose()?;
        Ok(Self { endpoint: Endpoint { tls, host: host.to_owned(), port }, region, ca_pem, is_loopback })
    }

    /// The endpoint as people write it.
    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.endpoint.scheme(), self.endpoint.authority())
    }
}

fn read_ca(path: &std::path::Path) -> Outcome<Vec<u8>> {
    std::fs::read(path).map_err(|error| {
        Fault::usage(format!(
            "the authorities of --ca {} cannot be read: {}",
            path.display(),
            io_words(&error)
        ))
    })
}

/// An environment variable, if it is set and not empty.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a host is this machine, by its name alone (RFC 6761 section 6.3) or its address.
fn is_loopback(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(endpoint: Option<&str>, region: Option<&str>) -> Outcome<Target> {
        Target::from_args(&TargetArgs {
            endpoint: endpoint.map(Into::into),
            region: region.map(Into::into),
            ca: None,
        })
    }

    #[test]
    fn a_regions_endpoint_has_the_streaming_prefix_and_a_custom_one_is_used_as_given() {
        let regional = target(None, Some("us-east-1")).expect("a target");
        assert_eq!(regional.url(), "https://streaming.health-agent.us-east-1.api.aws");
        let custom = target(Some("https://example.com:8443"), Some("eu-west-2")).expect("a target");
        assert_eq!((custom.url().as_str(), custom.is_loopback), ("https://example.com:8443", false));
        let v6 = target(Some("http://[::1]:80"), Some("us-east-1")).expect("a target");
        assert_eq!((v6.endpoint.host.as_str(), v6.endpoint.port, v6.is_loopback), ("::1", 80, true));
    }

    #[test]
    fn clear_text_stays_on_this_machine() {
        assert!(target(Some("http://127.0.0.1:1"), Some("us-east-1")).is_ok());
        assert!(target(Some("http://localhost:1"), Some("us-east-1")).is_ok());
        for far in ["http://example.com", "http://10.0.0.1:80", "http://localhost.example.com"] {
            assert_eq!(target(Some(far), Some("us-east-1")).expect_err(far).code(), 2);
        }
        for wrong in ["example.com", "ftp://x", "https://x/path", "https://"] {
            assert_eq!(target(Some(wrong), Some("us-east-1")).expect_err(wrong).code(), 2);
        }
    }
}
