//! What the user can say about a report: its window, its files, its form.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Local, NaiveDate, NaiveTime, TimeDelta, TimeZone, Utc};
use clap::ValueEnum;
use serde::{Deserialize, Deserializer};

use crate::event::{Times, Timestamp};
use crate::report::email::Correspondent;
use crate::report::lang::Lang;

/// Longer than any usual queue keeps mail (qmail's 7 days), so that a late bounce would have come.
const PRESUMED_AFTER: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// How long a bounce may stay out and still count, when nobody said otherwise: qmail gives up after 7 days, Postfix
/// after 5, and the bounce itself may wait.
const LATE_WINDOW: Duration = Duration::from_secs(10 * 24 * 60 * 60);

/// The report's options, from the command line, the environment, and `[report]` of the configuration file.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[group(skip)]
pub struct Settings {
    /// Only mail sent since then (2021-12-27, 7d, 36h) [default: everything]
    #[arg(long, value_name = "WHEN", env = "BOUNCEAUDIT_SINCE")]
    pub since: Option<When>,
    /// Only mail sent until then; a day counts to its end [default: everything]
    #[arg(long, value_name = "WHEN", env = "BOUNCEAUDIT_UNTIL")]
    pub until: Option<When>,
    /// How long after --until bounces may still come in and count [default: 10d]
    #[arg(hide_short_help = true, long, value_name = "SPAN", env = "BOUNCEAUDIT_LATE_WINDOW", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "span")]
    pub late_window: Option<Duration>,
    /// After how long without refusal a block is presumed over that no list can be asked about [default: 14d]
    #[arg(hide_short_help = true, long, value_name = "SPAN", env = "BOUNCEAUDIT_PRESUMED_AFTER", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "span")]
    pub presumed_after: Option<Duration>,
    /// Write the groups (blocked IP and receiving domain) as CSV; - is stdout
    #[arg(long, value_name = "FILE", env = "BOUNCEAUDIT_CSV")]
    pub csv: Option<PathBuf>,
    /// Write the bounces as CSV, a row for each recipient; - is stdout
    #[arg(
        hide_short_help = true,
        long,
        value_name = "FILE",
        env = "BOUNCEAUDIT_EVENTS_CSV"
    )]
    pub events_csv: Option<PathBuf>,
    /// Write the answers of the lists as CSV; - is stdout
    #[arg(
        hide_short_help = true,
        long,
        value_name = "FILE",
        env = "BOUNCEAUDIT_CHECKS_CSV"
    )]
    pub checks_csv: Option<PathBuf>,
    /// Write everything as an Excel workbook
    #[arg(long, value_name = "FILE", env = "BOUNCEAUDIT_XLSX")]
    pub xlsx: Option<PathBuf>,
    /// Write one page for a browser, with everything in the one file
    #[arg(long, value_name = "FILE", env = "BOUNCEAUDIT_HTML")]
    pub html: Option<PathBuf>,
    /// Write everything as JSON; - is stdout
    #[arg(hide_short_help = true, long, value_name = "FILE", env = "BOUNCEAUDIT_JSON")]
    pub json: Option<PathBuf>,
    /// Encoding of the CSV files [default: utf-8-bom]
    #[arg(
        hide_short_help = true,
        long,
        value_name = "ENCODING",
        env = "BOUNCEAUDIT_CSV_ENCODING"
    )]
    pub csv_encoding: Option<CsvEncoding>,
    /// What goes to stdout [default: table]
    #[arg(long, value_name = "FORMAT", env = "BOUNCEAUDIT_FORMAT")]
    pub format: Option<OutputFormat>,
    /// Give bounces that no block caused rows and groups too [default: they are only counted]
    #[arg(hide_short_help = true, long, env = "BOUNCEAUDIT_ALL_REASONS")]
    pub all_reasons: bool,
    /// Hide who people are: the part before the @ of every address, in every output
    #[arg(long, env = "BOUNCEAUDIT_MASK")]
    pub mask: bool,
    /// Language of what is for people [default: that of the locale]
    #[arg(long, value_name = "LANG", env = "BOUNCEAUDIT_LANG")]
    pub lang: Option<Lang>,
    /// Timestamps in UTC [default: local zone]
    #[arg(hide_short_help = true, long, env = "BOUNCEAUDIT_UTC")]
    pub utc: bool,
    /// Only what changed since the last report with this option and this name; prints nothing when nothing did
    #[arg(long, value_name = "NAME", env = "BOUNCEAUDIT_NEW", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub new: Option<String>,
    /// Exit with status 4 when there is one [default: off]
    #[arg(long, value_name = "WHAT", env = "BOUNCEAUDIT_FAIL_ON")]
    pub fail_on: Option<FailOn>,
    /// Whom the report is sent to as a mail.
    #[arg(skip)]
    pub email_to: Vec<Correspondent>,
    /// Whom it is from.
    #[arg(skip)]
    pub email_from: Option<Correspondent>,
    /// When to colour [default: auto]
    #[arg(hide_short_help = true, long, value_name = "WHEN", env = "BOUNCEAUDIT_COLOR")]
    pub color: Option<Color>,
    /// No progress, no heading: the table starts at its first sentence
    #[arg(long, short)]
    pub quiet: bool,
}

impl Settings {
    /// These settings, completed by others that weigh less.
    #[must_use]
    pub fn or(self, lower: Self) -> Self {
        Self {
            since: self.since.or(lower.since),
            until: self.until.or(lower.until),
            late_window: self.late_window.or(lower.late_window),
            presumed_after: self.presumed_after.or(lower.presumed_after),
            csv: self.csv.or(lower.csv),
            events_csv: self.events_csv.or(lower.events_csv),
            checks_csv: self.checks_csv.or(lower.checks_csv),
            xlsx: self.xlsx.or(lower.xlsx),
            html: self.html.or(lower.html),
            json: self.json.or(lower.json),
            csv_encoding: self.csv_encoding.or(lower.csv_encoding),
            format: self.format.or(lower.format),
            all_reasons: self.all_reasons || lower.all_reasons,
            mask: self.mask || lower.mask,
            lang: self.lang.or(lower.lang),
            utc: self.utc || lower.utc,
            new: self.new.or(lower.new),
            fail_on: self.fail_on.or(lower.fail_on),
            email_to: if self.email_to.is_empty() {
                lower.email_to
            } else {
                self.email_to
            },
            email_from: self.email_from.or(lower.email_from),
            color: self.color.or(lower.color),
            quiet: self.quiet || lower.quiet,
        }
    }

    /// The settings of a file in `folder`: its relative paths start there. `-` stays stdout.
    #[must_use]
    pub fn based_at(mut self, folder: &Path) -> Self {
        let files = [
            &mut self.csv,
            &mut self.events_csv,
            &mut self.checks_csv,
            &mut self.xlsx,
            &mut self.html,
            &mut self.json,
        ];
        for path in files {
            if let Some(path) = path.as_mut().filter(|path| path.as_os_str() != "-") {
                *path = folder.join(&path);
            }
        }
        self
    }

    /// The window on sending times, for `now` in the report's zone.
    #[must_use]
    pub fn window(&self, now: Timestamp) -> Window {
        let zone = self.clock();
        Window {
            since: self.since.and_then(|when| when.start(now, zone)),
            until: self.until.and_then(|when| when.end(now, zone)),
            late: self.late_window.unwrap_or(LATE_WINDOW),
        }
    }

    /// The series of reports that this one belongs to: each name of `--new` has its own, all others are one.
    #[must_use]
    pub fn series(&self) -> String {
        self.new
            .as_ref()
            .map(|name| format!("new:{name}"))
            .unwrap_or_default()
    }

    /// After how long without refusal a block is presumed over that no list can be asked about.
    pub(super) fn presumed_after(&self) -> TimeDelta {
        let span = self.presumed_after.unwrap_or(PRESUMED_AFTER);
        TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX)
    }

    /// The zone that the report writes its times in.
    #[must_use]
    pub fn clock(&self) -> Clock {
        if self.utc { Clock::Utc } else { Clock::Local }
    }
}

/// Which mails a report is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Sent then or later.
    pub since: Option<Timestamp>,
    /// Sent before then.
    pub until: Option<Timestamp>,
    /// How long after `until` their bounces may come.
    pub late: Duration,
}

impl Window {
    /// Until when bounces count, where the window has an end.
    #[must_use]
    pub fn late_until(&self) -> Option<Timestamp> {
        self.until?
            .checked_add_signed(TimeDelta::from_std(self.late).ok()?)
    }

    /// Whether a bounce is in the window; one that does not say when it was is in every window.
    #[must_use]
    pub fn holds(&self, times: Times) -> bool {
        let sent = times.sent_or_bounced();
        let before = |limit: Option<Timestamp>, time: Option<Timestamp>| {
            limit.zip(time).is_none_or(|(limit, time)| time < limit)
        };
        self.since.zip(sent).is_none_or(|(since, sent)| since <= sent)
            && before(self.until, sent)
            && before(self.late_until(), times.bounced_at)
    }
}

/// A moment as people write it: a day, or how long ago.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// `2021-12-27`, in the report's zone.
    Day(NaiveDate),
    /// `7d`, `36h`: so long before now.
    Ago(Duration),
}

impl When {
    /// Its first moment; `None` before the calendar begins.
    fn start(self, now: Timestamp, clock: Clock) -> Option<Timestamp> {
        match self {
            Self::Day(day) => clock.midnight(day),
            Self::Ago(span) => now.checked_sub_signed(TimeDelta::from_std(span).ok()?),
        }
    }

    /// The first moment after it: a day belongs to its window as a whole.
    fn end(self, now: Timestamp, clock: Clock) -> Option<Timestamp> {
        match self {
            Self::Day(day) => clock.midnight(day.succ_opt()?),
            Self::Ago(_) => self.start(now, clock),
        }
    }
}

/// A text that is neither a day nor a span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither a day (2021-12-27) nor a time ago (7d, 36h)")]
pub struct NoTime(String);

impl FromStr for When {
    type Err = NoTime;

    fn from_str(text: &str) -> Result<Self, NoTime> {
        if let Ok(day) = NaiveDate::parse_from_str(text, "%Y-%m-%d") {
            return Ok(Self::Day(day));
        }
        humantime::parse_duration(text)
            .map(Self::Ago)
            .map_err(|_| NoTime(text.to_owned()))
    }
}

impl<'de> Deserialize<'de> for When {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let span = humantime::parse_duration(&text)
        .map_err(|why| serde::de::Error::custom(format!("{text:?}: {why}")))?;
    Ok(Some(span))
}

/// The zone of a report's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The machine's, with its summer time.
    Local,
    /// UTC.
    Utc,
}

impl Clock {
    /// The same moment, written in this zone.
    #[must_use]
    pub fn show(self, time: Timestamp) -> Timestamp {
        match self {
            Self::Local => time.with_timezone(&Local).fixed_offset(),
            Self::Utc => time.with_timezone(&Utc).fixed_offset(),
        }
    }

    /// When a day begins here. Where summer time skips midnight, the day begins when the clocks go on.
    pub(super) fn midnight(self, day: NaiveDate) -> Option<Timestamp> {
        let midnight = day.and_time(NaiveTime::MIN);
        let earliest = |skipped: i64| {
            let time = midnight.checked_add_signed(TimeDelta::minutes(skipped))?;
            Some(match self {
                Self::Local => Local.from_local_datetime(&time).earliest()?.fixed_offset(),
                Self::Utc => DateTime::<Utc>::from_naive_utc_and_offset(time, Utc).fixed_offset(),
            })
        };
        [0, 30, 60, 120].into_iter().find_map(earliest)
    }
}

/// How a CSV file is encoded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CsvEncoding {
    /// For scripts.
    #[value(name = "utf-8")]
    #[serde(rename = "utf-8")]
    Utf8,
    /// For spreadsheets, which take UTF-8 without the mark for the machine's old encoding.
    #[default]
    #[value(name = "utf-8-bom")]
    #[serde(rename = "utf-8-bom")]
    Utf8Bom,
    /// Windows code page 932, for old import screens.
    #[value(name = "shift_jis")]
    #[serde(rename = "shift_jis")]
    ShiftJis,
}

/// What goes to stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutputFormat {
    /// The report for people.
    #[default]
    Table,
    /// The groups, as --csv writes them
    Csv,
    /// One bounce a line.
    Ndjson,
}

/// What makes the exit status 4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// An address of ours is refused, and that is not known to be over
    Blocked,
    /// An address of ours stands on a list now
    Listed,
    /// A refusal or listing is new, or has come back
    New,
}

/// When to colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::time::Duration;

    use clap::{Args, FromArgMatches};

    use crate::event::Timestamp;
    use crate::report::samples;
    use crate::report::settings::{CsvEncoding, Settings, When};

    fn parsed(args: &[&str]) -> Result<Settings, clap::Error> {
        let command = Settings::augment_args(clap::Command::new("report"));
        Settings::from_arg_matches(&command.try_get_matches_from([&["report"], args].concat())?)
    }

    fn now() -> Timestamp {
        "2026-11-22T09:00:00+09:00".parse().unwrap()
    }

    #[test]
    fn a_day_is_in_the_window_from_its_first_to_its_last_second() {
        let settings = parsed(&["--since", "2021-12-24", "--until", "2021-12-27", "--utc"]).unwrap();
        let window = settings.window(now());
        assert_eq!(window.since.unwrap().to_rfc3339(), "2021-12-24T00:00:00+00:00");
        assert_eq!(window.until.unwrap().to_rfc3339(), "2021-12-28T00:00:00+00:00");
        let event = samples::story("postfix-gmo-rbl-late.eml"); // sent 2021-12-24, bounced 2021-12-29
        assert!(window.holds(event.times));
        let soon = Settings {
            late_window: Some(Duration::from_secs(3600)),
            ..settings
        };
        assert!(!soon.window(now()).holds(event.times));
    }

    #[test]
    fn a_span_counts_back_from_now() {
        let window = parsed(&["--since", "36h"]).unwrap().window(now());
        assert_eq!(window.since.unwrap().to_rfc3339(), "2026-11-20T21:00:00+09:00");
        assert_eq!(window.until, None);
    }

    #[test]
    fn what_is_no_time_is_refused_with_an_example() {
        let error = parsed(&["--since", "yesterday"]).unwrap_err().to_string();
        assert!(
            error.contains("neither a day (2021-12-27) nor a time ago (7d, 36h)"),
            "{error}"
        );
        assert!("99999999999999999999d".parse::<When>().is_err());
    }

    #[test]
    fn a_span_longer_than_the_calendar_is_no_limit() {
        assert_eq!(
            parsed(&["--since", "300000000y"]).unwrap().window(now()).since,
            None
        );
    }

    #[test]
    fn the_file_has_the_same_words_and_refuses_others() {
        let file: Settings = toml::from_str(
            "csv_encoding = 'shift_jis'\nlate_window = '10d'\ncsv = 'a.csv'\nevents_csv = '-'",
        )
        .unwrap();
        let file = file.based_at(Path::new("/etc/x"));
        assert_eq!(file.csv_encoding, Some(CsvEncoding::ShiftJis));
        assert_eq!(file.csv, Some(PathBuf::from("/etc/x/a.csv")));
        assert_eq!(file.events_csv, Some(PathBuf::from("-")));
        assert!(toml::from_str::<Settings>("colour = 'auto'").is_err());
        assert!(toml::from_str::<Settings>("since = 'soon'").is_err());
    }

    #[test]
    fn an_option_wins_over_the_file() {
        let file: Settings = toml::from_str("csv_encoding = 'shift_jis'\nutc = true").unwrap();
        let merged = parsed(&["--csv-encoding", "utf-8"]).unwrap().or(file);
        assert_eq!(merged.csv_encoding, Some(CsvEncoding::Utf8));
        assert!(merged.utc);
    }
}
