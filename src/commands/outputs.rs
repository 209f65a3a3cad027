//! Puts a report where the user wants it: tables into files or on stdout, the main form on stdout.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, bail};

use crate::cli::Console;
use crate::commands::masking::{EVENTS_AT_ONCE, Masking};
use crate::commands::{Outcome, console};
use crate::ledger::Ledger;
use crate::report::{
    self, Color, CsvEncoding, Destination, EventsCsv, Lang, Look, OutputFormat, Report, Settings,
};

/// The width of a report that no terminal shows, such as cron's mail, in cells.
const WIDTH: usize = 80;

/// # Errors
/// When two tables are to go to stdout, where nobody could tell them apart.
pub(crate) fn refuse_two_on_stdout(settings: &Settings) -> anyhow::Result<()> {
    match tables(settings)
        .into_iter()
        .filter(|(_, file)| is_stdout(file))
        .count()
    {
        0 | 1 => Ok(()),
        _ => bail!(
            "only one of --csv, --events-csv and --checks-csv can go to stdout (-); give the others a file"
        ),
    }
}

/// Writes the tables, then the main form, unless a table has taken its place on stdout. Of a silent report nothing: files
/// keep what the report before wrote.
///
/// # Errors
/// When a file or stdout cannot be written to, or the ledger cannot be read.
pub(crate) async fn write(
    report: &Report<'_>,
    ledger: &Ledger,
    masking: &mut Masking,
    settings: &Settings,
    console: Console,
) -> anyhow::Result<()> {
    if report.is_silent() {
        return Ok(());
    }
    let encoding = settings.csv_encoding.unwrap_or_default();
    let mut stdout_taken = false;
    for (table, file) in tables(settings) {
        let lost = if is_stdout(file) {
            stdout_taken = true;
            let out = io::BufWriter::new(io::stdout());
            write_table(report, ledger, masking, table, out, on_stdout(encoding)).await
        } else {
            let out = fs::File::create(file).map(io::BufWriter::new);
            let out = out.with_context(|| format!("cannot write {}", file.display()))?;
            write_table(report, ledger, masking, table, out, Destination::File(encoding)).await
        };
        let lost = lost.with_context(|| format!("cannot write {}", file.display()))?;
        if lost > 0 {
            let file = file.display();
            console::say(&format!(
                "{file}: {lost} characters that the encoding cannot hold were written as ?"
            ));
        }
    }
    if stdout_taken {
        return Ok(());
    }
    let mut stdout = io::BufWriter::new(io::stdout());
    match settings.format.unwrap_or_default() {
        OutputFormat::Table => {
            let text = report::table(report, look(settings.color.unwrap_or_default(), console));
            stdout.write_all(text.as_bytes())
        }
        OutputFormat::Csv => groups_on_stdout(report, &mut stdout, encoding),
        OutputFormat::Ndjson => {
            for some in report.shown().chunks(EVENTS_AT_ONCE) {
                let bounces = masking.recorded(ledger, some).await?;
                let events = bounces.iter().map(|bounce| &bounce.event);
                report::ndjson(events, &mut stdout).context("stdout")?;
            }
            Ok(())
        }
    }
    .and_then(|()| stdout.flush())
    .context("stdout")
}

fn groups_on_stdout(report: &Report<'_>, out: impl Write, encoding: CsvEncoding) -> io::Result<()> {
    report::groups_csv(report, out, on_stdout(encoding)).map(drop)
}

/// Names on stderr what was not understood, unless the report is a silent one.
pub(crate) fn name_strange(report: &Report<'_>) {
    if !report.is_silent() {
        console::name_strange(report.strange());
    }
}

/// How the run ended, gaps and `--fail-on` considered.
pub(crate) fn outcome(report: &Report<'_>, settings: &Settings) -> Outcome {
    if settings.fail_on.is_some_and(|what| report.trips(what)) {
        return Outcome::Found;
    }
    if report.is_complete() {
        Outcome::Complete
    } else {
        Outcome::Partial
    }
}

/// What the terminal on stdout is like, if it is one.
pub(crate) fn look(color: Color, console: Console) -> Look {
    let terminal = io::stdout().is_terminal();
    let width = match terminal {
        true => terminal_size::terminal_size().map_or(WIDTH, |(columns, _)| columns.0.into()),
        false => WIDTH,
    };
    let color = match color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
    };
    Look {
        width,
        color,
        verbose: console.verbose > 0,
    }
}

/// The language that the user asked for, on the command line before the configuration; else that of the locale.
pub(crate) fn lang(asked: Option<Lang>, configured: Option<Lang>) -> Lang {
    let locale = || sys_locale::get_locale().map(|locale| Lang::of_locale(&locale));
    asked.or(configured).or_else(locale).unwrap_or_default()
}

/// A file's bytes are as the user asked; a terminal gets no byte order mark and nothing that steers it.
pub(crate) fn on_stdout(encoding: CsvEncoding) -> Destination {
    if io::stdout().is_terminal() {
        Destination::Terminal
    } else {
        Destination::File(encoding)
    }
}

#[derive(Clone, Copy)]
enum Table {
    Groups,
    Events,
    Checks,
}

fn tables(settings: &Settings) -> Vec<(Table, &Path)> {
    let asked = [
        (Table::Groups, &settings.csv),
        (Table::Events, &settings.events_csv),
        (Table::Checks, &settings.checks_csv),
    ];
    asked
        .into_iter()
        .filter_map(|(table, file)| Some((table, file.as_deref()?)))
        .collect()
}

/// Gives how many characters the encoding could not hold.
async fn write_table(
    report: &Report<'_>,
    ledger: &Ledger,
    masking: &mut Masking,
    table: Table,
    out: impl Write,
    to: Destination,
) -> anyhow::Result<u64> {
    match table {
        Table::Groups => Ok(report::groups_csv(report, out, to)?),
        Table::Checks => Ok(report::checks_csv(report.listings(), report.clock(), out, to)?),
        Table::Events => {
            let mut csv = EventsCsv::new(report.clock(), out, to)?;
            for some in report.shown().chunks(EVENTS_AT_ONCE) {
                for bounce in masking.recorded(ledger, some).await? {
                    csv.row(&bounce.event)?;
                }
            }
            Ok(csv.finish()?)
        }
    }
}

fn is_stdout(file: &Path) -> bool {
    file.as_os_str() == "-"
}
