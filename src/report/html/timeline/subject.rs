//! What the rows of the timeline are about, and what happened to each: bars, checks, mails, at their times.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use chrono::TimeDelta;

use crate::check::Listing;
use crate::event::{ListId, Reason, Timestamp, Zone};
use crate::ledger::{Bounce, Course, End, Mail, Observed, Refusal, Spell, State};
use crate::report::group::{Group, refusals};
use crate::report::html::timeline::lane::{Bar, Kind, Lane, Sent};
use crate::report::late::is_late;
use crate::report::rows::Row;
use crate::report::{Report, entry};

/// After so long without a word nobody knows how it stood in between: longer than queues keep mail.
const QUIET: TimeDelta = TimeDelta::days(14);

/// What a row is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum About<'a> {
    List(&'a ListId),
    /// Replies that name no list: the provider or the domain.
    Receiver(&'a str),
    /// A receiver whose own check fails.
    Fault(&'a str),
}

/// What a row is made from.
pub(super) struct Subject<'g, 'a> {
    ip: Option<IpAddr>,
    about: About<'a>,
    /// In the words of the entry.
    entry: &'g Row<'g, 'a>,
    groups: Vec<&'g Group<'a>>,
    bounces: Vec<&'a Bounce>,
}

/// The rows, in the order of the entries.
pub(super) fn subjects<'g, 'a>(rows: &'g [Row<'g, 'a>]) -> Vec<Subject<'g, 'a>> {
    let mut subjects: Vec<Subject<'_, '_>> = Vec::new();
    let mut places: HashMap<(Option<IpAddr>, About<'_>), usize> = HashMap::new();
    let groups = rows
        .iter()
        .flat_map(|row| row.groups.iter().map(move |group| (row, *group)));
    let bounces =
        groups.flat_map(|(row, group)| group.bounces.iter().map(move |bounce| (row, group, *bounce)));
    for (row, group, bounce) in bounces {
        let about = About::of(row, group, bounce);
        let place = *places.entry((row.ip, about)).or_insert(subjects.len());
        if subjects.len() == place {
            subjects.push(Subject {
                ip: row.ip,
                about,
                entry: row,
                groups: Vec::new(),
                bounces: Vec::new(),
            });
        }
        if let Some(subject) = subjects.get_mut(place) {
            subject.add(group, bounce);
        }
    }
    subjects
}

impl<'a> About<'a> {
    fn of(row: &Row<'_, 'a>, group: &Group<'a>, bounce: &'a Bounce) -> Self {
        let receiver = row.provider.unwrap_or(group.receiving_domain.as_str());
        if row.state == State::ReceiverFault {
            return Self::Fault(receiver);
        }
        let list = bounce.verdict.blocklist.as_ref();
        list.map_or(Self::Receiver(receiver), Self::List)
    }
}

impl<'g, 'a> Subject<'g, 'a> {
    fn add(&mut self, group: &'g Group<'a>, bounce: &'a Bounce) {
        self.bounces.push(bounce);
        let is_known = self.groups.last().is_some_and(|last| std::ptr::eq(*last, group));
        if !is_known {
            self.groups.push(group);
        }
    }

    /// Its shapes, of all times.
    pub(super) fn lane(&self, report: &Report<'_>) -> Lane {
        let zones = self.zones();
        let lists = match self.about {
            About::List(_) | About::Fault(_) => vec![Vec::from_iter(zones.iter().copied())],
            About::Receiver(_) => Vec::new(),
        };
        let refusals = refusals(&self.bounces);
        // Of a list, whichever receivers follow it; that of a group is of one receiver, whichever lists it names.
        let Course { spells, .. } = Course::of(Observed {
            ip: self.ip,
            lists: &lists,
            refusals: &refusals,
            listings: &report.history.listings,
            last_report: None,
            presumed_after: self.groups.iter().filter_map(|group| group.presumed_after).max(),
            now: report.now,
        });
        let asked = |listing: &&Listing| Some(listing.ip) == self.ip && zones.contains(&listing.zone);
        let answers: Vec<&Listing> = report.history.listings.iter().filter(asked).collect();
        let notes = report
            .history
            .notes
            .iter()
            .filter(|note| Some(note.ip) == self.ip);
        let mails: BTreeSet<Mail> = self.bounces.iter().map(|bounce| bounce.mail).collect();
        Lane {
            ip: self.ip,
            by: self.by(report),
            bars: spells
                .iter()
                .flat_map(|spell| bars(*spell, &refusals, &answers))
                .collect(),
            clean: clean(&spells, &answers, zones.len()),
            unread: unread(&answers),
            notes: notes
                .map(|note| (note.noted_at.timestamp(), note.remark.to_string()))
                .collect(),
            sent: self.bounces.iter().map(|bounce| Sent::of(bounce)).collect(),
            mails: mails.len(),
            ..Lane::default()
        }
    }

    /// Where it can be asked about.
    fn zones(&self) -> BTreeSet<&'a Zone> {
        let lists = self.groups.iter().flat_map(|group| &group.lists);
        let of_lane = lists.filter(|(list, _)| match self.about {
            About::List(one) => **list == one,
            About::Fault(_) => true,
            About::Receiver(_) => false,
        });
        of_lane.flat_map(|(_, zones)| zones.iter().copied()).collect()
    }

    fn by(&self, report: &Report<'_>) -> String {
        match self.about {
            About::List(list) => list.to_string(),
            About::Receiver(receiver) => receiver.to_owned(),
            About::Fault(receiver) => {
                [receiver, &entry::lists(self.entry, report)].join(&report.words.join.words)
            }
        }
    }
}

impl Sent {
    fn of(bounce: &Bounce) -> Self {
        let came_late = bounce.times.bounced_at.filter(|_| is_late(bounce));
        Self {
            mail: bounce.mail,
            at: bounce.times.sent_at.map(|at| at.timestamp()),
            came_late: came_late.map(|at| at.timestamp()),
        }
    }
}

/// What was seen of a spell: a bar for each time of which refusals or answers tell, and nothing where nobody said anything
/// for long.
fn bars(spell: Spell, refusals: &[Refusal], answers: &[&Listing]) -> Vec<Bar> {
    let within = |at: &Timestamp| (spell.began_by..=spell.ended_after).contains(at);
    let refused = refusals
        .iter()
        .filter(|refusal| refusal.reason != Reason::ReceiverFault)
        .filter_map(|refusal| Some(refusal.at?.min(refusal.recorded_at)));
    let listed = answers
        .iter()
        .filter(|listing| listing.answer.is_listed() == Some(true))
        .map(|listing| listing.checked_at);
    let mut seen: Vec<(Timestamp, Kind)> = refused
        .map(|at| (at, Kind::Refused))
        .chain(listed.map(|at| (at, Kind::Listed)))
        .filter(|(at, _)| within(at))
        .collect();
    seen.sort();
    let mut bars: Vec<Bar> = seen
        .chunk_by(|(one, _), (next, _)| *next - *one <= QUIET)
        .flat_map(of_a_stretch)
        .collect();
    if let (Some(first), Some(began_after)) = (bars.first_mut(), spell.began_after) {
        first.rises = began_after.timestamp();
    }
    if let (Some(last), End::Seen(at)) = (bars.last_mut(), spell.end) {
        last.falls = at.timestamp();
    }
    bars
}

fn of_a_stretch(seen: &[(Timestamp, Kind)]) -> Option<Bar> {
    let [from, to] = [seen.first()?, seen.last()?].map(|(at, _)| at.timestamp());
    Some(Bar {
        kind: seen.iter().map(|(_, kind)| *kind).max()?,
        rises: from,
        from,
        to,
        falls: to,
    })
}

/// The checks between the spells by which no zone had it.
fn clean(spells: &[Spell], answers: &[&Listing], zones: usize) -> Vec<(i64, i64)> {
    let mut said: BTreeMap<&Zone, bool> = BTreeMap::new();
    let mut clean = Vec::new();
    for listing in answers {
        let Some(is_listed) = listing.answer.is_listed() else {
            continue;
        };
        said.insert(&listing.zone, is_listed);
        if said.len() == zones && said.values().all(|is_listed| !is_listed) {
            clean.push(listing.checked_at);
        }
    }
    let begins = spells.iter().map(|spell| Some(spell.began_by)).chain([None]);
    let ends = spells.iter().map(|spell| match spell.end {
        End::Seen(at) => Some(at),
        End::Open | End::Presumed => Some(spell.ended_after),
    });
    let ends = [None].into_iter().chain(ends);
    let stretches = ends.zip(begins).filter_map(|(after, before)| {
        let within = |at: &&Timestamp| {
            after.is_none_or(|after| **at >= after) && before.is_none_or(|before| **at < before)
        };
        let mut checks = clean.iter().filter(within);
        let first = checks.next()?;
        let last = checks.next_back().unwrap_or(first);
        Some((first.timestamp(), last.timestamp()))
    });
    stretches.collect()
}

/// The checks in a row that told nothing.
fn unread(answers: &[&Listing]) -> Vec<(i64, i64)> {
    let mut stretches: Vec<(i64, i64)> = Vec::new();
    let mut goes_on = false;
    for listing in answers {
        let tells = listing.answer.is_listed().is_some();
        let at = listing.checked_at.timestamp();
        match stretches.last_mut() {
            _ if tells => {}
            Some((_, last)) if goes_on => *last = at,
            Some(_) | None => stretches.push((at, at)),
        }
        goes_on = !tells;
    }
    stretches
}
