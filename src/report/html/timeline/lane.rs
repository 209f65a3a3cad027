//! The shapes of one row of the timeline, each at its time. Nothing is drawn here.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

use crate::check::Listing;
use crate::event::{ListId, Zone};
use crate::ledger::{Bounce, Course, End, Mail, Observed, Spell, State};
use crate::report::group::{Group, refusals};
use crate::report::html::timeline::axis::Axis;
use crate::report::late::is_late;
use crate::report::rows::Row;
use crate::report::{Report, entry};

/// Shapes of one kind in a row; where there are more, near ones become one.
const MOST: usize = 40;

/// One row of the timeline. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Lane {
    pub(super) ip: Option<IpAddr>,
    /// The list that it is about, else who refuses.
    pub(super) by: String,
    /// When it was refused or listed, oldest first.
    pub(super) bars: Vec<Bar>,
    /// From the first to the last check in a row that found it on no list.
    pub(super) clean: Vec<(i64, i64)>,
    /// From the first to the last check in a row that told nothing.
    pub(super) unread: Vec<(i64, i64)>,
    pub(super) dots: Vec<Dot>,
    pub(super) late: Vec<Late>,
    /// What the user noted of the address, and when.
    pub(super) notes: Vec<(i64, String)>,
    /// Before `fit`: when each mail was sent and, where it came late, when its bounce came.
    sent: Vec<(Mail, Option<i64>, Option<i64>)>,
    pub(super) mails: usize,
}

/// A time during which it was refused or listed. It began between `rises` and `from`, and ended between `to` and `falls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bar {
    pub(super) kind: Kind,
    pub(super) rises: i64,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) falls: i64,
}

/// Who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// Refusals alone.
    Refused,
    /// A DNS answer.
    Listed,
}

/// Mails that were sent at about this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dot {
    pub(super) at: i64,
    pub(super) mails: usize,
}

/// Bounces that came more than a day after their mails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Late {
    pub(super) sent: i64,
    pub(super) bounced: i64,
}

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
    for row in rows {
        for group in row.groups.iter().copied() {
            let receiver = row.provider.unwrap_or(group.receiving_domain.as_str());
            for bounce in group.bounces.iter().copied() {
                let about = match &bounce.verdict.blocklist {
                    _ if row.state == State::ReceiverFault => About::Fault(receiver),
                    Some(list) => About::List(list),
                    None => About::Receiver(receiver),
                };
                let place = *places.entry((row.ip, about.clone())).or_insert(subjects.len());
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
                    subject.bounces.push(bounce);
                    if subject
                        .groups
                        .last()
                        .is_none_or(|last| !std::ptr::eq(*last, group))
                    {
                        subject.groups.push(group);
                    }
                }
            }
        }
    }
    subjects
}

impl<'a> Subject<'_, 'a> {
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
            bars: spells.iter().map(|spell| bar(*spell, &answers)).collect(),
            clean: clean(&spells, &answers, zones.len()),
            unread: unread(&answers),
            notes: notes
                .map(|note| (note.noted_at.timestamp(), note.remark.to_string()))
                .collect(),
            sent: self.bounces.iter().map(|bounce| sent(bounce)).collect(),
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

fn sent(bounce: &Bounce) -> (Mail, Option<i64>, Option<i64>) {
    let came = bounce.times.bounced_at.filter(|_| is_late(bounce));
    let sent = bounce.times.sent_at.map(|sent| sent.timestamp());
    (bounce.mail, sent, came.map(|came| came.timestamp()))
}

fn bar(spell: Spell, answers: &[&Listing]) -> Bar {
    let is_listed = answers.iter().any(|listing| {
        listing.answer.is_listed() == Some(true)
            && (spell.began_by..=spell.ended_after).contains(&listing.checked_at)
    });
    Bar {
        kind: if is_listed { Kind::Listed } else { Kind::Refused },
        rises: spell.began_after.unwrap_or(spell.began_by).timestamp(),
        from: spell.began_by.timestamp(),
        to: spell.ended_after.timestamp(),
        falls: match spell.end {
            End::Seen(at) => at.timestamp(),
            End::Open | End::Presumed => spell.ended_after.timestamp(),
        },
    }
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
        let within = |at: &&chrono::DateTime<chrono::FixedOffset>| {
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

impl Lane {
    /// When anything happened, other than a check or a note.
    pub(super) fn moments(&self) -> impl Iterator<Item = i64> + '_ {
        let sent = self.sent.iter().filter_map(|(_, sent, _)| *sent);
        sent.chain(self.bars.iter().map(|bar| bar.rises))
    }

    /// Leaves what lies on the axis, at no more places than can be told apart; gives how many bounces have none there.
    pub(super) fn fit(&mut self, axis: &Axis) -> usize {
        self.bars
            .retain(|bar| bar.falls >= axis.from && bar.rises <= axis.to);
        thin(&mut self.bars, axis, |bar| (bar.from, bar.to), join);
        for stretches in [&mut self.clean, &mut self.unread] {
            stretches.retain(|(from, to)| *to >= axis.from && *from <= axis.to);
            for (from, to) in stretches.iter_mut() {
                *from = (*from).max(axis.from);
                *to = (*to).min(axis.to);
            }
            thin(stretches, axis, |stretch| *stretch, |one, next| one.1 = next.1);
        }
        self.notes.retain(|(at, _)| axis.holds(*at));
        self.notes.truncate(MOST);
        self.place_mails(axis)
    }

    fn place_mails(&mut self, axis: &Axis) -> usize {
        let place = axis.place();
        let mut sent: BTreeMap<i64, (BTreeSet<Mail>, Mean)> = BTreeMap::new();
        let mut late: BTreeMap<(i64, i64), (Mean, Mean)> = BTreeMap::new();
        let mut not_drawn = 0;
        for (mail, at, came) in self.sent.drain(..) {
            let Some(at) = at.filter(|at| axis.holds(*at)) else {
                not_drawn += 1;
                continue;
            };
            let (mails, mean) = sent.entry((at - axis.from) / place).or_default();
            mails.insert(mail);
            mean.add(at);
            if let Some(came) = came.filter(|came| axis.holds(*came)) {
                let places = ((at - axis.from) / place, (came - axis.from) / place);
                let (from, to) = late.entry(places).or_default();
                from.add(at);
                to.add(came);
            }
        }
        if late.len() > MOST {
            late = late.into_iter().fold(
                BTreeMap::new(),
                |mut all: BTreeMap<_, (Mean, Mean)>, ((place, _), (from, to))| {
                    let (all_from, all_to) = all.entry((place, 0)).or_default();
                    all_from.join(from);
                    all_to.join(to);
                    all
                },
            );
        }
        // A curve starts at the dot of its mails.
        let at = |place: &i64| sent.get(place).map(|(_, mean)| mean.value());
        self.late = late
            .iter()
            .filter_map(|((place, _), (_, to))| {
                Some(Late {
                    sent: at(place)?,
                    bounced: to.value(),
                })
            })
            .collect();
        self.dots = sent
            .values()
            .map(|(mails, mean)| Dot {
                at: mean.value(),
                mails: mails.len(),
            })
            .collect();
        not_drawn
    }
}

#[derive(Clone, Copy, Default)]
struct Mean {
    sum: i64,
    n: i64,
}

impl Mean {
    fn add(&mut self, at: i64) {
        self.join(Self { sum: at, n: 1 });
    }

    fn join(&mut self, other: Self) {
        self.sum = self.sum.saturating_add(other.sum);
        self.n += other.n;
    }

    fn value(self) -> i64 {
        self.sum / self.n.max(1)
    }
}

/// Makes one of shapes that nobody could tell apart, where there are many.
fn thin<T>(shapes: &mut Vec<T>, axis: &Axis, span: impl Fn(&T) -> (i64, i64), join: impl Fn(&mut T, T)) {
    if shapes.len() <= MOST {
        return;
    }
    let mut kept: Vec<T> = Vec::new();
    for shape in shapes.drain(..) {
        match kept.last_mut() {
            Some(last) if span(&shape).1 - span(last).0 < axis.shortest() => join(last, shape),
            Some(_) | None => kept.push(shape),
        }
    }
    *shapes = kept;
}

fn join(one: &mut Bar, next: Bar) {
    *one = Bar {
        kind: one.kind.max(next.kind),
        rises: one.rises,
        from: one.from,
        to: next.to,
        falls: next.falls,
    };
}
