//! Where the service is: the rules for regions, FIPS and partitions, and custom endpoints.

/// The service's name in endpoints.
const ENDPOINT_NAME: &str = "health-agent";

/// The service's name in signatures.
pub const SIGNING_NAME: &str = "health-agent";

/// The longest region that is taken: a DNS label.
const REGION_BYTES_MAX: usize = 63;

/// Partitions by the shape of their regions' names. What matches none is in the first partition, `aws`.
const PARTITIONS: &[(&[&str], &str)] = &[
    (&["cn-"], "api.amazonwebservices.com.cn"),
    (&["us-iso-"], "api.aws.ic.gov"),
    (&["us-isob-"], "api.aws.scloud"),
    (&["eu-isoe-"], "api.cloud-aws.adc-e.uk"),
    (&["us-isof-", "eu-isof-"], "api.aws.hci.ic.gov"),
    (&["eusc-"], "api.amazonwebservices.eu"),
];
const DEFAULT_SUFFIX: &str = "api.aws";

/// Where requests go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// `https` or `http`.
    pub scheme: Scheme,
    /// The host and, unless it is the scheme's own, the port.
    pub authority: String,
    /// What stands before every path, without a final slash; mostly "".
    pub base_path: String,
    /// Whether the caller gave it: then no operation's prefix is put before the host.
    pub custom: bool,
}

/// How an endpoint is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// HTTP over TLS.
    Https,
    /// HTTP in clear text.
    Http,
}

impl Scheme {
    /// The scheme's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Https => "https",
            Self::Http => "http",
        }
    }

    /// The port that is left out of authorities.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Https => 443,
            Self::Http => 80,
        }
    }
}

/// There is no endpoint by these settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// There is no region.
    #[error("no region is set, give one such as us-east-1")]
    MissingRegion,
    /// The region is no name of a region.
    #[error("the region is not 1 to 63 lower-case letters, digits and hyphens")]
    Region,
    /// FIPS and a custom endpoint exclude each other.
    #[error("a custom endpoint cannot be combined with FIPS, drop one of the two")]
    FipsWithCustom,
    /// The custom endpoint is not `https://HOST[:PORT][/PATH]` or the same with `http`.
    #[error("the endpoint is not of the form https://HOST[:PORT][/PATH]")]
    Url,
}

impl Endpoint {
    /// The endpoint by the service's rules: the custom one as given, or the region's.
    ///
    /// # Errors
    /// [`EndpointError`] when the settings lead to none.
    pub fn resolve(region: Option<&str>, fips: bool, custom: Option<&str>) -> Result<Self, EndpointError> {
        match custom {
            Some(_) if fips => Err(EndpointError::FipsWithCustom),
            Some(url) => Self::parse(url),
            None => Self::of_region(region.ok_or(EndpointError::MissingRegion)?, fips),
        }
    }

    fn of_region(region: &str, fips: bool) -> Result<Self, EndpointError> {
        let is_label = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if region.is_empty() || region.len() > REGION_BYTES_MAX || !region.bytes().all(is_label) {
            return Err(EndpointError::Region);
        }
        let fips = if fips { "-fips" } else { "" };
        let authority = format!("{ENDPOINT_NAME}{fips}.{region}.{}", suffix(region));
        Ok(Self { scheme: Scheme::Https, authority, base_path: String::new(), custom: false })
    }

    fn parse(url: &str) -> Result<Self, EndpointError> {
        let (scheme, rest) = match url.split_once("://").ok_or(EndpointError::Url)? {
            ("https", rest) => (Scheme::Https, rest),
            ("http", rest) => (Scheme::Http, rest),
            _ => return Err(EndpointError::Url),
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_path = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/%:@!$&'()*+,;=".contains(&byte);
        if !path.bytes().all(is_path) {
            return Err(EndpointError::Url);
        }
        let (host, port) = split_port(authority).ok_or(EndpointError::Url)?;
        let authority = match port {
            Some(port) if port != scheme.default_port() => format!("{host}:{port}"),
            _ => host.to_owned(),
        };
        let base_path = path.trim_end_matches('/').to_owned();
        Ok(Self { scheme, authority, base_path, custom: true })
    }

    /// The authority of an operation with this host prefix: a custom endpoint's host is used as given.
    pub fn authority_for(&self, host_prefix: &str) -> String {
        if self.custom { self.authority.clone() } else { format!("{host_prefix}{}", self.authority) }
    }

    /// The endpoint as a URL, without a final slash.
    pub fn url(&self) -> String {
        format!("{}://{}{}", self.scheme.as_str(), self.authority, self.base_path)
    }

    /// The host, without the brackets of an IPv6 address, and the port.
    pub fn host_and_port(authority: &str, scheme: Scheme) -> (&str, u16) {
        let (host, port) = split_port(authority).unwrap_or((authority, None));
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        (host, port.unwrap_or(scheme.default_port()))
    }
}

/// Splits `host[:port]`, where a host with colons stands in brackets.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let end_of_host = match authority.strip_prefix('[') {
        Some(rest) => rest.find(']')? + 2,
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at(end_of_host);
    let named = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let good = match host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !host.is_empty() && host.bytes().all(named),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => Some(digits.parse().ok()?),
        Some(_) => return None,
        None if port.is_empty() => None,
        None => return None,
    };
    good.then_some((host, port))
}

/// The DNS suffix of a region's partition. A region's last part is a number in every partition but the first.
fn suffix(region: &str) -> &'static str {
    let numbered =
        region.rsplit('-').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit()));
    let found =
        PARTITIONS.iter().find(|(prefixes, _)| prefixes.iter().any(|prefix| region.starts_with(prefix)));
    found.filter(|_| numbered).map_or(DEFAULT_SUFFIX, |(_, suffix)| suffix)
}
