//! The endpoints of the official Rust client's resolver.

use ossicle_model::endpoint::{Endpoint, EndpointError, Scheme};
use ossicle_model::stream::STREAM_HOST_PREFIX;
use serde_json::Value;

#[test]
fn endpoints_are_those_of_the_official_resolver() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/endpoints.json")).unwrap();
    let cases = vectors["resolver"].as_array().unwrap();
    assert!(cases.len() >= 40);
    for case in cases {
        let fips = case["useFips"].as_bool().unwrap();
        let resolved = Endpoint::resolve(case["region"].as_str(), fips, case["endpoint"].as_str());
        match case["result"]["url"].as_str() {
            Some(url) => assert_eq!(resolved.unwrap().url(), url),
            None => assert!(resolved.is_err(), "{case}"),
        }
    }
    assert_eq!(Endpoint::resolve(None, false, None), Err(EndpointError::MissingRegion));
    assert_eq!(Endpoint::resolve(None, true, Some("https://a")), Err(EndpointError::FipsWithCustom));
}

#[test]
fn streams_go_to_the_fips_host_too() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/endpoints.json")).unwrap();
    let cases = vectors["resolver"].as_array().unwrap();
    let mut seen = 0;
    for case in cases.iter().filter(|case| case["useFips"] == true) {
        let Some(url) = case["result"]["url"].as_str() else { continue };
        let host = url.strip_prefix("https://").unwrap();
        assert!(host.contains("-fips."), "{host}");
        let endpoint = Endpoint::resolve(case["region"].as_str(), true, None).unwrap();
        assert_eq!(endpoint.authority_for(STREAM_HOST_PREFIX), format!("streaming.{host}"));
        seen += 1;
    }
    assert!(seen >= 15);
}

#[test]
fn a_prefix_stands_before_the_services_host_only() {
    let region = Endpoint::resolve(Some("us-east-1"), false, None).unwrap();
    assert_eq!(region.authority_for("streaming."), "streaming.health-agent.us-east-1.api.aws");
    for (url, authority, base) in [
        ("http://127.0.0.1:8080", "127.0.0.1:8080", ""),
        ("http://localhost:80/", "localhost", ""),
        ("https://localhost:443/base/path/", "localhost", "/base/path"),
        ("https://[::1]:8443", "[::1]:8443", ""),
    ] {
        let endpoint = Endpoint::resolve(Some("us-east-1"), false, Some(url)).unwrap();
        assert_eq!(
            (endpoint.authority_for("runtime.").as_str(), endpoint.base_path.as_str()),
            (authority, base)
        );
    }
    for url in [
        "",
        "localhost",
        "ftp://a",
        "https://",
        "https://a:b",
        "https://a:99999",
        "https://u@h",
        "https://a b",
        "https://[::1",
        "https://a/p?q",
    ] {
        assert_eq!(Endpoint::resolve(None, false, Some(url)), Err(EndpointError::Url), "{url}");
    }
    for region in ["", "US-EAST-1", "a.evil.com/", "x".repeat(64).as_str()] {
        assert_eq!(Endpoint::resolve(Some(region), false, None), Err(EndpointError::Region), "{region}");
    }
    assert_eq!(Endpoint::host_and_port("[::1]:8443", Scheme::Https), ("::1", 8443));
    assert_eq!(Endpoint::host_and_port("localhost", Scheme::Http), ("localhost", 80));
}
