//! The service's emulator in the engine's own process, for tests without a network.

use std::sync::mpsc;
use std::thread::JoinHandle;

use ossicle_core::{Endpoint, Status};
use ossicle_emulator::{Config, DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, Script, Transport};
use ossicle_sigv4::Credentials;
use tokio::sync::oneshot;

use crate::border::Fault;

/// A running emulator with its own thread.
pub(crate) struct Emulator {
    port: u16,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Emulator {
    /// Starts it on a free port of the loopback interface.
    pub(crate) fn start(script: Option<&str>) -> Result<Self, Fault> {
        let script = script.map(Script::from_json).transpose().map_err(|error| {
            Fault::argument(format!("loopback_script is no script, line {}", error.line()))
        })?;
        let (stop, stopped) = oneshot::channel::<()>();
        let (tell, told) = mpsc::channel();
        let run = move || {
            let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime,
                Err(error) => {
                    let _ = tell.send(Err(error.to_string()));
                    return;
                }
            };
            runtime.block_on(async {
                let config = Config { tls: Transport::Cleartext, script, ..Config::default() };
                match ossicle_emulator::Emulator::start(config).await {
                    Ok(emulator) => {
                        let _ = tell.send(Ok(emulator.addr().port()));
                        // Whether it is told or its teller has gone, the end is the end.
                        let _ = stopped.await;
                        emulator.kill().await;
                    }
                    Err(error) => {
                        let _ = tell.send(Err(error.to_string()));
                    }
                }
            });
        };
        let limit = |text: String| Fault::new(Status::Limit, text);
        let thread = std::thread::Builder::new()
            .name("ossicle-loopback".to_owned())
            .spawn(run)
            .map_err(|error| limit(error.to_string()))?;
        let port = told.recv().map_err(|_| limit("the emulator did not start".to_owned()))?.map_err(limit)?;
        Ok(Self { port, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it listens.
    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint { tls: false, host: "127.0.0.1".to_owned(), port: self.port }
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The keys that it takes.
pub(crate) fn keys() -> Credentials {
    Credentials::new(DUMMY_ACCESS_KEY_ID, DUMMY_SECRET_ACCESS_KEY, None, None)
}
