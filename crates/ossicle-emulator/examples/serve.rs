//! Serves an emulator in cleartext on the address given (default 127.0.0.1:8080) until its input ends.
//!
//! `cargo run -p ossicle-emulator --example serve -- 127.0.0.1:8080`

use std::io::{Read as _, Write as _};

use ossicle_emulator::{Config, Emulator, Transport};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".into()).parse()?;
    let emulator = Emulator::start(Config { listen, tls: Transport::Cleartext, ..Config::default() }).await?;
    writeln!(std::io::stdout(), "{}", emulator.url())?;
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await??;
    emulator.shutdown().await;
    Ok(())
}
