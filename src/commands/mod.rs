//! One file for each subcommand: they tie the rooms together and decide nothing themselves.
//!
//! In: the command line. Out: the result on stdout, progress and problems on stderr, an [`Outcome`].
//! Fails only when nothing could be done; what could not be read is a gap in the report and exit status 3.

mod check;
mod classify;
mod console;
mod draft;
mod help;
mod ledger;
mod lists;
mod masking;
mod note;
mod outputs;
mod report;
mod scan;
mod sink;
mod stop;
mod walk;

use std::io;
use std::process::ExitCode;

pub use console::log_to_stderr;

use crate::cli::{Cli, Command};

/// How a command ended that did what it could.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// All of it was done.
    Complete,
    /// Something could not be read; the report names it.
    Partial,
    /// Done, and `--fail-on` found what it names. Says more than [`Outcome::Partial`], so it wins over it.
    Found,
    /// Nothing was done: the options do not say what to do, nor does the configuration.
    WrongUsage,
    /// The status that a monitoring plugin's convention asks for.
    Monitor(u8),
}

impl Outcome {
    /// The same, of a run that was cut short or not.
    fn of_a_run(self, cut_short: bool) -> Self {
        match (self, cut_short) {
            (Self::Complete, true) => Self::Partial,
            (outcome, _) => outcome,
        }
    }
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Complete => Self::SUCCESS,
            Outcome::WrongUsage => Self::from(2),
            Outcome::Partial => Self::from(3),
            Outcome::Found => Self::from(4),
            Outcome::Monitor(status) => Self::from(status),
        }
    }
}

/// Runs the subcommand.
///
/// # Errors
/// When nothing could be done: the configuration, every login, the ledger or an output file failed.
pub async fn run(cli: Cli) -> anyhow::Result<Outcome> {
    match cli.command {
        Command::Scan(args) => scan::run(*args, cli.console).await,
        Command::Report(args) => report::run(*args, cli.console).await,
        Command::Classify(args) => classify::run(&args, cli.console),
        Command::Check(args) => check::run(args, cli.console).await,
        Command::Lists(args) => lists::run(args, cli.console).await,
        Command::Ledger(command) => ledger::run(command).await,
        Command::Draft(args) => draft::run(*args).await,
        Command::Note(args) => note::run(args).await,
        Command::Completions(args) => help::completions(&args),
        Command::Man(args) => help::man(&args),
    }
}

/// Whether the reader of our stdout went away (`| head`): no error of ours.
#[must_use]
pub fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io_errors = error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>());
    io_errors
        .map(io::Error::kind)
        .any(|kind| kind == io::ErrorKind::BrokenPipe)
}
