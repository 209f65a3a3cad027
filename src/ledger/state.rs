//! What the history says of a group now: is it still going on, is it over, has it come back?
//!
//! A group is a blocked address and a receiving domain. Two kinds of observation count: a refusal, at the time its
//! mail was sent, and a check that says listed or not listed. Every change lies between two of them; a check that was
//! refused, timed out, failed or hit a dead zone leaves that interval as wide as it was.

use std::collections::BTreeMap;
use std::net::IpAddr;

use chrono::TimeDelta;
use strum::{Display, EnumIter, EnumString};

use crate::check::Listing;
use crate::event::{Reason, Timestamp, Zone};
use crate::ledger::Bounce;
use crate::ledger::course::{Course, End};

/// For how long an observation is about now.
const FRESH: TimeDelta = TimeDelta::hours(24);
/// For how long the first report, which knows nothing of earlier silences, takes a refusal to be still going on.
const BASELINE: TimeDelta = TimeDelta::days(14);

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

impl From<&Bounce> for Refusal {
    fn from(bounce: &Bounce) -> Self {
        Self {
            at: bounce.times.sent_or_bounced(),
            recorded_at: bounce.recorded_at,
            reason: bounce.verdict.reason,
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
    /// Where the DNS cannot prove that it is over (no list, a private one, a zone without test entries): after how long
    /// without refusal and listing it is presumed to be.
    pub presumed_after: Option<TimeDelta>,
    /// When this is.
    pub now: Timestamp,
}

impl<'a> Observed<'a> {
    /// The answers about this address from the zones of its lists.
    pub(super) fn answers(&self) -> impl Iterator<Item = &'a Listing> {
        let (ip, lists) = (self.ip, self.lists);
        self.listings.iter().filter(move |listing| {
            Some(listing.ip) == ip && lists.iter().flatten().any(|zone| **zone == listing.zone)
        })
    }

    /// How long a refusal speaks for itself: a day, in the first report a fortnight (it says `ongoing` where a later one
    /// would say `new`).
    fn refusal_holds(&self) -> TimeDelta {
        if self.last_report.is_none() {
            BASELINE
        } else {
            FRESH
        }
    }

    /// Whether the DNS can tell that the group is over: it has lists, and each has a zone.
    pub(super) fn can_be_asked(&self) -> bool {
        !self.lists.is_empty() && self.lists.iter().all(|zones| !zones.is_empty())
    }

    pub(super) fn all_zones(&self, mut is_so: impl FnMut(&Zone) -> bool) -> bool {
        self.lists.iter().flatten().all(|zone| is_so(zone))
    }
}

/// The state of a group.
#[must_use]
pub fn state(course: &Course<'_>) -> State {
    let observed = &course.observed;
    let refusals = observed.refusals;
    if !refusals.is_empty()
        && refusals
            .iter()
            .all(|refusal| refusal.reason == Reason::ReceiverFault)
    {
        return State::ReceiverFault;
    }
    let first_seen = refusals.iter().map(|refusal| refusal.recorded_at).min();
    let is_new = first_seen
        .zip(observed.last_report)
        .is_some_and(|(seen, report)| seen > report);
    match course.spells.last() {
        Some(spell) if spell.end != End::Open => State::Cleared,
        // Nothing says when it was refused, and every zone says that it is over.
        None if course.last_clean.is_some() && !refusals.is_empty() => State::Cleared,
        Some(_) if course.came_back() => State::Relisted,
        Some(_) | None if is_new => State::New,
        Some(_) if course.is_listed => State::Ongoing,
        Some(spell) if observed.now - spell.ended_after <= observed.refusal_holds() => State::Ongoing,
        Some(_) | None => State::Unknown,
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
        listing.answer.is_listed()
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

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use crate::check::{Answer, Listing};
    use crate::event::{Reason, Timestamp, Zone};
    use crate::ledger::{Course, ListedNow, Observed, Refusal, State, listed_now, state};

    const FORTNIGHT: TimeDelta = TimeDelta::days(14);
    const ZEN: &str = "zen.spamhaus.org";
    const COP: &str = "bl.spamcop.net";

    /// An hour of November 2026.
    fn day(day: i64, hour: i64) -> Timestamp {
        "2026-11-01T00:00:00+09:00".parse::<Timestamp>().unwrap() + TimeDelta::hours((day - 1) * 24 + hour)
    }

    fn zone(name: &str) -> Zone {
        name.to_owned().into()
    }

    fn refused(sent: Timestamp, recorded: Timestamp) -> Refusal {
        Refusal {
            at: Some(sent),
            recorded_at: recorded,
            reason: Reason::Blocked,
        }
    }

    fn said(name: &str, at: Timestamp, answer: Answer) -> Listing {
        Listing {
            ip: "198.51.100.77".parse().unwrap(),
            zone: zone(name),
            blocklist: None,
            answer,
            meaning: None,
            text: None,
            checked_at: at,
            ttl: None,
        }
    }

    fn listed(at: Timestamp) -> Listing {
        said(ZEN, at, Answer::Listed(vec!["127.0.0.3".parse().unwrap()]))
    }

    fn clean(at: Timestamp) -> Listing {
        said(ZEN, at, Answer::NotListed)
    }

    /// A group of one list that is served by these zones.
    struct Group {
        zones: Vec<Zone>,
        refusals: Vec<Refusal>,
        listings: Vec<Listing>,
        last_report: Option<Timestamp>,
    }

    impl Group {
        fn new(zones: &[&str], refusals: &[Refusal], listings: &[Listing]) -> Self {
            Self {
                zones: zones.iter().map(|name| zone(name)).collect(),
                refusals: refusals.to_vec(),
                listings: listings.to_vec(),
                last_report: Some(day(2, 0)),
            }
        }

        fn with<T>(&self, now: Timestamp, ask: impl Fn(&Observed<'_>) -> T) -> T {
            ask(&Observed {
                ip: Some("198.51.100.77".parse().unwrap()),
                lists: &[self.zones.iter().collect()],
                refusals: &self.refusals,
                listings: &self.listings,
                last_report: self.last_report,
                presumed_after: self.zones.is_empty().then_some(FORTNIGHT),
                now,
            })
        }

        fn state(&self, now: Timestamp) -> State {
            self.with(now, |observed| state(&Course::of(*observed)))
        }

        fn listed_now(&self, now: Timestamp) -> ListedNow {
            self.with(now, listed_now)
        }
    }

    #[test]
    fn a_group_is_new_once_and_then_goes_on_for_as_long_as_it_is_listed() {
        let mut group = Group::new(&[ZEN], &[refused(day(3, 9), day(3, 10))], &[listed(day(3, 10))]);
        assert_eq!(group.state(day(3, 10)), State::New);
        group.last_report = Some(day(3, 10));
        assert_eq!(group.state(day(3, 11)), State::Ongoing);
        assert_eq!(group.state(day(9, 0)), State::Ongoing);
        group.last_report = None;
        assert_eq!(group.state(day(3, 11)), State::Ongoing, "the first run");
    }

    #[test]
    fn the_first_report_takes_a_refusal_of_the_last_fortnight_to_be_going_on() {
        let mut private = Group::new(&[], &[refused(day(3, 9), day(3, 10))], &[]);
        private.last_report = None;
        assert_eq!(private.state(day(16, 0)), State::Ongoing);
        private.last_report = Some(day(4, 0));
        assert_eq!(private.state(day(16, 0)), State::Unknown);
    }

    #[test]
    fn a_listing_that_flapped_is_relisted_and_in_the_end_cleared() {
        let refusals = [refused(day(1, 8), day(1, 9)), refused(day(3, 12), day(3, 13))];
        let turns = [
            listed(day(1, 9)),
            clean(day(1, 20)),
            listed(day(2, 6)),
            clean(day(2, 18)),
            listed(day(3, 6)),
            clean(day(3, 11)),
            listed(day(3, 14)),
        ];
        let mut group = Group::new(&[ZEN], &refusals, &turns);
        assert_eq!(group.state(day(3, 14)), State::Relisted);
        group.listings.pop();
        assert_eq!(
            group.state(day(3, 14)),
            State::Relisted,
            "refused for mail sent after the clearing"
        );
        group.refusals.pop();
        assert_eq!(group.state(day(3, 14)), State::Cleared);
    }

    #[test]
    fn a_late_bounce_of_mail_sent_before_the_clearing_does_not_bring_it_back() {
        let refusals: Vec<Refusal> = (1..=4)
            .map(|sent| refused(day(sent, 10), day(sent + 5, 10)))
            .collect();
        let mut group = Group::new(&[ZEN], &refusals, &[clean(day(6, 11)), clean(day(7, 11))]);
        for now in 6..=10 {
            assert_eq!(group.state(day(now, 12)), State::Cleared, "day {now}");
        }
        group.refusals.push(refused(day(8, 10), day(13, 10)));
        assert_eq!(group.state(day(13, 12)), State::Relisted);
        group.listings.push(clean(day(13, 11)));
        assert_eq!(group.state(day(13, 12)), State::Cleared);
    }

    #[test]
    fn an_undated_bounce_does_not_bring_it_back() {
        let undated = Refusal {
            at: None,
            ..refused(day(9, 0), day(9, 0))
        };
        let group = Group::new(
            &[ZEN],
            &[refused(day(1, 0), day(1, 1)), undated],
            &[clean(day(8, 0))],
        );
        assert_eq!(group.state(day(9, 0)), State::Cleared);
    }

    #[test]
    fn a_clean_check_before_the_first_refusal_is_no_clearing() {
        let group = Group::new(
            &[ZEN],
            &[refused(day(3, 9), day(3, 10))],
            &[clean(day(2, 0)), listed(day(3, 10))],
        );
        assert_eq!(group.state(day(3, 10)), State::New);
    }

    #[test]
    fn what_was_not_answered_decides_nothing() {
        let at = day(5, 0);
        let silences = [
            Answer::Refused(vec!["127.255.255.254".parse().unwrap()]),
            Answer::Timeout,
            Answer::Error("SERVFAIL".to_owned()),
            Answer::ZoneDead(vec![]),
        ];
        for silence in silences {
            let mut group = Group::new(
                &[ZEN],
                &[refused(day(1, 0), day(1, 1))],
                &[said(ZEN, at, silence.clone())],
            );
            assert_eq!(group.state(at), State::Unknown, "{silence:?}");
            assert_eq!(group.listed_now(at), ListedNow::Unknown, "{silence:?}");
            group.listings.insert(0, listed(day(2, 0)));
            assert_eq!(group.state(at), State::Ongoing, "{silence:?}");
            group.listings.insert(1, clean(day(3, 0)));
            assert_eq!(group.state(at), State::Cleared, "{silence:?}");
        }
    }

    #[test]
    fn a_private_list_leaves_only_the_refusals_of_the_last_day() {
        let mut group = Group::new(&[], &[refused(day(3, 9), day(3, 9))], &[clean(day(4, 0))]);
        assert_eq!(group.state(day(3, 10)), State::New);
        group.last_report = Some(day(3, 10));
        assert_eq!(group.state(day(4, 9)), State::Ongoing);
        assert_eq!(group.state(day(4, 10)), State::Unknown);
        assert_eq!(group.listed_now(day(3, 10)), ListedNow::Unknown);
    }

    #[test]
    fn a_late_bounce_from_a_private_list_is_still_news() {
        let group = Group::new(&[], &[refused(day(1, 9), day(6, 9))], &[]);
        assert_eq!(group.state(day(6, 10)), State::New);
    }

    #[test]
    fn it_is_over_when_every_zone_said_so_after_the_last_refusal() {
        let cop = |at| said(COP, at, Answer::NotListed);
        let refusals = [refused(day(1, 0), day(1, 1)), refused(day(3, 0), day(3, 1))];
        let mut group = Group::new(&[ZEN, COP], &refusals, &[cop(day(2, 0)), clean(day(5, 0))]);
        assert_eq!(group.state(day(5, 0)), State::Unknown);
        group.listings.push(cop(day(5, 0)));
        assert_eq!(group.state(day(5, 0)), State::Cleared);
        assert_eq!(group.listed_now(day(5, 1)), ListedNow::No);
        group.listings.push(said(COP, day(5, 2), Answer::Listed(vec![])));
        assert_eq!(group.listed_now(day(5, 2)), ListedNow::Yes);
        assert_eq!(group.state(day(5, 2)), State::Relisted);
    }

    #[test]
    fn a_group_with_a_private_list_beside_a_public_one_is_never_said_to_be_over() {
        let group = Group::new(&[ZEN], &[refused(day(1, 0), day(1, 1))], &[clean(day(5, 0))]);
        let [over, mixed] = group.with(day(5, 0), |observed| {
            let lists = [observed.lists, &[Vec::new()]].concat();
            let mixed = Observed {
                lists: &lists,
                ..*observed
            };
            [*observed, mixed].map(|observed| (state(&Course::of(observed)), listed_now(&observed)))
        });
        assert_eq!(over, (State::Cleared, ListedNow::No));
        assert_eq!(mixed, (State::Unknown, ListedNow::Unknown));
    }

    #[test]
    fn an_answer_speaks_for_now_for_a_day() {
        let group = Group::new(&[ZEN], &[refused(day(1, 0), day(1, 1))], &[listed(day(5, 0))]);
        assert_eq!(group.listed_now(day(6, 0)), ListedNow::Yes);
        assert_eq!(group.listed_now(day(6, 1)), ListedNow::Unknown);
        let group = Group::new(
            &[ZEN],
            &[],
            &[listed(day(5, 0)), said(ZEN, day(5, 1), Answer::Timeout)],
        );
        assert_eq!(group.listed_now(day(5, 2)), ListedNow::Unknown);
    }

    #[test]
    fn answers_about_other_addresses_and_zones_do_not_count() {
        let mut other = clean(day(5, 0));
        other.ip = "192.0.2.10".parse().unwrap();
        let listings = [other, said(COP, day(5, 0), Answer::NotListed)];
        let group = Group::new(&[ZEN], &[refused(day(1, 0), day(1, 1))], &listings);
        assert_eq!(group.state(day(5, 0)), State::Unknown);
        assert_eq!(group.listed_now(day(5, 0)), ListedNow::Unknown);
    }

    #[test]
    fn only_a_group_of_nothing_but_receivers_faults_is_one() {
        let fault = Refusal {
            reason: Reason::ReceiverFault,
            ..refused(day(3, 0), day(3, 0))
        };
        let mut group = Group::new(&[ZEN], &[fault], &[listed(day(3, 0))]);
        assert_eq!(group.state(day(3, 1)), State::ReceiverFault);
        group.refusals.push(refused(day(1, 0), day(1, 0)));
        group.listings = vec![clean(day(2, 0))];
        assert_eq!(
            group.state(day(3, 1)),
            State::Cleared,
            "a receiver's fault is no refusal after the clearing"
        );
    }

    #[test]
    fn the_words_are_those_of_the_interface() {
        let words = [State::New, State::Relisted, State::ReceiverFault].map(|state| state.to_string());
        assert_eq!(words, ["new", "relisted", "receiver-fault"]);
        assert_eq!(ListedNow::Yes.to_string(), "yes");
    }
}
