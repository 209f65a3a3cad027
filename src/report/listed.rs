//! What the DNS says of an entry's address, in words: listed, not listed, or why nobody knows.

use std::collections::BTreeSet;

use chrono::TimeDelta;

use crate::check::{Answer, Listing};
use crate::event::{Timestamp, Zone};
use crate::ledger::{End, ListedNow, State};
use crate::report::Report;
use crate::report::group::Group;
use crate::report::rows::Row;
use crate::report::words::fill;

/// For how long an answer is about now (the interface's `listed_now`).
const FRESH: TimeDelta = TimeDelta::hours(24);

/// Whether a list has it now, and how one knows or why one does not; empty where the replies name no list.
pub(super) fn listed(report: &Report<'_>, row: &Row<'_, '_>, newest: &Group<'_>) -> String {
    let words = &report.words.listed;
    let served = |listing: &&&Listing| serves(row, &listing.zone);
    let answers: Vec<&Listing> = newest.listings.iter().filter(served).copied().collect();
    let time = |time: Timestamp| report.clock.show(time).format("%Y-%m-%d %H:%M").to_string();
    let checked = answers.iter().map(|listing| listing.checked_at).max();
    let now = if row.groups.iter().any(|group| group.listed_now == ListedNow::Yes) {
        ListedNow::Yes
    } else {
        newest.listed_now
    };
    match (now, checked) {
        (ListedNow::Yes, _) => {
            let on = answers
                .iter()
                .filter(|listing| matches!(listing.answer, Answer::Listed(_)));
            let place: Vec<String> = on
                .map(|listing| match &listing.meaning {
                    Some(meaning) => {
                        let meaning = short(&report.words.phrases.said(meaning));
                        fill(&words.at, &[("zone", &listing.zone), ("meaning", &meaning)])
                    }
                    None => listing.zone.to_string(),
                })
                .collect();
            fill(&words.yes, &[("where", &place.join(&report.words.join.facts))])
        }
        (ListedNow::No, Some(checked)) => {
            match newest.spells.last().map(|spell| (spell.ended_after, spell.end)) {
                Some((from, End::Seen(to))) if row.state == State::Cleared => {
                    fill(&words.no_since, &[("from", &time(from)), ("to", &time(to))])
                }
                Some(_) | None => {
                    let asked = fill(&words.asked, &[("time", &time(checked))]);
                    fill(&words.no, &[("where", &asked)])
                }
            }
        }
        (ListedNow::No, None) => words.no_plain.clone(),
        (ListedNow::Unknown, checked) => {
            let why = match checked {
                _ if newest.lists.is_empty() => return String::new(),
                _ if newest.lists.values().any(Vec::is_empty) => words.private.clone(),
                None => words.not_asked.clone(),
                Some(checked) if report.now - checked > FRESH => {
                    fill(&words.stale, &[("time", &time(checked))])
                }
                Some(_) => answers
                    .iter()
                    .find_map(|listing| undecided(report, listing))
                    .unwrap_or_else(|| words.not_proven.clone()),
            };
            fill(&words.unknown, &[("why", &why)])
        }
    }
}

/// `CSS` of `CSS: low-reputation sender, …`: `check` has the rest.
pub(super) fn short(meaning: &str) -> String {
    let parts = meaning
        .split("; ")
        .map(|part| part.split(": ").next().unwrap_or(part));
    parts.collect::<Vec<_>>().join("; ")
}

/// Why an answer tells nothing.
fn undecided(report: &Report<'_>, listing: &Listing) -> Option<String> {
    let words = &report.words.listed;
    let zone = &listing.zone;
    match &listing.answer {
        Answer::Listed(_) | Answer::NotListed => None,
        Answer::Refused(_) => Some(fill(&words.refused, &[("zone", zone)])),
        Answer::Timeout => Some(fill(&words.timeout, &[("zone", zone)])),
        Answer::Error(why) => {
            let why = report.words.phrases.said(why);
            Some(fill(&words.error, &[("zone", zone), ("why", &why)]))
        }
        Answer::ZoneDead(_) => Some(fill(&words.dead, &[("zone", zone)])),
    }
}

fn serves(row: &Row<'_, '_>, zone: &Zone) -> bool {
    row.groups
        .iter()
        .any(|group| group.lists.values().flatten().any(|one| *one == zone))
}

/// Zones that list the address now and that no reply of the entry speaks of.
pub(super) fn also_listed(report: &Report<'_>, row: &Row<'_, '_>) -> Option<String> {
    let mut others: BTreeSet<&Zone> = BTreeSet::new();
    for listing in row.groups.iter().flat_map(|group| &group.listings) {
        let is_listed =
            matches!(listing.answer, Answer::Listed(_)) && report.now - listing.checked_at <= FRESH;
        if is_listed && !serves(row, &listing.zone) {
            others.insert(&listing.zone);
        }
    }
    let others: Vec<&str> = others.into_iter().map(Zone::as_str).collect();
    (!others.is_empty()).then(|| others.join(&report.words.join.list))
}
