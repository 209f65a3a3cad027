//! The course of a group: when it was refused or listed, and when that was over. Nobody sees a change itself; it lies
//! between two observations, and is kept as those.

use std::collections::BTreeMap;

use crate::event::{Reason, Timestamp, Zone};
use crate::ledger::Observed;

/// A time during which a group was refused or listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell {
    /// The last observation before it that the group was neither; `None` where there is none.
    pub began_after: Option<Timestamp>,
    /// The first observation that it was.
    pub began_by: Timestamp,
    /// The last one.
    pub ended_after: Timestamp,
    /// What came then.
    pub end: End,
}

/// How a spell ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It goes on, as far as anything tells.
    Open,
    /// Every zone that serves its lists had said "not listed" by then.
    Seen(Timestamp),
    /// Nobody can say so, and no refusal came for long enough.
    Presumed,
}

/// How a group came to stand as it does.
#[derive(Clone, Debug)]
pub struct Course<'a> {
    /// When it was refused or listed, oldest first.
    pub spells: Vec<Spell>,
    pub(super) observed: Observed<'a>,
    /// Whether the last observation of the last spell is that a zone lists the address.
    pub(super) is_listed: bool,
    /// What each zone last said, since the last refusal: after one, every zone has to say again that it is over.
    said: BTreeMap<&'a Zone, bool>,
    /// Since when the ledger knows of the last spell.
    known_since: Option<Timestamp>,
    pub(super) last_clean: Option<Timestamp>,
}

#[derive(Clone, Copy)]
enum Observation<'a> {
    /// And when it was read.
    Refusal(Timestamp),
    Answer(&'a Zone, bool),
}

impl<'a> Course<'a> {
    /// Follows what was observed up to now.
    #[must_use]
    pub fn of(observed: Observed<'a>) -> Self {
        let mut course = Self {
            spells: Vec::new(),
            observed,
            is_listed: false,
            said: BTreeMap::new(),
            known_since: None,
            last_clean: None,
        };
        for (at, observation) in observations(&observed) {
            course.follow(at, observation);
        }
        course.presume(observed.now);
        course
    }

    /// Whether the last spell came after one that was over.
    pub(super) fn came_back(&self) -> bool {
        self.spells.len() > 1
    }

    fn follow(&mut self, at: Timestamp, observation: Observation<'a>) {
        match observation {
            Observation::Refusal(read_at) => {
                self.said.clear();
                self.is_listed = false;
                self.went_on(at, read_at);
            }
            Observation::Answer(zone, true) => {
                self.said.insert(zone, true);
                self.is_listed = true;
                self.went_on(at, at);
            }
            Observation::Answer(zone, false) => {
                self.said.insert(zone, false);
                let said_no = |zone: &Zone| self.said.get(zone) == Some(&false);
                if self.observed.can_be_asked() && self.observed.all_zones(said_no) {
                    self.is_over(at);
                }
            }
        }
    }

    fn went_on(&mut self, at: Timestamp, read_at: Timestamp) {
        // Nobody presumed anything of what was not yet read then: a mailbox that is read for the first time tells of one
        // spell, with days of which it has no bounce.
        if self.known_since.is_some_and(|since| since < at) {
            self.presume(at);
        }
        match self.spells.last_mut().filter(|spell| spell.end == End::Open) {
            Some(spell) => {
                spell.ended_after = at;
                self.known_since = self.known_since.min(Some(read_at));
            }
            None => {
                self.known_since = Some(read_at);
                self.spells.push(Spell {
                    began_after: self.last_clean,
                    began_by: at,
                    ended_after: at,
                    end: End::Open,
                });
            }
        }
    }

    fn is_over(&mut self, at: Timestamp) {
        self.last_clean = Some(at);
        if let Some(spell) = self.spells.last_mut().filter(|spell| spell.end == End::Open) {
            spell.end = End::Seen(at);
        }
    }

    /// Ends the spell if it has been quiet for long at this time.
    fn presume(&mut self, at: Timestamp) {
        let presumed_after = self.observed.presumed_after;
        let Some(spell) = self.spells.last_mut().filter(|spell| spell.end == End::Open) else {
            return;
        };
        if presumed_after.is_some_and(|quiet| at - spell.ended_after > quiet) {
            spell.end = End::Presumed;
        }
    }
}

/// What counts, in the order in which it happened; a refusal before an answer of the same moment.
///
/// A clock that runs ahead cannot make a refusal happen after it was read. One without a date happened at some time
/// before: it can neither undo a clearing nor be fresh, and tells nothing of when.
fn observations<'a>(observed: &Observed<'a>) -> Vec<(Timestamp, Observation<'a>)> {
    let refusals = observed
        .refusals
        .iter()
        .filter(|refusal| refusal.reason != Reason::ReceiverFault)
        .filter_map(|refusal| {
            let read_at = refusal.recorded_at;
            Some((refusal.at?.min(read_at), Observation::Refusal(read_at)))
        });
    let answers = observed.answers().filter_map(|listing| {
        let is_listed = listing.answer.is_listed()?;
        Some((listing.checked_at, Observation::Answer(&listing.zone, is_listed)))
    });
    let mut all: Vec<_> = refusals.chain(answers).collect();
    all.sort_by_key(|(at, _)| *at);
    all
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use crate::check::{Answer, Listing};
    use crate::event::{Reason, Timestamp, Zone};
    use crate::ledger::{Course, End, Observed, Refusal, Spell};

    /// An hour of November 2026.
    fn day(day: i64, hour: i64) -> Timestamp {
        "2026-11-01T00:00:00+09:00".parse::<Timestamp>().unwrap() + TimeDelta::hours((day - 1) * 24 + hour)
    }

    fn refused(sent: Timestamp) -> Refusal {
        Refusal {
            at: Some(sent),
            recorded_at: sent,
            reason: Reason::Blocked,
        }
    }

    fn said(at: Timestamp, answer: Answer) -> Listing {
        Listing {
            ip: "198.51.100.77".parse().unwrap(),
            zone: "zen.spamhaus.org".to_owned().into(),
            blocklist: None,
            answer,
            meaning: None,
            text: None,
            checked_at: at,
            ttl: None,
        }
    }

    fn of(zones: &[&Zone], refusals: &[Refusal], listings: &[Listing], now: Timestamp) -> Vec<Spell> {
        let lists = [zones.to_vec()];
        let course = Course::of(Observed {
            ip: Some("198.51.100.77".parse().unwrap()),
            lists: if zones.is_empty() { &[] } else { &lists },
            refusals,
            listings,
            last_report: None,
            presumed_after: zones.is_empty().then_some(TimeDelta::days(14)),
            now,
        });
        course.spells
    }

    #[test]
    fn a_change_lies_between_two_observations_and_a_check_without_an_answer_is_none() {
        let listed = || Answer::Listed(vec!["127.0.0.3".parse().unwrap()]);
        let listings = [
            said(day(1, 0), Answer::NotListed),
            said(day(2, 0), Answer::Refused(vec![])),
            said(day(3, 0), listed()),
            said(day(4, 0), Answer::Timeout),
            said(day(5, 0), Answer::NotListed),
            said(day(6, 0), Answer::NotListed),
            said(day(7, 0), Answer::Error("SERVFAIL".to_owned())),
        ];
        let zen = Zone::from("zen.spamhaus.org".to_owned());
        let first = Spell {
            began_after: Some(day(1, 0)),
            began_by: day(3, 0),
            ended_after: day(3, 6),
            end: End::Seen(day(5, 0)),
        };
        assert_eq!(of(&[&zen], &[refused(day(3, 6))], &listings, day(8, 0)), [first]);
        let second = Spell {
            began_after: Some(day(6, 0)),
            began_by: day(7, 12),
            ended_after: day(7, 12),
            end: End::Open,
        };
        let refusals = [refused(day(7, 12)), refused(day(3, 6))];
        assert_eq!(of(&[&zen], &refusals, &listings, day(29, 0)), [first, second]);
    }

    #[test]
    fn a_private_list_is_presumed_to_be_over_when_it_was_quiet_for_long_enough() {
        let spell = |first, last, end| Spell {
            began_after: None,
            began_by: first,
            ended_after: last,
            end,
        };
        let refusals = [refused(day(1, 0)), refused(day(2, 0))];
        let open = [spell(day(1, 0), day(2, 0), End::Open)];
        assert_eq!(of(&[], &refusals, &[], day(16, 0)), open);
        let over = spell(day(1, 0), day(2, 0), End::Presumed);
        assert_eq!(of(&[], &refusals, &[], day(16, 1)), [over]);
        let again = [refusals[0], refused(day(20, 0)), refusals[1]];
        assert_eq!(
            of(&[], &again, &[], day(21, 0)),
            [over, spell(day(20, 0), day(20, 0), End::Open)]
        );
    }

    #[test]
    fn what_was_read_at_once_was_never_presumed_over() {
        let read = |refusal: Refusal, recorded_at| Refusal {
            recorded_at,
            ..refusal
        };
        let refusals = [day(1, 0), day(2, 0), day(20, 0)].map(|at| read(refused(at), day(21, 0)));
        let spells = of(&[], &refusals, &[], day(21, 1));
        assert_eq!(spells.len(), 1, "{spells:?}");
        assert_eq!((spells[0].began_by, spells[0].end), (day(1, 0), End::Open));
    }
}
