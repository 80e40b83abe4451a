//! `GetDomain` on loopback over TLS and HTTP/2: our client beside the official SDK for Rust, in one run.
//!
//! Each client is a process of its own, as is the emulator that answers both, so the system's accounting of a process is
//! what its client costs. Rounds alternate, and ratios are those of a round. Allocations are counted by the bench
//! `control_allocations`: counting them here would slow whoever makes more of them.

#![allow(clippy::print_stdout, reason = "a bench prints its table")]

mod calls;

use calls::{Client, Roles, Told};
use ossicle_benches::capacity::usage;
use std::time::Instant;

/// Calls on a connection that is open, in one round.
const CALLS: u32 = 3_000;
/// The same for a look.
const CALLS_SHORT: u32 = 500;
const ROUNDS: usize = 7;
const ROUNDS_SHORT: usize = 3;

fn main() {
    let full = std::env::args().any(|argument| argument == "--full");
    let (calls, rounds) = if full { (CALLS, ROUNDS) } else { (CALLS_SHORT, ROUNDS_SHORT) };
    let roles = Roles::new();
    if let Some(role) = roles.mine() {
        return calls::play(role, |client, server| async move { measure(client, &server, calls).await });
    }
    let server = roles.server();
    let mut told: [Vec<Told>; 2] = Default::default();
    for _ in 0..rounds {
        for (client, told) in Client::ALL.into_iter().zip(&mut told) {
            told.push(roles.client(client, &server));
        }
    }
    println!(
        "GetDomain on loopback, {rounds} alternating rounds of {calls} calls: medians, ratios of a round"
    );
    println!("| | official SDK | Ossicle | SDK / Ossicle |");
    println!("|---|---|---|---|");
    let names = [
        ("cpu_us", "processor time of a call, us"),
        ("wall_us", "round trip (median), us"),
        ("cold_cpu_us", "processor time from nothing to the first answer, us"),
        ("cold_wall_us", "time from nothing to the first answer, us"),
    ];
    for (name, title) in names {
        let of = |told: &[Told]| told.iter().map(|told| told[name]).collect::<Vec<f64>>();
        let [sdk, ours] = [of(&told[0]), of(&told[1])];
        let ratios = sdk.iter().zip(&ours).map(|(sdk, ours)| sdk / ours).collect();
        println!("| {title} | {:.0} | {:.0} | {:.2} |", median(sdk), median(ours), median(ratios));
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

async fn measure(client: Client, server: &calls::Server, calls: u32) -> Told {
    let (from, begin) = (usage::process(), Instant::now());
    let peer = calls::Peer::new(client, server);
    peer.get_domain().await;
    let cold_wall_us = begin.elapsed().as_secs_f64() * 1e6;
    let cold_cpu_us = (usage::process().cpu_us - from.cpu_us) as f64;
    for _ in 0..calls / 10 {
        peer.get_domain().await;
    }
    let from = usage::process();
    let mut walls = Vec::with_capacity(calls as usize);
    for _ in 0..calls {
        let begin = Instant::now();
        peer.get_domain().await;
        walls.push(begin.elapsed().as_secs_f64() * 1e6);
    }
    let cpu_us = (usage::process().cpu_us - from.cpu_us) as f64 / f64::from(calls);
    let values = [
        ("cpu_us", cpu_us),
        ("wall_us", median(walls)),
        ("cold_cpu_us", cold_cpu_us),
        ("cold_wall_us", cold_wall_us),
    ];
    values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
