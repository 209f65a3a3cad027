//! What happens to an entry's mail in a sentence or two, why its bounces come late, and what can be sent again.

use chrono::TimeDelta;
use serde::Deserialize;

use crate::event::{Format, Reason};
use crate::ledger::{End, State};
use crate::report::Report;
use crate::report::group::Group;
use crate::report::late::{LateCause, is_late};
use crate::report::rows::Row;
use crate::report::spells;
use crate::report::words::{Counted, fill};

/// Domains that a sentence names.
const NAMED: usize = 2;

/// `[what]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhatWords {
    by: String,
    several: Counted,
    ip: String,
    server: String,
    listed: Tensed,
    unlisted: Tensed,
    ptr: Tensed,
    rate: Tensed,
    reputation: Tensed,
    fault: String,
    addresses: String,
    over: String,
    presumed: String,
    unclear: String,
}

/// What goes on, or did.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensed {
    now: String,
    past: String,
}

/// `[why]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WhyWords {
    postfix: String,
    qmail: String,
    server: String,
    at_connect: String,
    after_4xx: String,
    report_delayed: String,
}

/// `[again]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AgainWords {
    since: String,
    mails: Counted,
}

/// Who refuses, by which list or for what, that the recipients are not to blame, and whether it goes on.
pub(super) fn what(report: &Report<'_>, row: &Row<'_, '_>) -> String {
    let words = &report.words.what;
    let lists = row.lists();
    let happens = match row.reason() {
        _ if row.state == State::ReceiverFault => None,
        _ if !lists.is_empty() => Some(&words.listed),
        Some(Reason::RequirePtr) => Some(&words.ptr),
        Some(Reason::RateLimited) => Some(&words.rate),
        Some(Reason::BadReputation) => Some(&words.reputation),
        Some(_) | None => Some(&words.unlisted),
    };
    let last = row.newest().and_then(|newest| newest.spells.last());
    let is_presumed = last.is_some_and(|spell| spell.end == End::Presumed);
    let (is_past, then) = match row.state {
        State::New | State::Ongoing | State::Relisted | State::ReceiverFault => (false, None),
        State::Cleared if is_presumed => (true, Some(&words.presumed)),
        State::Cleared => (true, Some(&words.over)),
        State::Unknown => (true, Some(&words.unclear)),
    };
    let text = happens.map_or(&words.fault, |text| if is_past { &text.past } else { &text.now });
    let from = if row.ip.is_some() {
        &words.ip
    } else {
        &words.server
    };
    let join = &report.words.join;
    let happens = fill(
        text,
        &[
            ("by", &by(report, row)),
            ("lists", &lists.join(&join.list)),
            ("from", from),
        ],
    );
    let sentences = [happens, words.addresses.clone()]
        .into_iter()
        .chain(then.cloned());
    sentences.collect::<Vec<_>>().join(&join.sentences)
}

/// The provider, else the domains where they are few, else how many.
fn by(report: &Report<'_>, row: &Row<'_, '_>) -> String {
    let words = &report.words.what;
    let by = |by: &str| fill(&words.by, &[("by", &by)]);
    match (row.provider, row.groups.len()) {
        (Some(provider), _) => by(provider),
        (None, n) if n > NAMED => words.several.of(n),
        (None, _) => {
            let domains = row.groups.iter().map(|group| group.receiving_domain.as_str());
            by(&domains.collect::<Vec<_>>().join(&report.words.join.list))
        }
    }
}

/// Why bounces come late; nothing where they don't, or where they don't tell.
pub(super) fn why_late(report: &Report<'_>, row: &Row<'_, '_>) -> Option<String> {
    let words = &report.words.why;
    let late = row.groups.iter().filter(|group| group.late_cause.is_some());
    let group = late.max_by_key(|group| (group.queue_life, group.max_delay))?;
    let (text, days) = match group.late_cause? {
        LateCause::QueueExpiredAtConnect => (&words.at_connect, group.queue_life),
        LateCause::QueueExpiredAfter4xx => (&words.after_4xx, group.queue_life),
        LateCause::ReportDelayed => (&words.report_delayed, group.max_delay),
        LateCause::Unknown => return None,
    };
    let last = group.bounces.iter().rfind(|bounce| is_late(bounce));
    let server = match last.map(|bounce| bounce.format) {
        Some(Format::Postfix) => &words.postfix,
        Some(Format::Qmail) => &words.qmail,
        Some(_) | None => &words.server,
    };
    Some(fill(text, &[("server", server), ("days", &in_days(days?))]))
}

/// Tenths of a day: `5.0`.
pub(super) fn in_days(time: TimeDelta) -> String {
    let tenths = time.num_minutes() / 144;
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// What of a refusal that is over can be sent again, and since when it would arrive, where that was seen.
pub(super) fn again(report: &Report<'_>, row: &Row<'_, '_>, newest: &Group<'_>) -> String {
    let words = &report.words.again;
    let since = newest.spells.last().and_then(|spell| match spell.end {
        End::Seen(over) => Some(fill(
            &words.since,
            &[("time", &spells::duration(report, report.now - over))],
        )),
        End::Open | End::Presumed => None,
    });
    let sentences = since.into_iter().chain([words.mails.of(row.mails())]);
    sentences.collect::<Vec<_>>().join(&report.words.join.sentences)
}
