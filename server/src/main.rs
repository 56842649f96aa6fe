//! `fluxbase`: configuration → one of its commands.

use clap::Parser;
use fluxbase_server::command::{Command, Problem};
use fluxbase_server::config::{Config, Environment};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A backend whose security lives in PostgreSQL.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// The configuration; without it fluxbase.yaml of this directory, if there is one.
    #[arg(long, global = true, env = "FLUXBASE_CONFIG")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("fluxbase: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: Arguments) -> Result<(), Problem> {
    let by_default = Path::new("fluxbase.yaml");
    let path = match &arguments.config {
        Some(path) => Some(path.as_path()),
        None => by_default.exists().then_some(by_default),
    };
    let environment = Environment::of_this_process();
    let config = Config::load(path, &environment, arguments.command.overrides())?;
    arguments.command.run(config)
}
