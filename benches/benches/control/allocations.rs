//! Allocations of a `GetDomain` call and of a client's first one: ours beside the official SDK for Rust. Each client is a
//! process of its own, so that nothing but it is counted.

#![allow(clippy::print_stdout, reason = "a bench prints its table")]

mod calls;

use calls::{Client, Roles, Told};

const CALLS: u64 = 200;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

fn main() {
    let roles = Roles::new();
    if let Some(role) = roles.mine() {
        return calls::play(role, |client, server| async move { count(client, &server).await });
    }
    let server = roles.server();
    let [sdk, ours] = Client::ALL.map(|client| roles.client(client, &server));
    println!("GetDomain, allocations by dhat, {CALLS} calls on an open connection");
    println!("| | official SDK | Ossicle | SDK / Ossicle |");
    println!("|---|---|---|---|");
    let names = [
        ("blocks", "allocations of a call"),
        ("bytes", "bytes allocated by a call"),
        ("cold_blocks", "allocations from nothing to the first answer"),
        ("cold_bytes", "bytes allocated from nothing to the first answer"),
    ];
    for (name, title) in names {
        let (sdk, ours) = (sdk[name], ours[name]);
        println!("| {title} | {sdk:.0} | {ours:.0} | {:.2} |", sdk / ours);
    }
}

async fn count(client: Client, server: &calls::Server) -> Told {
    let _profiler = dhat::Profiler::builder().testing().build();
    let total = || {
        let stats = dhat::HeapStats::get();
        (stats.total_blocks as f64, stats.total_bytes as f64)
    };
    let begin = total();
    let peer = calls::Peer::new(client, server);
    peer.get_domain().await;
    let cold = total();
    for _ in 0..CALLS {
        peer.get_domain().await;
    }
    let from = total();
    for _ in 0..CALLS {
        peer.get_domain().await;
    }
    let to = total();
    let values = [
        ("blocks", (to.0 - from.0) / CALLS as f64),
        ("bytes", (to.1 - from.1) / CALLS as f64),
        ("cold_blocks", cold.0 - begin.0),
        ("cold_bytes", cold.1 - begin.1),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
