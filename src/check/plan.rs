//! Which zones are asked about which addresses.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use hickory_resolver::proto::rr::Name;

use crate::catalogue::{Catalogue, ZoneFacts};
use crate::check::dnsbl::Facts;
use crate::check::health::LISTED;
use crate::check::key::{KeySource, Secret};
use crate::check::{Error, Family, NotAsked, Settings, WhyNot};
use crate::event::Zone;

/// What is going to be asked.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) zones: Vec<Task>,
    pub(crate) not_asked: Vec<NotAsked>,
}

/// One zone and the addresses of each family that it is asked about.
#[derive(Clone)]
pub(crate) struct Task {
    /// What is shown.
    pub(crate) zone: Zone,
    /// What is asked: the zone as a name, absolute, its key before it.
    pub(crate) name: Name,
    pub(crate) key: Option<Secret>,
    pub(crate) facts: Facts,
    pub(crate) ipv4: Vec<IpAddr>,
    pub(crate) ipv6: Vec<IpAddr>,
}

impl fmt::Debug for Task {
    /// Without the name, which may hold a key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("zone", &self.zone)
            .field("ipv4", &self.ipv4)
            .field("ipv6", &self.ipv6)
            .finish_non_exhaustive()
    }
}

impl Task {
    /// A stranger's text about this zone, without the key.
    pub(crate) fn shown(&self, text: String) -> String {
        match &self.key {
            Some(key) => key.hide_in(&text),
            None => text,
        }
    }

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
    of_zones(settings, catalogue, ips, wanted(settings, catalogue, named))
}

/// The zones whose test entries can be asked; each is meant as it stands, so that none takes another's place.
pub(crate) fn of_tests(settings: &Settings, catalogue: &Catalogue, zones: &[&Zone]) -> Result<Plan, Error> {
    let ips = [IpAddr::V4(LISTED), IpAddr::V6(LISTED.to_ipv6_mapped())].into();
    let by = |zone: &&Zone| match catalogue.zone(zone) {
        Some(facts) if !facts.is_queryable() && !settings.keys.contains_key(*zone) => By::Proposal,
        Some(facts) if facts.domains => By::Proposal,
        _ => By::User,
    };
    let wanted = zones.iter().map(|zone| (*zone, by(zone))).collect();
    of_zones(settings, catalogue, &ips, wanted)
}

fn of_zones(
    settings: &Settings,
    catalogue: &Catalogue,
    ips: &BTreeSet<IpAddr>,
    wanted: Vec<(&Zone, By)>,
) -> Result<Plan, Error> {
    let mut plan = Plan {
        zones: Vec::new(),
        not_asked: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    for (zone, by) in wanted {
        if !seen.insert(zone) {
            continue;
        }
        let key = match settings.keys.get(zone).map(KeySource::read).transpose() {
            Ok(key) => key,
            Err(source) => {
                let zone = zone.clone();
                return Err(Error::Key { zone, source });
            }
        };
        match (asked(zone, by, key.as_ref(), settings, catalogue), by) {
            (Ok(name), _) => plan.zones.push(task(zone, (name, key), catalogue, ips)),
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
        .keys
        .keys()
        .chain(&settings.zones)
        .map(user)
        .chain(proposed)
        .filter(|(zone, _)| !settings.without.contains(zone))
        .collect()
}

/// The zone's name, or why it is not asked.
///
/// A dead zone is asked when the user names it, and its test then shows what it is; a bounce that names one shows only
/// what the receiver has configured, and to ask it would bring an answer of whoever holds the name now.
fn asked(
    zone: &Zone,
    by: By,
    key: Option<&Secret>,
    settings: &Settings,
    catalogue: &Catalogue,
) -> Result<Name, WhyNot> {
    let name = match key {
        Some(key) => name_of(&key.before(zone.as_str())),
        None => name_of(zone.as_str()),
    };
    let name = name.ok_or(WhyNot::NoName)?;
    match catalogue.zone(zone) {
        Some(facts) if facts.needs_key && key.is_none() => Err(WhyNot::NeedsKey),
        Some(facts) if facts.domains => Err(WhyNot::Domains),
        Some(facts) if facts.allows && by == By::Proposal => Err(WhyNot::Allows),
        Some(facts) if by == By::Proposal && key.is_none() => match paid(facts, settings, catalogue) {
            Some(paid) => Err(WhyNot::AskedWithKey(paid.clone())),
            None => facts
                .dead_since
                .map_or(Ok(name), |month| Err(WhyNot::Dead(month))),
        },
        _ => Ok(name),
    }
}

/// The zone with a key that serves the same list: it answers where the public one turns the resolver away.
fn paid<'a>(facts: &ZoneFacts, settings: &'a Settings, catalogue: &Catalogue) -> Option<&'a Zone> {
    let mut paid = settings
        .keys
        .keys()
        .filter(|zone| !settings.without.contains(zone));
    paid.find(|zone| {
        catalogue
            .zone(zone)
            .is_some_and(|paid| paid.list == facts.list && !paid.domains)
    })
}
/// A bounce may carry the receiver's own key in a zone's name, and it is nobody else's business.
fn without_key(zone: &Zone, catalogue: &Catalogue) -> Zone {
    catalogue.zone(zone).map_or(zone, |facts| &facts.zone).clone()
}

fn name_of(zone: &str) -> Option<Name> {
    /// The nibbles of an IPv6 address with their dots, and the root.
    const LONGEST_PREFIX: usize = 64 + 1;
    let mut name = Name::from_utf8(zone).ok()?;
    name.set_fqdn(true);
    (!name.is_root() && name.len() + LONGEST_PREFIX <= Name::MAX_LENGTH).then_some(name)
}

/// A zone that the catalogue does not know may hold either family; its test entries will tell.
fn task(
    zone: &Zone,
    (name, key): (Name, Option<Secret>),
    catalogue: &Catalogue,
    ips: &BTreeSet<IpAddr>,
) -> Task {
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
        key,
        facts: Facts::of(zone, catalogue),
        ipv4: of(ipv4, IpAddr::is_ipv4),
        ipv6: of(ipv6, IpAddr::is_ipv6),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::catalogue::Catalogue;
    use crate::check::key::KeySource;
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
    fn dead_zones_domain_lists_allow_lists_and_keyed_zones_that_bounces_name_are_not_asked() {
        let named = [
            "dnsbl.sorbs.net",
            "dbl.spamhaus.org",
            "list.dnswl.org",
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
                [WhyNot::Dead(_), WhyNot::Domains, WhyNot::Allows, WhyNot::NeedsKey]
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
    fn a_zone_with_a_key_takes_the_place_of_the_public_one_and_shows_no_key() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, "abcsecret").unwrap();
        let paid = zones(&["zen.dq.spamhaus.net"]).remove(0);
        let settings = Settings {
            keys: [(paid.clone(), KeySource::File(file.path().to_owned()))].into(),
            ..Settings::default()
        };
        let plan = planned(&settings, &["zen.spamhaus.org", "other.zen.dq.spamhaus.net"]).unwrap();
        let shown: Vec<_> = plan.zones.iter().map(|task| task.zone.as_str()).collect();
        assert_eq!(shown.first(), Some(&"zen.dq.spamhaus.net"), "{shown:?}");
        assert!(!shown.contains(&"zen.spamhaus.org"), "{shown:?}");
        assert!(shown.contains(&"bl.spamcop.net"), "{shown:?}");
        let name = plan.zones.first().unwrap().name.to_ascii();
        assert_eq!(name, "abcsecret.zen.dq.spamhaus.net.");
        assert!(!format!("{plan:?} {settings:?}").contains("abcsecret"));
        let why: Vec<_> = plan.not_asked.iter().map(|not| &not.why).collect();
        assert_eq!(why, [&WhyNot::AskedWithKey(paid), &WhyNot::NeedsKey]);
    }

    #[test]
    fn a_key_that_cannot_be_read_is_an_error_that_names_the_zone() {
        let settings = Settings {
            keys: [(
                zones(&["zen.dq.spamhaus.net"]).remove(0),
                KeySource::File("/nowhere/dqs.key".into()),
            )]
            .into(),
            ..Settings::default()
        };
        let error = planned(&settings, &[]).unwrap_err();
        assert_eq!(error.to_string(), "the key of zone zen.dq.spamhaus.net");
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
