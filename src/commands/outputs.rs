//! Puts a report where the user wants it: tables into files or on stdout, the main form on stdout.

use std::env;
use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, bail};

use crate::cli::Console;
use crate::commands::masking::{EVENTS_AT_ONCE, Masking};
use crate::commands::sink::{Sink, folder_of, is_stdout};
use crate::commands::{Outcome, console};
use crate::event::{FolderRef, Timestamp};
use crate::ledger::{Ledger, Recorded, Window};
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
        again: false,
    }
}

/// The bounces of the last scan's report, made once more from the ledger; a report of `--new` is one of its own.
pub(crate) fn window_again(settings: &Settings, now: Timestamp) -> Window {
    Window {
        again: settings.new.is_none(),
        ..window(settings, now, None)
    }
}

/// Before anything is read, so that nobody waits for a report that has nowhere to go.
///
/// # Errors
/// When stdout is to take two files, which nobody could tell apart, or a terminal a workbook, or a file has no folder.
pub(crate) fn refuse_what_cannot_be_written(settings: &Settings, main: &Main) -> anyhow::Result<()> {
    for (_, path) in files(settings) {
        let folder = folder_of(path);
        if !folder.is_dir() {
            bail!(
                "cannot write {}: {} is no folder; make it, or give another one",
                path.display(),
                folder.display()
            );
        }
    }
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

/// Writes the tables and the main form, which leaves stdout to a table that takes it. Of a silent report nothing: files
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
    let mut files = files(settings);
    let stdout = Path::new("-");
    let stdout_is_free = !files.iter().any(|(_, path)| is_stdout(path));
    match main {
        Main::Form(OutputFormat::Csv) if stdout_is_free => files.push((File::Groups, stdout)),
        Main::Form(OutputFormat::Ndjson) if stdout_is_free => files.push((File::Ndjson, stdout)),
        Main::Form(_) | Main::Mail(_) => {}
    }
    let encoding = settings.csv_encoding.unwrap_or_default();
    write_files(report, ledger, masking, &files, encoding).await?;
    if !stdout_is_free {
        return Ok(());
    }
    let mut stdout = io::BufWriter::new(io::stdout());
    match main {
        Main::Mail(letter) => {
            let evidence = masking.recorded(ledger, &report::evidence(report)).await?;
            let page = report::html(report, &evidence);
            report::email(report, letter, &page, console.verbose > 0, &mut stdout)
        }
        Main::Form(OutputFormat::Table) => {
            let text = report::table(report, look(settings.color.unwrap_or_default(), console));
            stdout.write_all(text.as_bytes())
        }
        Main::Form(OutputFormat::Csv | OutputFormat::Ndjson) => Ok(()),
    }
    .and_then(|()| stdout.flush())
    .context("stdout")
}

/// Begins all files before it writes one, so that none is new where another cannot be written, and reads each bounce once.
async fn write_files(
    report: &Report<'_>,
    ledger: &Ledger,
    masking: &mut Masking,
    files: &[(File, &Path)],
    encoding: CsvEncoding,
) -> anyhow::Result<()> {
    let sinks = files.iter().map(|(file, path)| Ok((*file, Sink::open(path)?)));
    let mut sinks: Vec<(File, Sink)> = sinks.collect::<anyhow::Result<_>>()?;
    let evidence = match files.iter().any(|(file, _)| matches!(file, File::Page)) {
        true => masking.recorded(ledger, &report::evidence(report)).await?,
        false => Vec::new(),
    };
    let mut streams = Vec::new();
    for (file, sink) in &mut sinks {
        let shown = sink.shown.clone();
        let to = match sink.is_stdout() {
            true => on_stdout(encoding),
            false => Destination::File(encoding),
        };
        let stream = begin(report, &evidence, *file, sink, to).with_context(|| cannot_write(&shown))?;
        streams.push((shown, stream));
    }
    if streams.iter().any(|(_, stream)| stream.takes_bounces()) {
        for some in report.shown().chunks(EVENTS_AT_ONCE) {
            let bounces = masking.recorded(ledger, some).await?;
            for (shown, stream) in &mut streams {
                stream.bounces(&bounces).with_context(|| cannot_write(shown))?;
            }
        }
    }
    for (shown, stream) in streams {
        let lost = stream.finish().with_context(|| cannot_write(&shown))?;
        if lost > 0 {
            console::say(&format!(
                "{shown}: {lost} characters that the encoding cannot hold were written as ?"
            ));
        }
    }
    sinks.into_iter().try_for_each(|(_, sink)| sink.finish())
}

fn cannot_write(shown: &str) -> String {
    format!("cannot write {shown}")
}

/// A file that is being written.
enum Stream<'r, 't> {
    /// It holds no bounces and is written, with so many characters that the encoding could not hold.
    Whole(u64),
    Events(Box<EventsCsv<&'t mut Sink>>),
    Workbook(Box<Workbook<'r>>, &'t mut Sink),
    Json(JsonDocument<&'t mut Sink>),
    Ndjson(&'t mut Sink),
}

fn begin<'r, 't>(
    report: &'r Report<'r>,
    evidence: &[Recorded],
    file: File,
    out: &'t mut Sink,
    to: Destination,
) -> io::Result<Stream<'r, 't>> {
    Ok(match file {
        File::Groups => Stream::Whole(report::groups_csv(report, out, to)?),
        File::Checks => Stream::Whole(report::checks_csv(report.listings(), report.clock(), out, to)?),
        File::Page => {
            out.write_all(report::html(report, evidence).as_bytes())?;
            Stream::Whole(0)
        }
        File::Events => Stream::Events(Box::new(EventsCsv::new(report.clock(), out, to)?)),
        File::Workbook => Stream::Workbook(Box::new(Workbook::new(report, &out.scratch())?), out),
        File::Json => Stream::Json(JsonDocument::new(report, out)?),
        File::Ndjson => Stream::Ndjson(out),
    })
}

impl Stream<'_, '_> {
    fn takes_bounces(&self) -> bool {
        !matches!(self, Self::Whole(_))
    }

    fn bounces(&mut self, bounces: &[Recorded]) -> io::Result<()> {
        let mut events = bounces.iter().map(|bounce| &bounce.event);
        match self {
            Self::Whole(_) => Ok(()),
            Self::Events(csv) => events.try_for_each(|event| csv.row(event)),
            Self::Workbook(workbook, _) => events.try_for_each(|event| workbook.event(event)),
            Self::Json(document) => bounces.iter().try_for_each(|bounce| document.event(bounce)),
            Self::Ndjson(out) => report::ndjson(events, out),
        }
    }

    /// Gives how many characters the encoding could not hold; the forms without one hold every character.
    fn finish(self) -> io::Result<u64> {
        match self {
            Self::Whole(lost) => Ok(lost),
            Self::Events(csv) => csv.finish(),
            Self::Workbook(workbook, out) => workbook.finish(out).map(|()| 0),
            Self::Json(document) => document.finish().map(|()| 0),
            Self::Ndjson(out) => out.flush().map(|()| 0),
        }
    }
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

/// What is written into files, or on stdout as a file would be.
#[derive(Clone, Copy)]
enum File {
    Groups,
    Events,
    Checks,
    Workbook,
    Page,
    Json,
    Ndjson,
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
