//! `bounceaudit check`: what the lists and the DNS say of single addresses.

use std::io::{self, Write};

use anyhow::{Context, bail};
use chrono::Local;

use crate::catalogue::Catalogue;
use crate::check;
use crate::cli::{CheckArgs, Console};
use crate::commands::{Outcome, console as on_stderr, outputs};
use crate::config::Config;
use crate::report::{self, CheckFormat, Clock, Color, CsvEncoding};

/// A monitor hears of a failure in its own way: `UNKNOWN` and status 3.
pub(crate) async fn run(args: CheckArgs, console: Console) -> anyhow::Result<Outcome> {
    let is_monitor = args.format == Some(CheckFormat::Nagios);
    match check(args, console).await {
        Err(error) if is_monitor => {
            writeln!(
                io::stdout(),
                "BOUNCEAUDIT UNKNOWN - {}",
                report::visible(&format!("{error:#}"))
            )?;
            Ok(Outcome::Monitor(3))
        }
        ended => ended,
    }
}

async fn check(args: CheckArgs, console: Console) -> anyhow::Result<Outcome> {
    let config = Config::load(args.config.config.as_deref())?;
    let catalogue = Catalogue::load(args.catalogue.or(config.catalogue).file.as_deref())?;
    let now = Local::now().fixed_offset();
    let questions = check::Questions {
        ips: &args.addresses,
        zones: &[],
        domains: &[],
        known: &check::Known::default(),
    };
    let checked = check::all(&args.dns.or(config.dns), &catalogue, questions, now).await?;
    let mut stdout = io::stdout().lock();
    let mut outcome = Outcome::Complete;
    let format = args.format.unwrap_or_default();
    match format {
        CheckFormat::Table => {
            let table = report::check_table(&checked, &catalogue, outputs::look(Color::Auto, console))?;
            stdout.write_all(table.as_bytes())
        }
        CheckFormat::Csv => {
            let destination = outputs::on_stdout(CsvEncoding::Utf8);
            report::checks_csv(&checked.listings, Clock::Local, &mut stdout, destination).map(drop)
        }
        CheckFormat::Ndjson => report::checks_ndjson(&checked.listings, &mut stdout),
        CheckFormat::Nagios => {
            let (line, status) = report::nagios(&checked);
            outcome = Outcome::Monitor(status);
            writeln!(stdout, "{line}")
        }
    }
    .and_then(|()| stdout.flush())
    .context("stdout")?;
    // The table shows them itself.
    if format != CheckFormat::Table {
        checked
            .warnings
            .iter()
            .for_each(|warning| on_stderr::say(warning));
    }
    if outcome == Outcome::Complete && checked.is_unanswered() {
        bail!("no resolver answered any question: check the network, or name another one with --dns IP");
    }
    Ok(outcome)
}
