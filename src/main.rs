//! Arguments, logging, the subcommand, the exit status.

use std::io::{self, Write};
use std::process::ExitCode;

use bounceaudit::cli::Cli;
use bounceaudit::commands;
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    commands::log_to_stderr(cli.console);
    match commands::run(cli).await {
        Ok(outcome) => outcome.into(),
        Err(error) if commands::is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // TOML's own errors end with a line of nothing.
            let said = format!("bounceaudit: {error:#}");
            match writeln!(io::stderr(), "{}", said.trim_end()) {
                Ok(()) | Err(_) => ExitCode::FAILURE,
            }
        }
    }
}
