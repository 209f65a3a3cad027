//! Which zones are asked about which addresses.

use std::collections::BTreeSet;
use std::net::IpAddr;

use hickory_resolver::proto::rr::Name;

use crate::catalogue::{Catalogue, ZoneFacts};
use crate::check::dnsbl::Facts;
use crate::check::{Error, Family, NotAsked, Settings, WhyNot};
use crate::event::Zone;

/// What is going to be asked.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) zones: Vec<Task>,
    pub(crate) not_asked: Vec<NotAsked>,
}

/// One zone and the addresses of each family that it is asked about.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) zone: Zone,
    /// The zone as a name, absolute.
    pub(crate) name: Name,
    pub(crate) facts: Facts,
    pub(crate) ipv4: Vec<IpAddr>,
    pub(crate) ipv6: Vec<IpAddr>,
}

impl Task {
    pub(crate) fn of(&self, family: Family) -> &[IpAddr] {
        match family {
            Family::Ipv4 => &self.ipv4,
            Family::Ipv6 => &self.ipv6,
        }
    }
}

/// Zones come from the user, who means them, and from the catalogue and the bounces, which propose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    User,
    Proposal,
}

pub(crate) fn plan(
    settings: &Settings,
    catalogue: &Catalogue,
    ips: &BTreeSet<IpAddr>,
    named: &[Zone],
) -> Result<Plan, Error> {
    let mut plan = Plan {
        zones: Vec::new(),
        not_asked: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    for (zone, by) in wanted(settings, catalogue, named) {
        if !seen.insert(zone) {
            continue;
        }
        match (asked(zone, by, catalogue), by) {
            (Ok(name), _) => plan.zones.push(task(zone, name, catalogue, ips)),
            (Err(why), By::User) => {
                return Err(Error::Zone {
                    zone: without_key(zone, catalogue),
                    why,
                });
            }
            (Err(why), By::Proposal) => plan.not_asked.push(NotAsked {
                zone: without_key(zone, catalogue),
                why,
            }),
        }
    }
    plan.zones
        .retain(|task| !task.ipv4.is_empty() || !task.ipv6.is_empty());
    Ok(plan)
}

/// The user's zones first: where a bounce names the same one, the user still means it.
fn wanted<'a>(settings: &'a Settings, catalogue: &'a Catalogue, named: &'a [Zone]) -> Vec<(&'a Zone, By)> {
    let user = |zone| (zone, By::User);
    if !settings.only_zones.is_empty() {
        return settings.only_zones.iter().map(user).collect();
    }
    let proposed = match settings.all_lists {
        true => catalogue.all_zones(),
        false => catalogue.default_zones(),
    };
    let proposed = named.iter().chain(proposed).map(|zone| (zone, By::Proposal));
    settings
        .zones
        .iter()
        .map(user)
        .chain(proposed)
        .filter(|(zone, _)| !settings.without.contains(zone))
        .collect()
}

/// The zone's name, or why it is not asked.
///
/// A dead zone is asked when the user names it, and its test then shows what it is; a bounce that names one shows only
/// what the receiver has configured, and to ask it would bring an answer of whoever holds the name now.
fn asked(zone: &Zone, by: By, catalogue: &Catalogue) -> Result<Name, WhyNot> {
    let name = name_of(zone).ok_or(WhyNot::NoName)?;
    match catalogue.zone(zone) {
        Some(facts) if facts.needs_key => Err(WhyNot::NeedsKey),
        Some(facts) if facts.domains => Err(WhyNot::Domains),
        Some(ZoneFacts {
            dead_since: Some(month),
            ..
        }) if by == By::Proposal => Err(WhyNot::Dead(*month)),
        _ => Ok(name),
    }
}

/// A bounce may carry the receiver's own key in a zone's name, and it is nobody else's business.
fn without_key(zone: &Zone, catalogue: &Catalogue) -> Zone {
    catalogue.zone(zone).map_or(zone, |facts| &facts.zone).clone()
}

fn name_of(zone: &Zone) -> Option<Name> {
    /// The nibbles of an IPv6 address with their dots, and the root.
    const LONGEST_PREFIX: usize = 64 + 1;
    let mut name = Name::from_utf8(zone.as_str()).ok()?;
    name.set_fqdn(true);
    (!name.is_root() && name.len() + LONGEST_PREFIX <= Name::MAX_LENGTH).then_some(name)
}

/// A zone that the catalogue does not know may hold either family; its test entries will tell.
fn task(zone: &Zone, name: Name, catalogue: &Catalogue, ips: &BTreeSet<IpAddr>) -> Task {
    let (ipv4, ipv6) = match catalogue.zone(zone) {
        Some(facts) => (facts.ipv4, facts.ipv6),
        None => (true, true),
    };
    let of = |asked: bool, family: fn(&IpAddr) -> bool| {
        ips.iter().copied().filter(|ip| asked && family(ip)).collect()
    };
    Task {
        zone: zone.clone(),
        name,
        facts: Facts::of(zone, catalogue),
        ipv4: of(ipv4, IpAddr::is_ipv4),
        ipv6: of(ipv6, IpAddr::is_ipv6),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::catalogue::Catalogue;
    use crate::check::plan::{Plan, plan};
    use crate::check::{Error, Settings, WhyNot};
    use crate::event::Zone;

    fn zones(names: &[&str]) -> Vec<Zone> {
        names.iter().map(|name| Zone::from((*name).to_owned())).collect()
    }

    fn planned(settings: &Settings, named: &[&str]) -> Result<Plan, Error> {
        let ips = BTreeSet::from(["203.0.113.5", "2001:db8::25"].map(|ip| ip.parse().unwrap()));
        plan(settings, &Catalogue::built_in().unwrap(), &ips, &zones(named))
    }

    fn asked(settings: &Settings, named: &[&str]) -> Vec<String> {
        let plan = planned(settings, named).unwrap();
        plan.zones.iter().map(|task| task.zone.to_string()).collect()
    }

    #[test]
    fn the_zones_that_bounces_name_are_asked_besides_the_default_ones() {
        let asked = asked(&Settings::default(), &["bl.receiver.example", "zen.spamhaus.org"]);
        assert!(
            asked.starts_with(&["bl.receiver.example".into(), "zen.spamhaus.org".into()]),
            "{asked:?}"
        );
        assert!(asked.contains(&"bl.spamcop.net".into()), "{asked:?}");
        let once: BTreeSet<_> = asked.iter().collect();
        assert_eq!(once.len(), asked.len(), "{asked:?}");
    }

    #[test]
    fn dead_zones_domain_lists_and_keyed_zones_that_bounces_name_are_not_asked() {
        let named = [
            "dnsbl.sorbs.net",
            "dbl.spamhaus.org",
            "0123abc.zen.dq.spamhaus.net",
        ];
        let plan = planned(&Settings::default(), &named).unwrap();
        let why: Vec<_> = plan.not_asked.iter().map(|not| &not.why).collect();
        assert_eq!(
            plan.not_asked.last().unwrap().zone.as_str(),
            "zen.dq.spamhaus.net"
        );
        assert!(
            matches!(
                why.as_slice(),
                [WhyNot::Dead(_), WhyNot::Domains, WhyNot::NeedsKey]
            ),
            "{why:?}"
        );
        for task in plan.zones {
            assert!(!named.contains(&task.zone.as_str()));
        }
    }

    #[test]
    fn a_word_in_a_bounce_that_is_no_name_is_not_asked_and_no_error() {
        let long = "a".repeat(64);
        let named = ["", "a..b", long.as_str()];
        let plan = planned(&Settings::default(), &named).unwrap();
        assert_eq!(plan.not_asked.len(), 3);
        assert!(plan.not_asked.iter().all(|not| not.why == WhyNot::NoName));
    }

    #[test]
    fn the_users_own_zones_are_asked_or_an_error_says_why_not() {
        let mut settings = Settings {
            zones: zones(&["extra.example.net"]),
            ..Settings::default()
        };
        settings.without = zones(&["zen.spamhaus.org"]);
        let asked = asked(&settings, &["zen.spamhaus.org"]);
        assert!(asked.starts_with(&["extra.example.net".into()]), "{asked:?}");
        assert!(!asked.contains(&"zen.spamhaus.org".into()), "{asked:?}");
        for (wrong, why) in [
            ("not..a.name", "no domain name"),
            ("dbl.spamhaus.org", "lists domains"),
        ] {
            settings.zones = zones(&[wrong]);
            let error = planned(&settings, &[]).unwrap_err();
            assert!(
                error.to_string().contains(wrong) && error.to_string().contains(why),
                "{error}"
            );
        }
    }

    #[test]
    fn only_these_zones_means_no_others_and_a_dead_one_too() {
        let settings = Settings {
            only_zones: zones(&["dnsbl.sorbs.net"]),
            ..Settings::default()
        };
        assert_eq!(asked(&settings, &["zen.spamhaus.org"]), ["dnsbl.sorbs.net"]);
    }

    #[test]
    fn the_whole_catalogue_is_more_than_the_default() {
        let all = Settings {
            all_lists: true,
            ..Settings::default()
        };
        assert!(asked(&all, &[]).len() > asked(&Settings::default(), &[]).len());
    }

    #[test]
    fn a_zone_without_ipv6_is_asked_about_ipv4_alone() {
        let settings = Settings {
            only_zones: zones(&["gmo-rbl.jp"]),
            ..Settings::default()
        };
        let plan = planned(&settings, &[]).unwrap();
        let task = plan.zones.first().unwrap();
        assert_eq!((task.ipv4.len(), task.ipv6.len()), (1, 0));
    }
}
