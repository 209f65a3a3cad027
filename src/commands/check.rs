//! `bounceaudit check`: what the lists and the DNS say of single addresses.

use std::io::{self, Write};

use anyhow::Context;
use chrono::Local;

use crate::catalogue::Catalogue;
use crate::check;
use crate::cli::{CheckArgs, Console};
use crate::commands::{Outcome, console, outputs};
use crate::config::Config;
use crate::report::{self, CheckFormat, Clock, Color, CsvEncoding};

pub(crate) async fn run(args: CheckArgs, console: Console) -> anyhow::Result<Outcome> {
    let config = Config::load(args.config.config.as_deref())?;
    let catalogue = Catalogue::built_in()?;
    let now = Local::now().fixed_offset();
    let checked = check::all(&args.dns.or(config.dns), &catalogue, &args.addresses, &[], now).await?;
    let mut stdout = io::stdout().lock();
    let mut outcome = Outcome::Complete;
    match args.format.unwrap_or_default() {
        CheckFormat::Table => {
            let table = report::check_table(&checked, outputs::look(Color::Auto, console))?;
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
    checked.warnings.iter().for_each(|warning| console::say(warning));
    Ok(outcome)
}
