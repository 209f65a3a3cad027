//! The grid of days: when the mail was sent whose bounces came, and for which days they may still come.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use chrono::{Datelike, NaiveDate, TimeDelta};
use serde::Deserialize;

use crate::event::Timestamp;
use crate::ledger::Mail;
use crate::report::Report;
use crate::report::group::Group;
use crate::report::late::{LateCause, is_late};
use crate::report::layout::{Page, Tone, cells, pad, pad_left};
use crate::report::rows::{Row, refused_until};
use crate::report::settings::Clock;
use crate::report::words::{Counted, Words};

/// Widest address that stands before its days; a longer one has a line of its own.
const LABEL: usize = 17;
const INDENT: usize = 2;

/// `[days]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DayWords {
    title: String,
    title_some: String,
    earlier: Counted,
    no_ip: String,
}

/// What one address sent, by day.
#[derive(Default)]
struct Line {
    days: BTreeMap<NaiveDate, Cell>,
    /// For mail of which days bounces may come that are not due yet.
    due: Option<(NaiveDate, NaiveDate)>,
}

#[derive(Default)]
struct Cell {
    mails: BTreeSet<Mail>,
    late: bool,
}

/// Which days the grid shows.
struct Columns {
    days: Vec<NaiveDate>,
    /// Whether days without bounces are left out.
    some: bool,
    /// Days with bounces that do not fit.
    earlier: usize,
}

/// Writes the grid; nothing where no bounce says when its mail was sent.
pub(super) fn write(page: &mut Page, report: &Report<'_>, rows: &[Row<'_, '_>], words: &Words) {
    let lines = lines(report, rows);
    let sent: BTreeSet<NaiveDate> = lines
        .values()
        .flat_map(|line| line.days.keys().copied())
        .collect();
    let label = lines
        .keys()
        .map(|ip| cells(&name(*ip, words)))
        .filter(|width| *width <= LABEL)
        .max()
        .unwrap_or_default();
    let Some(columns) = columns(report, &sent, page.width - INDENT - label) else {
        return;
    };
    page.gap();
    let title = if columns.some {
        &words.days.title_some
    } else {
        &words.days.title
    };
    page.paragraph(Tone::Strong, 0, 0, title);
    let labels = labels(&columns.days, report.clock.show(report.now).year());
    let header: String = labels.iter().map(|label| format!("  {label}")).collect();
    page.spans(&[(Tone::Plain, &" ".repeat(INDENT + label)), (Tone::Faint, &header)]);
    let visible = |line: &Line| columns.days.iter().any(|day| line.show(*day) != ".");
    for (ip, line) in lines.iter().filter(|(_, line)| visible(line)) {
        let name = name(*ip, words);
        let cells: String = columns
            .days
            .iter()
            .zip(&labels)
            .map(|(day, label)| pad_cell(&line.show(*day), label.len() + 2))
            .collect();
        let indent = " ".repeat(INDENT);
        if self::cells(&name) > label {
            page.line(&format!("{indent}{name}"));
            page.line(&format!("{indent}{}{cells}", " ".repeat(label)));
        } else {
            page.line(&format!("{indent}{}{cells}", pad(&name, label)));
        }
    }
    if columns.earlier > 0 {
        page.paragraph(Tone::Plain, INDENT, 0, &words.days.earlier.of(columns.earlier));
    }
}

fn name(ip: Option<IpAddr>, words: &Words) -> String {
    ip.map_or_else(|| words.days.no_ip.clone(), |ip| ip.to_string())
}

/// Numbers stand under the last digit of their day, the mark behind it.
fn pad_cell(text: &str, width: usize) -> String {
    match text.strip_suffix('*') {
        Some(_) => pad_left(text, width + 1),
        None => pad_left(text, width),
    }
}

impl Line {
    fn show(&self, day: NaiveDate) -> String {
        match self.days.get(&day) {
            Some(cell) if cell.late => format!("{}*", cell.mails.len()),
            Some(cell) => cell.mails.len().to_string(),
            None if self.due.is_some_and(|(from, to)| from <= day && day <= to) => "?".into(),
            None => ".".into(),
        }
    }
}

fn lines(report: &Report<'_>, rows: &[Row<'_, '_>]) -> BTreeMap<Option<IpAddr>, Line> {
    let clock = report.clock;
    let mut lines: BTreeMap<Option<IpAddr>, Line> = BTreeMap::new();
    for group in rows.iter().flat_map(|row| &row.groups) {
        let line = lines.entry(group.blocked_ip).or_default();
        for bounce in &group.bounces {
            let Some(sent_at) = bounce.times.sent_at else {
                continue;
            };
            let cell = line.days.entry(day(sent_at, clock)).or_default();
            cell.mails.insert(bounce.mail);
            cell.late |= is_late(bounce);
        }
        line.due = match (line.due, due(group, report)) {
            (Some(one), Some(other)) => Some((one.0.min(other.0), one.1.max(other.1))),
            (one, other) => one.or(other),
        };
    }
    lines.retain(|_, line| !line.days.is_empty());
    lines
}

/// The days whose mail this receiver refuses so that the bounce comes at the end of the queue's life, which is not yet.
pub(super) fn due(group: &Group<'_>, report: &Report<'_>) -> Option<(NaiveDate, NaiveDate)> {
    let life = group
        .queue_life
        .filter(|_| group.late_cause.is_some_and(LateCause::is_queue_life))?;
    let not_due = report.now.checked_sub_signed(life)?;
    let from = group.first_sent?.max(not_due);
    let to = refused_until(group, report.now).map_or(report.now, |until| until.min(report.now));
    (from <= to).then(|| (day(from, report.clock), day(to, report.clock)))
}

fn day(time: Timestamp, clock: Clock) -> NaiveDate {
    clock.show(time).date_naive()
}

/// Every day of the window where they fit, else the last ones that do, else those with bounces.
fn columns(report: &Report<'_>, sent: &BTreeSet<NaiveDate>, width: usize) -> Option<Columns> {
    let (first, last) = (*sent.first()?, *sent.last()?);
    let clock = report.clock;
    let from = report
        .window
        .since
        .map_or(first, |since| day(since, clock))
        .min(first);
    let to = report.window.until.map_or(report.now, |until| {
        (until - TimeDelta::nanoseconds(1)).min(report.now)
    });
    let to = day(to, clock).max(last);
    let this_year = clock.show(report.now).year();
    let fits = |days: &[NaiveDate]| total(days, this_year) <= width;
    // The window, or as much of it as holds every bounce.
    for to in [to, last] {
        let days = all_days(from, to, fits);
        if days.first() <= Some(&first) {
            return Some(Columns {
                days,
                some: false,
                earlier: 0,
            });
        }
    }
    let mut days: Vec<NaiveDate> = Vec::new();
    for day in sent.iter().rev() {
        let more: Vec<NaiveDate> = std::iter::once(*day).chain(days.iter().copied()).collect();
        if !fits(&more) {
            break;
        }
        days = more;
    }
    let earlier = sent.len() - days.len();
    Some(Columns {
        days,
        some: true,
        earlier,
    })
}

/// The days up to `to`, from `from` or as many as fit.
fn all_days(from: NaiveDate, to: NaiveDate, fits: impl Fn(&[NaiveDate]) -> bool) -> Vec<NaiveDate> {
    let mut days = vec![to];
    while let Some(day) = days
        .first()
        .and_then(NaiveDate::pred_opt)
        .filter(|day| *day >= from)
    {
        days.insert(0, day);
        if !fits(&days) {
            days.remove(0);
            break;
        }
    }
    days
}

/// One cell stays free behind the last column for its mark.
fn total(days: &[NaiveDate], this_year: i32) -> usize {
    labels(days, this_year)
        .iter()
        .map(|label| label.len() + 2)
        .sum::<usize>()
        + 1
}

/// A day says its month where that is another one than before, and its year where that is another one than before, or
/// than this one.
pub(super) fn labels(days: &[NaiveDate], this_year: i32) -> Vec<String> {
    let mut before: Option<NaiveDate> = None;
    let mut labels = Vec::with_capacity(days.len());
    for day in days {
        let format = match before {
            Some(before) if before.year() != day.year() => "%Y-%m-%d",
            None if this_year != day.year() => "%Y-%m-%d",
            Some(before) if before.month() == day.month() => "%d",
            Some(_) | None => "%m-%d",
        };
        labels.push(day.format(format).to_string());
        before = Some(*day);
    }
    labels
}
