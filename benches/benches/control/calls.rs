//! The processes of the two benches: the emulator, and a client of each kind.

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{IpAddr, Ipv4Addr};
use std::process::{Child, Command, Stdio};

use aws_sdk_connecthealth as sdk;
use aws_smithy_http_client::tls;
use aws_smithy_runtime_api::client::dns::{DnsFuture, ResolveDns};
use ossicle_control::rest::{CreateDomainInput, GetDomainInput};
use ossicle_control::{Credentials, H2Transport, Settings};
use ossicle_emulator::{Config, DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, Emulator};
use ossicle_tokio::net::{Alpn, NetConfig, TlsConfig};
use serde::{Deserialize, Serialize};

/// Says to a process which role it plays.
const ROLE: &str = "OSSICLE_BENCH_ROLE";
/// Leads a client to the server.
const SERVER: &str = "OSSICLE_BENCH_SERVER";

/// What a client measured, by name.
pub(crate) type Told = BTreeMap<String, f64>;

/// Where the server is, and the domain that is asked for.
#[derive(Serialize, Deserialize)]
pub(crate) struct Server {
    port: u16,
    ca_pem: String,
    domain: String,
}

/// Whose client.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Client {
    Official,
    Ours,
}

impl Client {
    pub(crate) const ALL: [Self; 2] = [Self::Official, Self::Ours];
}

/// What this process is.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Role {
    Server,
    Client(Client),
}

/// The process that starts the others; the server ends with it.
pub(crate) struct Roles {
    mine: Option<Role>,
}

/// The server's process.
pub(crate) struct Running {
    child: Child,
    line: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It ends when its standard input does.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Roles {
    pub(crate) fn new() -> Self {
        let mine = std::env::var(ROLE).ok().map(|role| serde_json::from_str(&role).expect("a role"));
        Self { mine }
    }

    /// The role that this process was started for, if another one started it.
    pub(crate) fn mine(&self) -> Option<Role> {
        self.mine
    }

    fn command(role: Role) -> Command {
        let mut command = Command::new(std::env::current_exe().expect("this program"));
        command.env(ROLE, serde_json::to_string(&role).expect("JSON")).args(std::env::args().skip(1));
        command
    }

    /// Starts the server, and returns once it listens.
    pub(crate) fn server(&self) -> Running {
        let mut command = Self::command(Role::Server);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the server runs");
        let mut line = String::new();
        let out = child.stdout.take().expect("its output");
        BufReader::new(out).read_line(&mut line).expect("a line");
        Running { child, line }
    }

    /// Runs a client to its end.
    pub(crate) fn client(&self, client: Client, server: &Running) -> Told {
        let output = Self::command(Role::Client(client))
            .env(SERVER, &server.line)
            .stderr(Stdio::inherit())
            .output()
            .expect("a client runs");
        serde_json::from_slice(&output.stdout).expect("what a client measured")
    }
}

/// Plays a role to its end.
pub(crate) fn play<F: Future<Output = Told>>(role: Role, measure: impl FnOnce(Client, Server) -> F) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match role {
        Role::Server => runtime.block_on(serve()),
        Role::Client(client) => {
            let server = std::env::var(SERVER).expect("the server's address");
            let told = runtime.block_on(measure(client, serde_json::from_str(&server).expect("an address")));
            println!("{}", serde_json::to_string(&told).expect("JSON"));
        }
    }
}

async fn serve() {
    let emulator = Emulator::start(Config::default()).await.expect("an emulator");
    let ca_pem = emulator.ca_pem().expect("TLS").to_owned();
    let mut server = Server { port: emulator.addr().port(), ca_pem, domain: String::new() };
    let created = ours(&server).create_domain(CreateDomainInput::new("ward")).await.expect("a domain");
    server.domain = created.domain_id;
    println!("{}", serde_json::to_string(&server).expect("JSON"));
    let ends = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let _ = ends.await;
    emulator.shutdown().await;
}

/// A client with its domain.
pub(crate) enum Peer<'a> {
    Official(sdk::Client, &'a str),
    Ours(Box<ossicle_control::Client>, &'a str),
}

impl<'a> Peer<'a> {
    pub(crate) fn new(client: Client, server: &'a Server) -> Self {
        match client {
            Client::Official => Self::Official(official(server), &server.domain),
            Client::Ours => Self::Ours(Box::new(ours(server)), &server.domain),
        }
    }

    /// One call; the answer is looked at.
    pub(crate) async fn get_domain(&self) {
        let (name, wanted) = match self {
            Self::Official(client, domain) => {
                let answer = client.get_domain().domain_id(*domain).send().await.expect("the domain");
                (answer.domain_id, *domain)
            }
            Self::Ours(client, domain) => {
                let answer = client.get_domain(GetDomainInput::new(*domain)).await.expect("the domain");
                (answer.domain_id, *domain)
            }
        };
        assert_eq!(name, wanted);
    }
}

fn ours(server: &Server) -> ossicle_control::Client {
    let tls = TlsConfig::new(Alpn::Http2, Some(server.ca_pem.as_bytes())).expect("trust");
    let mut settings = Settings::new("us-east-1");
    settings.endpoint = Some(format!("https://localhost:{}", server.port));
    let keys = Credentials::new(DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, None, None);
    ossicle_control::Client::new(settings, keys, H2Transport::new(NetConfig::new(tls))).expect("a client")
}

/// The SDK may put a prefix before a host; all names lead to loopback here.
#[derive(Debug, Clone)]
struct Loopback;

impl ResolveDns for Loopback {
    fn resolve_dns<'a>(&'a self, _name: &'a str) -> DnsFuture<'a> {
        DnsFuture::ready(Ok(vec![IpAddr::V4(Ipv4Addr::LOCALHOST)]))
    }
}

fn official(server: &Server) -> sdk::Client {
    let store = tls::TrustStore::empty().with_pem_certificate(server.ca_pem.as_str());
    let context = tls::TlsContext::builder().with_trust_store(store).build().expect("a TLS context");
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc))
        .tls_context(context)
        .build_with_resolver(Loopback);
    let keys =
        sdk::config::Credentials::new(DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, None, None, "bench");
    let config = sdk::Config::builder()
        .behavior_version_latest()
        .region(sdk::config::Region::new("us-east-1"))
        .credentials_provider(keys)
        .http_client(http)
        .endpoint_url(format!("https://localhost:{}", server.port))
        .build();
    sdk::Client::from_conf(config)
}
