//! What goes to stderr: the log, warnings, gaps, and the progress bar where stderr is a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use tracing::Dispatch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, filter, fmt};

use crate::cli::{Console, Progress};
use crate::event::Gap;
use crate::report::{self, Alike, Mask};

/// How often the progress line moves while nothing happens.
const TICK: Duration = Duration::from_millis(120);

/// Sends the log to stderr: warnings of ours, with `-v` what is being done, with `-vv` the protocols' steps too.
///
/// hickory's log stays out at any level: it shows the names that are asked, and a name may hold a customer's key.
pub fn log_to_stderr(console: Console) {
    let lines = fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry()
        .with(lines.with_filter(levels(console)))
        .init();
}

/// The same log without anybody's name: it tells accounts and folders, which may hold one.
pub(crate) fn masked_log(console: Console, mask: Mask) -> Dispatch {
    let lines = fmt::layer()
        .with_writer(MaskedStderr(mask))
        .with_ansi(false)
        .with_target(false);
    Dispatch::new(tracing_subscriber::registry().with(lines.with_filter(levels(console))))
}

fn levels(console: Console) -> filter::Targets {
    let (ours, theirs) = match console.verbose {
        0 => (LevelFilter::WARN, LevelFilter::OFF),
        1 => (LevelFilter::DEBUG, LevelFilter::OFF),
        _ => (LevelFilter::TRACE, LevelFilter::INFO),
    };
    filter::Targets::new()
        .with_default(theirs)
        .with_target("hickory", LevelFilter::OFF)
        .with_target("bounceaudit", ours)
}

struct MaskedStderr(Mask);

/// A line of the log comes in one piece.
struct MaskedLine(Mask);

impl MakeWriter<'_> for MaskedStderr {
    type Writer = MaskedLine;

    fn make_writer(&self) -> MaskedLine {
        MaskedLine(self.0.clone())
    }
}

impl Write for MaskedLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(line);
        io::stderr().lock().write_all(self.0.text(&text).as_bytes())?;
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Writes one line to stderr. A stderr that is closed loses it, and there is nobody left to tell.
pub(crate) fn say(line: &str) {
    match writeln!(io::stderr().lock(), "bounceaudit: {}", report::visible(line)) {
        Ok(()) | Err(_) => {}
    }
}

/// Names each thing that could not be read, a line each.
pub(crate) fn name_gaps(gaps: &[Gap]) {
    gaps.iter().for_each(|gap| say(&format!("not read: {gap}")));
}

/// Counts the mails that look like bounces and could not be understood; what they look like is the table's to tell.
pub(crate) fn name_strange(strange: &[Alike<'_>]) {
    match strange.iter().map(|alike| alike.mails).sum::<usize>() {
        0 => {}
        1 => say("not read: 1 mail that looks like a bounce; the report's table with -v shows it"),
        mails => say(&format!(
            "not read: {mails} mails that look like bounces; the report's table with -v shows them"
        )),
    }
}

/// Whether progress is shown: on stderr, and only to a person.
pub(crate) struct Bars {
    drawn: Option<MultiProgress>,
}

impl Bars {
    pub(crate) fn of(console: Console, quiet: bool) -> Self {
        let drawn = match console.progress {
            Progress::Always => true,
            Progress::Never => false,
            Progress::Auto => !quiet && io::stderr().is_terminal(),
        };
        Self {
            drawn: drawn.then(MultiProgress::new),
        }
    }

    /// A line of its own that shows its message and moves until it is finished.
    pub(crate) fn draw(&self) -> ProgressBar {
        let Some(lines) = &self.drawn else {
            return ProgressBar::hidden();
        };
        let bar = lines.add(ProgressBar::new_spinner());
        let template = ProgressStyle::with_template("{spinner} {msg} [{elapsed}]");
        bar.set_style(template.unwrap_or_else(|_| ProgressStyle::default_spinner()));
        bar.enable_steady_tick(TICK);
        bar
    }
}
