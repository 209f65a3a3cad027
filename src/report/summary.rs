//! The report in a sentence, what it is about, and what it only counts: in words, for each form of the report.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::Datelike;

use crate::event::{FolderRef, Timestamp};
use crate::report::lang::Lang;
use crate::report::own::Ours;
use crate::report::rows::{Row, states, states_of_addresses};
use crate::report::settings::Window;
use crate::report::words::{Words, fill};
use crate::report::{Error, Report};

/// The accounts of these folders with the names of the folders, as the heading shows them:
/// `postmaster@mail.hosting.example.jp (INBOX, Junk)`.
///
/// # Errors
/// When the program's own texts cannot be read.
pub fn looked_at(folders: &[FolderRef], lang: Option<Lang>) -> Result<Vec<String>, Error> {
    let words = Words::of(lang.unwrap_or_default())?;
    let login = |folder: &FolderRef| match folder.user.contains('@') {
        true => fill(
            &words.heading.on,
            &[("user", &folder.user), ("host", &folder.host)],
        ),
        false => format!("{}@{}", folder.user, folder.host),
    };
    let accounts = folders.chunk_by(|one, next| login(one) == login(next));
    let named = |account: &[FolderRef]| {
        let names: Vec<&str> = account.iter().map(|folder| folder.folder.as_str()).collect();
        let names = names.join(&words.join.list);
        Some(words.join.aside(&login(account.first()?), &names))
    };
    Ok(accounts.filter_map(named).collect())
}

/// `bounceaudit 0.1.0  scan  postmaster@mail.hosting.example.jp (INBOX, Junk)`
pub(super) fn title(report: &Report<'_>) -> String {
    let version = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
    let line = format!(
        "{version}  {}  {}",
        report.command,
        report.looked_at.join(&report.words.join.list)
    );
    line.trim_end().to_owned()
}

/// When the report was made, and of which mail it speaks.
pub(super) fn window(report: &Report<'_>) -> String {
    format!("{}   {}", made_at(report), of_mail(report))
}

/// When the report was made, with the offset that all its times have.
pub(super) fn made_at(report: &Report<'_>) -> String {
    report
        .clock
        .show(report.now)
        .format("%Y-%m-%d %H:%M %:z")
        .to_string()
}

/// Of which mail the report speaks.
pub(super) fn of_mail(report: &Report<'_>) -> String {
    let words = &report.words.heading;
    let date = |time: Timestamp| report.clock.show(time).format("%Y-%m-%d").to_string();
    // The end of the window is the first moment after it; people name its last day.
    let last = |end: Timestamp| report.clock.show(end - chrono::TimeDelta::nanoseconds(1));
    // A year is said once.
    let behind = |end: Timestamp, before: Timestamp| {
        let (end, before) = (last(end), report.clock.show(before));
        let format = if end.year() == before.year() {
            "%m-%d"
        } else {
            "%Y-%m-%d"
        };
        end.format(format).to_string()
    };
    let Window { since, until, .. } = report.window;
    let late = |before| report.window.late_until().map(|late| behind(late, before));
    match (since, until) {
        (None, None) => words.everything.clone(),
        (Some(since), None) => fill(&words.since, &[("since", &date(since))]),
        (None, Some(until)) => {
            let late = late(last(until)).unwrap_or_default();
            let until = last(until).format("%Y-%m-%d");
            fill(&words.until, &[("until", &until), ("late", &late)])
        }
        (Some(since), Some(until)) => {
            let late = late(last(until)).unwrap_or_default();
            let until = behind(until, since);
            fill(
                &words.between,
                &[("since", &date(since)), ("until", &until), ("late", &late)],
            )
        }
    }
}

/// The whole report for someone in a hurry. It counts addresses, each once, under the state that matters most.
pub(super) fn sentence(report: &Report<'_>, rows: &[Row<'_, '_>]) -> String {
    let words = &report.words.sentence;
    let state_of = states_of_addresses(rows);
    let mut sentence = match state_of.len() {
        0 if !report.is_complete() => words.none_seen.clone(),
        0 => words.none.clone(),
        1 => {
            let what = state_of
                .values()
                .map(|state| words.it.of(*state).as_str())
                .collect::<String>();
            fill(&words.only, &[("what", &what)])
        }
        n => {
            let count = |state| state_of.values().filter(|one| **one == state).count();
            let what: Vec<String> = states()
                .into_iter()
                .filter(|state| count(*state) > 0)
                .map(|state| words.they.of(state).of(count(state)))
                .collect();
            fill(
                &words.several,
                &[("n", &n), ("what", &what.join(&report.words.join.list))],
            )
        }
    };
    let unnamed: usize = rows
        .iter()
        .filter(|row| row.ip.is_none())
        .map(|row| row.groups.len())
        .sum();
    if unnamed > 0 {
        sentence = sentence + &report.words.join.sentences + &words.unnamed.of(unnamed);
    }
    sentence
}

/// What was read and is in no entry above.
pub(super) fn rest(report: &Report<'_>) -> Vec<String> {
    let mut lines = not_blocks(report);
    lines.extend(not_yours(report));
    lines
}

/// What no block caused: the failures by reason, and the delays.
pub(super) fn not_blocks(report: &Report<'_>) -> Vec<String> {
    let words = &report.words.rest;
    let mut lines = Vec::new();
    if !report.not_blocks.is_empty() {
        let mut counts: Vec<_> = report.not_blocks.iter().collect();
        counts.sort_by_key(|(reason, n)| (std::cmp::Reverse(**n), **reason));
        let reasons: Vec<String> = counts
            .iter()
            .map(|(reason, n)| {
                fill(
                    &words.reason,
                    &[("n", n), ("reason", &report.words.reasons.of(**reason))],
                )
            })
            .collect();
        lines.push(fill(
            &words.not_blocks,
            &[("reasons", &reasons.join(&report.words.join.list))],
        ));
    }
    if report.other_delays > 0 {
        lines.push(words.delays.of(report.other_delays));
    }
    lines
}

/// Whose addresses are somebody else's.
fn not_yours(report: &Report<'_>) -> Option<String> {
    let words = &report.words.rest;
    let mut theirs: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for group in report.groups.iter().filter(|group| group.ours == Ours::No) {
        if let Some(ip) = group.blocked_ip {
            *theirs.entry(ip).or_default() += group.messages.len();
        }
    }
    if theirs.is_empty() {
        return None;
    }
    let ips: Vec<String> = theirs
        .iter()
        .map(|(ip, n)| fill(&words.not_yours_ip, &[("ip", ip), ("n", n)]))
        .collect();
    Some(fill(
        &words.not_yours,
        &[("ips", &ips.join(&report.words.join.list))],
    ))
}
