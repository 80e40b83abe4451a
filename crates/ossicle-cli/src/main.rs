//! The `ossicle` command.

#![forbid(unsafe_code)]

mod args;
mod carry;
mod configuration;
mod control;
mod conversation;
mod demo;
mod emulate;
mod fault;
mod feed;
mod finish;
mod keys;
mod outage;
mod pump;
mod show;
mod signals;
mod source;
mod stream;
mod target;

use std::process::ExitCode;

use args::{Cli, Command, SessionCommand};
use clap::Parser;
use fault::{Fault, Outcome};

fn main() -> ExitCode {
    fault::hide_panics();
    let cli = Cli::parse();
    let outcome = std::panic::catch_unwind(|| run(&cli));
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(fault)) => {
            if let Some(sentence) = fault.sentence() {
                show::complain(&format!("ossicle: {sentence}"));
            }
            ExitCode::from(fault.code())
        }
        // The hook has said so.
        Err(_) => ExitCode::FAILURE,
    }
}

fn run(cli: &Cli) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|_| {
        Fault::failed(ossicle::core::Status::Limit, "the system gives no event queue: raise its limits")
    })?;
    let outcome = runtime.block_on(async {
        match &cli.command {
            Command::Demo(args) => demo::run(args).await,
            Command::Stream(args) => stream::run(args).await,
            Command::Emulate(args) => emulate::run(args).await,
            Command::Session(SessionCommand::Finish(args)) => finish::run(args).await,
            Command::Session(SessionCommand::Show(args)) => control::session(args).await,
            Command::Domain(command) => control::domain(command).await,
            Command::Subscription(command) => control::subscription(command).await,
            Command::Tags(command) => control::tags(command).await,
            Command::Dataset(command) => control::dataset(command).await,
            Command::Insights(command) => control::insights(command).await,
            Command::Coding(command) => control::coding(command).await,
            Command::Feedback(command) => control::feedback(command).await,
        }
    });
    // A look-up or a read of a pipe that hangs must not hold up the end.
    runtime.shutdown_background();
    outcome
}
