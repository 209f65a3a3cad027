//! `bounceaudit check`: what the lists and the DNS say of single addresses.

use std::io::{self, Read, Write};
use std::net::IpAddr;

use anyhow::{Context, bail};
use chrono::Local;

use crate::catalogue::Catalogue;
use crate::check::{self, Target};
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
    let lang = outputs::lang(args.lang, config.report.lang);
    let catalogue = Catalogue::load(args.catalogue.or(config.catalogue).file.as_deref())?;
    let now = Local::now().fixed_offset();
    let dns = args.dns.or(config.dns);
    if dns.no_dns {
        bail!("check asks the DNS, and --no-dns (`no_dns` in the configuration) forbids it");
    }
    let asked = check::addresses(&dns, &with_stdin(args.targets)?).await?;
    for (name, why) in &asked.unknown {
        // A monitor would take a check without it for a whole one.
        if args.format == Some(CheckFormat::Nagios) || asked.ips.is_empty() {
            bail!("{name}: {why}");
        }
        on_stderr::say(&format!("not checked: {name}: {why}"));
    }
    let ips: Vec<IpAddr> = asked.ips.into_iter().collect();
    let questions = check::Questions {
        ips: &ips,
        zones: &[],
        domains: &[],
        known: &check::Known::default(),
    };
    let checked = check::all(&dns, &catalogue, questions, now).await?;
    let mut stdout = io::stdout().lock();
    let mut outcome = match asked.unknown.is_empty() {
        true => Outcome::Complete,
        false => Outcome::Partial,
    };
    let format = args.format.unwrap_or_default();
    match format {
        CheckFormat::Table => {
            let table = report::check_table(&checked, &catalogue, outputs::look(Color::Auto, console), lang)?;
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
    if !matches!(outcome, Outcome::Monitor(_)) && checked.is_unanswered() {
        bail!("no resolver answered any question: check the network, or name another one with --dns IP");
    }
    Ok(outcome)
}

/// The targets, those of stdin in place of each `-`.
fn with_stdin(targets: Vec<Target>) -> anyhow::Result<Vec<Target>> {
    if !targets.contains(&Target::Stdin) {
        return Ok(targets);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text).context("stdin")?;
    let read = check::targets(&text).context("stdin")?;
    let given = targets.into_iter().filter(|target| *target != Target::Stdin);
    Ok(given.chain(read).collect())
}
