//! `bounceaudit completions` and `bounceaudit man`: what is made from the definitions of the command line.

use std::io::{self, Write};

use anyhow::{Context, bail};
use clap::{Command, CommandFactory};

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::commands::Outcome;

pub(crate) fn completions(args: &CompletionsArgs) -> anyhow::Result<Outcome> {
    let mut script = Vec::new();
    clap_complete::generate(
        args.shell,
        &mut Cli::command(),
        env!("CARGO_PKG_NAME"),
        &mut script,
    );
    io::stdout().write_all(&script).context("stdout")?;
    Ok(Outcome::Complete)
}

pub(crate) fn man(args: &ManArgs) -> anyhow::Result<Outcome> {
    let mut page = Vec::new();
    clap_mangen::Man::new(named(&args.command)?)
        .render(&mut page)
        .context("manual page")?;
    io::stdout().write_all(&page).context("stdout")?;
    Ok(Outcome::Complete)
}

/// The program's definition, or that of a command, with the options that all commands take.
fn named(path: &[String]) -> anyhow::Result<Command> {
    let mut command = Cli::command();
    command.build();
    for name in path {
        match command.find_subcommand(name) {
            Some(found) => command = found.clone(),
            None => bail!("no command {:?}; `bounceaudit help` names them", path.join(" ")),
        }
    }
    let page = path.iter().fold(env!("CARGO_PKG_NAME").to_owned(), |page, name| {
        format!("{page}-{name}")
    });
    // The page is the whole help; clap_mangen leaves out what the short one hides.
    Ok(command
        .display_name(page)
        .mut_args(|arg| arg.hide_short_help(false)))
}
