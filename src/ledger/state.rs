//! What the history says of a group now: is it still going on, is it over, has it come back?
//!
//! A group is a blocked address and a receiving domain. Two kinds of observation count: a refusal, at the time its
//! mail was sent, and a check that says listed or not listed. Every change lies between two of them; a check that was
//! refused, timed out, failed or hit a dead zone leaves that interval as wide as it was.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};
use strum::{Display, EnumIter, EnumString};

use crate::check::{Answer, Listing};
use crate::event::{Reason, Timestamp, Zone};
use crate::ledger::Recorded;

/// For how long an observation is about now.
const FRESH: TimeDelta = TimeDelta::hours(24);

/// What has become of a group since the last report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumString, EnumIter)]
#[strum(serialize_all = "kebab-case")]
pub enum State {
    /// First seen since the last report.
    New,
    /// Still refused or listed.
    Ongoing,
    /// Listed again, or refused for mail that was sent after a clearing.
    Relisted,
    /// Every zone that serves its lists said "not listed" after the last refusal.
    Cleared,
    /// Nobody lists the address: the receiver's own check failed, each time.
    ReceiverFault,
    /// No observation since the last refusal decides.
    Unknown,
}

/// Whether a zone lists the address at this moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Display, EnumString, EnumIter)]
#[strum(serialize_all = "kebab-case")]
pub enum ListedNow {
    /// At least one zone that serves the group's lists does.
    Yes,
    /// Every one of them was asked and said that it does not.
    No,
    /// There is none, or not all of them answered within a day.
    Unknown,
}

/// One refusal of a group, as far as its state depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// When the mail was sent; where the bounce does not say, when it bounced.
    pub at: Option<Timestamp>,
    /// When the ledger first saw it.
    pub recorded_at: Timestamp,
    /// Why.
    pub reason: Reason,
}

impl From<&Recorded> for Refusal {
    fn from(recorded: &Recorded) -> Self {
        Self {
            at: recorded.event.times.sent_or_bounced(),
            recorded_at: recorded.recorded_at,
            reason: recorded.event.verdict.reason,
        }
    }
}

/// What was observed of a group.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The blocked address; `None` in a group that names none.
    pub ip: Option<IpAddr>,
    /// For each blocklist of the group the zones that serve it; none for a private list.
    pub lists: &'a [Vec<&'a Zone>],
    /// The group's failures, in any order.
    pub refusals: &'a [Refusal],
    /// Answers of the DNS, about this address and others, oldest first.
    pub listings: &'a [Listing],
    /// When the report before this one was made.
    pub last_report: Option<Timestamp>,
    /// When this is.
    pub now: Timestamp,
}

impl<'a> Observed<'a> {
    /// The answers about this address from the zones of its lists.
    fn answers(&self) -> impl Iterator<Item = &'a Listing> {
        let (ip, lists) = (self.ip, self.lists);
        self.listings.iter().filter(move |listing| {
            Some(listing.ip) == ip && lists.iter().flatten().any(|zone| **zone == listing.zone)
        })
    }

    /// Whether the DNS can tell that the group is over: it has lists, and each has a zone.
    fn can_be_asked(&self) -> bool {
        !self.lists.is_empty() && self.lists.iter().all(|zones| !zones.is_empty())
    }

    fn all_zones(&self, mut is_so: impl FnMut(&Zone) -> bool) -> bool {
        self.lists.iter().flatten().all(|zone| is_so(zone))
    }
}

/// The state of a group.
#[must_use]
pub fn state(observed: &Observed<'_>) -> State {
    let refusals = observed.refusals;
    if !refusals.is_empty()
        && refusals
            .iter()
            .all(|refusal| refusal.reason == Reason::ReceiverFault)
    {
        return State::ReceiverFault;
    }
    let mut course = Course::default();
    for observation in observations(observed) {
        course.follow(observation, observed);
    }
    let first_seen = refusals.iter().map(|refusal| refusal.recorded_at).min();
    let is_new = first_seen
        .zip(observed.last_report)
        .is_some_and(|(seen, report)| seen > report);
    match course.stands {
        Stands::Cleared => State::Cleared,
        Stands::Listed | Stands::Refused(_) if course.came_back => State::Relisted,
        Stands::Listed | Stands::Refused(_) | Stands::Untold if is_new => State::New,
        Stands::Listed => State::Ongoing,
        Stands::Refused(at) if observed.now.to_utc() - at <= FRESH => State::Ongoing,
        Stands::Refused(_) | Stands::Untold => State::Unknown,
    }
}

/// Whether a zone lists the address now, going by the last answer of each zone.
#[must_use]
pub fn listed_now(observed: &Observed<'_>) -> ListedNow {
    let mut last: BTreeMap<&Zone, &Listing> = BTreeMap::new();
    for listing in observed.answers() {
        last.insert(&listing.zone, listing);
    }
    let fresh = |zone: &Zone| {
        let listing = last
            .get(zone)
            .filter(|listing| observed.now - listing.checked_at <= FRESH)?;
        decided(&listing.answer)
    };
    if observed
        .lists
        .iter()
        .flatten()
        .any(|zone| fresh(zone) == Some(true))
    {
        ListedNow::Yes
    } else if observed.can_be_asked() && observed.all_zones(|zone| fresh(zone) == Some(false)) {
        ListedNow::No
    } else {
        ListedNow::Unknown
    }
}

/// Whether an answer says listed or not listed; `None` for those that count for nothing.
fn decided(answer: &Answer) -> Option<bool> {
    match answer {
        Answer::Listed(_) => Some(true),
        Answer::NotListed => Some(false),
        Answer::Refused(_) | Answer::Timeout | Answer::Error(_) | Answer::ZoneDead(_) => None,
    }
}

#[derive(Clone, Copy)]
enum Observation<'a> {
    Refusal(DateTime<Utc>),
    Answer(&'a Zone, bool),
}

/// What counts, in the order in which it happened; a refusal before an answer of the same moment.
fn observations<'a>(observed: &Observed<'a>) -> Vec<Observation<'a>> {
    let refusals = observed
        .refusals
        .iter()
        .filter(|refusal| refusal.reason != Reason::ReceiverFault)
        .map(|refusal| {
            // A clock that runs ahead cannot make a refusal happen after it was read. One without a date happened
            // at some time before: it can neither undo a clearing nor be fresh.
            let at = refusal.at.map_or(DateTime::<Utc>::MIN_UTC, |at| {
                at.min(refusal.recorded_at).to_utc()
            });
            (at, Observation::Refusal(at))
        });
    let answers = observed.answers().filter_map(|listing| {
        let is_listed = decided(&listing.answer)?;
        Some((
            listing.checked_at.to_utc(),
            Observation::Answer(&listing.zone, is_listed),
        ))
    });
    let mut all: Vec<_> = refusals.chain(answers).collect();
    all.sort_by_key(|(at, _)| *at);
    all.into_iter().map(|(_, observation)| observation).collect()
}

/// How a group stands after the observations so far.
#[derive(Clone, Copy, Default)]
enum Stands {
    /// Nothing decided.
    #[default]
    Untold,
    /// Refused for mail sent then, and no answer of the DNS since that tells more.
    Refused(DateTime<Utc>),
    Listed,
    Cleared,
}

#[derive(Default)]
struct Course<'a> {
    stands: Stands,
    came_back: bool,
    /// What each zone last said, since the last refusal: after one, every zone has to say again that it is over.
    said: BTreeMap<&'a Zone, bool>,
}

impl<'a> Course<'a> {
    fn follow(&mut self, observation: Observation<'a>, observed: &Observed<'_>) {
        let was_cleared = matches!(self.stands, Stands::Cleared);
        match observation {
            Observation::Refusal(at) => {
                self.said.clear();
                self.stands = Stands::Refused(at);
                self.came_back |= was_cleared;
            }
            Observation::Answer(zone, is_listed) => {
                self.said.insert(zone, is_listed);
                if self.said.values().any(|listed| *listed) {
                    self.stands = Stands::Listed;
                    self.came_back |= was_cleared;
                } else if observed.can_be_asked()
                    && observed.all_zones(|zone| self.said.contains_key(zone))
                    && !matches!(self.stands, Stands::Untold)
                {
                    self.stands = Stands::Cleared;
                }
            }
        }
    }
}
