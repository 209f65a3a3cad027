//! What an earlier run found out and still holds: an answer is good for as long as its zone says (TTL), and no longer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use chrono::TimeDelta;

use crate::check::plan::Plan;
use crate::check::{Answer, Exchange, Listing, Mx, Names, Owner, Ptr};
use crate::event::{ReceivingDomain, Timestamp, Zone};

/// A zone may name any time; beyond a day an answer says nothing about now.
const LONGEST: TimeDelta = TimeDelta::days(1);

/// The newest answers of earlier runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Of each zone about each address.
    pub listings: Vec<Listing>,
    /// Of each address.
    pub names: Vec<Names>,
    /// Of each domain.
    pub exchanges: Vec<Exchange>,
}

impl Known {
    /// The answers that still hold; their questions are taken out of the plan.
    pub(crate) fn settle(&self, plan: &mut Plan, now: Timestamp) -> Vec<Listing> {
        let holds = |listing: &&Listing| {
            matches!(listing.answer, Answer::Listed(_) | Answer::NotListed)
                && is_fresh(listing.checked_at, listing.ttl, now)
        };
        let fresh: BTreeMap<(&Zone, IpAddr), &Listing> = self
            .listings
            .iter()
            .filter(holds)
            .map(|listing| ((&listing.zone, listing.ip), listing))
            .collect();
        let mut settled = Vec::new();
        for task in &mut plan.zones {
            let zone = &task.zone;
            let mut is_open = |ip: &IpAddr| match fresh.get(&(zone, *ip)) {
                Some(listing) => {
                    settled.push((*listing).clone());
                    false
                }
                None => true,
            };
            task.ipv4.retain(&mut is_open);
            task.ipv6.retain(&mut is_open);
        }
        plan.zones
            .retain(|task| !task.ipv4.is_empty() || !task.ipv6.is_empty());
        settled
    }

    /// The names that still hold, of these addresses.
    pub(crate) fn names(&self, ips: &BTreeSet<IpAddr>, with_owner: bool, now: Timestamp) -> Vec<Names> {
        let holds = |names: &&Names| {
            let has_owner = match names.owner {
                Owner::Known(_) | Owner::NotAnnounced => true,
                Owner::NotAsked => !with_owner,
                Owner::Unknown(_) => false,
            };
            let has_names = !matches!(names.ptr, Ptr::Unknown(_));
            ips.contains(&names.ip) && has_names && has_owner && is_fresh(names.checked_at, names.ttl, now)
        };
        self.names.iter().filter(holds).cloned().collect()
    }

    /// The mail hosts that still hold, of these domains.
    pub(crate) fn exchanges(&self, domains: &BTreeSet<&ReceivingDomain>, now: Timestamp) -> Vec<Exchange> {
        let holds = |exchange: &&Exchange| {
            domains.contains(&exchange.domain)
                && !matches!(exchange.mx, Mx::Unknown(_))
                && is_fresh(exchange.checked_at, exchange.ttl, now)
        };
        self.exchanges.iter().filter(holds).cloned().collect()
    }
}

fn is_fresh(checked_at: Timestamp, ttl: Option<Duration>, now: Timestamp) -> bool {
    let life = ttl.map(|ttl| TimeDelta::from_std(ttl).map_or(LONGEST, |life| life.min(LONGEST)));
    life.is_some_and(|life| (TimeDelta::zero()..life).contains(&(now - checked_at)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::check::known::is_fresh;

    #[test]
    fn an_answer_holds_for_its_ttl_and_never_longer_than_a_day() {
        let at = |text: &str| text.parse().unwrap();
        let asked = at("2026-11-22T00:00:00+09:00");
        let minute = Some(Duration::from_secs(60));
        assert!(is_fresh(asked, minute, asked));
        assert!(is_fresh(asked, minute, at("2026-11-21T15:00:59+00:00")));
        assert!(!is_fresh(asked, minute, at("2026-11-22T00:01:00+09:00")));
        // A clock that went back.
        assert!(!is_fresh(asked, minute, at("2026-11-21T23:59:59+09:00")));
        assert!(!is_fresh(asked, None, asked));
        assert!(!is_fresh(
            asked,
            Some(Duration::MAX),
            at("2026-11-23T00:00:00+09:00")
        ));
    }
}
