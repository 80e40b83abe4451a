//! A certificate authority and a server certificate, made on the spot.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use zeroize::Zeroizing;

use crate::StartError;

/// A server certificate with its key, and the authority that signed it. The authority's own key is thrown away,
/// so that nothing else can be signed by what a client was told to trust.
#[derive(Clone)]
pub struct Identity {
    ca_pem: String,
    chain: Vec<CertificateDer<'static>>,
    key_der: Arc<Zeroizing<Vec<u8>>>,
}

impl Identity {
    /// Makes a new authority and a certificate for `localhost`, `*.localhost`, 127.0.0.1, ::1 and `also`.
    ///
    /// # Errors
    /// [`StartError::Certificate`] when the key or certificate cannot be made.
    pub fn generate(also: Option<IpAddr>) -> Result<Self, StartError> {
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "ossicle emulator authority");
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_key = KeyPair::generate()?;
        let ca_cert = ca.self_signed(&ca_key)?;

        // Clients refuse a wildcard right under a top-level name, so the service's two prefixes are named too.
        let mut names: Vec<String> =
            ["localhost", "*.localhost", "streaming.localhost", "runtime.localhost"].map(String::from).into();
        let own = [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)];
        names.extend(own.iter().map(IpAddr::to_string));
        names.extend(also.filter(|ip| !own.contains(ip) && !ip.is_unspecified()).map(|ip| ip.to_string()));
        let mut leaf = CertificateParams::new(names)?;
        leaf.distinguished_name.push(DnType::CommonName, "ossicle emulator");
        leaf.use_authority_key_identifier_extension = true;
        leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let leaf_key = KeyPair::generate()?;
        let leaf_cert = leaf.signed_by(&leaf_key, &Issuer::from_params(&ca, &ca_key))?;

        Ok(Self {
            ca_pem: ca_cert.pem(),
            chain: vec![leaf_cert.der().clone(), ca_cert.der().clone()],
            key_der: Arc::new(Zeroizing::new(leaf_key.serialize_der())),
        })
    }

    /// The authority's certificate in PEM, for a client to trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca_pem
    }

    pub(crate) fn server_config(&self) -> Result<ServerConfig, StartError> {
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(self.key_der.to_vec()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(self.chain.clone(), key)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(config)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(<redacted>)")
    }
}
