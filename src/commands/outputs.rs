//! Puts a report where the user wants it: tables into files or on stdout, the main form on stdout.

use std::env;
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, bail};

use crate::cli::Console;
use crate::commands::masking::{EVENTS_AT_ONCE, Masking};
use crate::commands::{Outcome, console};
use crate::event::{FolderRef, Timestamp};
use crate::ledger::{Ledger, Window};
use crate::report::{
    self, Color, CsvEncoding, Destination, EventsCsv, JsonDocument, Lang, Letter, Look, OutputFormat, Report,
    Settings, Workbook,
};

/// The width of a report that no terminal shows, such as cron's mail, in cells.
const WIDTH: usize = 80;

/// What takes stdout, where no file does.
pub(crate) enum Main {
    /// A form of the report.
    Form(OutputFormat),
    /// A mail.
    Mail(Letter),
}

impl Main {
    pub(crate) fn of(settings: &Settings) -> Self {
        Self::Form(settings.format.unwrap_or_default())
    }
}

/// The bounces that a report is about, of some folders or of all.
pub(crate) fn window(settings: &Settings, now: Timestamp, folders: Option<Vec<FolderRef>>) -> Window {
    let seen = settings.window(now);
    Window {
        since: seen.since,
        until: seen.until,
        late_until: seen.late_until(),
        folders,
        series: settings.series(),
    }
}

/// # Errors
/// When stdout is to take two files, which nobody could tell apart, or a terminal a workbook.
pub(crate) fn refuse_on_stdout(settings: &Settings, main: &Main) -> anyhow::Result<()> {
    let on_stdout: Vec<File> = files(settings)
        .into_iter()
        .filter_map(|(file, path)| is_stdout(path).then_some(file))
        .collect();
    match on_stdout.as_slice() {
        [File::Workbook] if io::stdout().is_terminal() => {
            bail!("--xlsx - would write a workbook to the terminal; give it a file, or stdout a pipe")
        }
        [_, ..] if matches!(main, Main::Mail(_)) => {
            bail!("--email-format writes the mail to stdout; give the tables (-) a file")
        }
        [] | [_] => Ok(()),
        [_, _, ..] => bail!(
            "only one of --csv, --events-csv, --checks-csv, --xlsx, --html and --json can go to stdout (-); give the others a file"
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
    main: &Main,
    console: Console,
) -> anyhow::Result<()> {
    if report.is_silent() {
        return Ok(());
    }
    let encoding = settings.csv_encoding.unwrap_or_default();
    let mut stdout_taken = false;
    for (file, path) in files(settings) {
        let shown = path.display();
        let lost = if is_stdout(path) {
            stdout_taken = true;
            let out = io::BufWriter::new(io::stdout());
            let to = on_stdout(encoding);
            write_file(report, ledger, masking, file, out, to, &env::temp_dir()).await
        } else {
            let out = fs::File::create(path).map(io::BufWriter::new);
            let out = out.with_context(|| format!("cannot write {shown}"))?;
            let to = Destination::File(encoding);
            write_file(report, ledger, masking, file, out, to, folder_of(path)).await
        };
        let lost = lost.with_context(|| format!("cannot write {shown}"))?;
        if lost > 0 {
            console::say(&format!(
                "{shown}: {lost} characters that the encoding cannot hold were written as ?"
            ));
        }
    }
    if stdout_taken {
        return Ok(());
    }
    let mut stdout = io::BufWriter::new(io::stdout());
    match main {
        Main::Mail(letter) => {
            let page = page(report, ledger, masking).await?;
            report::email(report, letter, &page, console.verbose > 0, &mut stdout)
        }
        Main::Form(OutputFormat::Table) => {
            let text = report::table(report, look(settings.color.unwrap_or_default(), console));
            stdout.write_all(text.as_bytes())
        }
        Main::Form(OutputFormat::Csv) => groups_on_stdout(report, &mut stdout, encoding),
        Main::Form(OutputFormat::Ndjson) => {
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

/// The report as a page, with the bounces that it shows whole.
async fn page(report: &Report<'_>, ledger: &Ledger, masking: &mut Masking) -> anyhow::Result<String> {
    let evidence = masking.recorded(ledger, &report::evidence(report)).await?;
    Ok(report::html(report, &evidence))
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
        Color::Auto => terminal && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
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

/// What is written besides the main form.
#[derive(Clone, Copy)]
enum File {
    Groups,
    Events,
    Checks,
    Workbook,
    Page,
    Json,
}

fn files(settings: &Settings) -> Vec<(File, &Path)> {
    let asked = [
        (File::Groups, &settings.csv),
        (File::Events, &settings.events_csv),
        (File::Checks, &settings.checks_csv),
        (File::Workbook, &settings.xlsx),
        (File::Page, &settings.html),
        (File::Json, &settings.json),
    ];
    asked
        .into_iter()
        .filter_map(|(file, path)| Some((file, path.as_deref()?)))
        .collect()
}

/// Gives how many characters the encoding could not hold. `scratch` is a folder for what must wait.
async fn write_file(
    report: &Report<'_>,
    ledger: &Ledger,
    masking: &mut Masking,
    file: File,
    mut out: impl Write + Send,
    to: Destination,
    scratch: &Path,
) -> anyhow::Result<u64> {
    match file {
        File::Groups => return Ok(report::groups_csv(report, out, to)?),
        File::Checks => return Ok(report::checks_csv(report.listings(), report.clock(), out, to)?),
        File::Events => {
            let mut csv = EventsCsv::new(report.clock(), out, to)?;
            for some in report.shown().chunks(EVENTS_AT_ONCE) {
                for bounce in masking.recorded(ledger, some).await? {
                    csv.row(&bounce.event)?;
                }
            }
            return Ok(csv.finish()?);
        }
        File::Workbook => {
            let mut workbook = Workbook::new(report, scratch)?;
            for some in report.shown().chunks(EVENTS_AT_ONCE) {
                for bounce in masking.recorded(ledger, some).await? {
                    workbook.event(&bounce.event)?;
                }
            }
            workbook.finish(out)?;
        }
        File::Page => {
            out.write_all(page(report, ledger, masking).await?.as_bytes())?;
            out.flush()?;
        }
        File::Json => {
            let mut document = JsonDocument::new(report, out)?;
            for some in report.shown().chunks(EVENTS_AT_ONCE) {
                for bounce in masking.recorded(ledger, some).await? {
                    document.event(&bounce)?;
                }
            }
            document.finish()?;
        }
    }
    // These hold every character.
    Ok(0)
}

/// Where a file lies.
fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        Some(_) | None => Path::new("."),
    }
}

fn is_stdout(file: &Path) -> bool {
    file.as_os_str() == "-"
}
