//! Whether a zone, asked through one resolver, can be believed in this run.
//!
//! A zone lies in many ways: emptied it clears everybody, parked it lists everybody, and a resolver that it does not
//! like hears one or the other. The test entries of RFC 5782 §5 tell: 127.0.0.2 must be listed and 127.0.0.1 must not,
//! for IPv6 as `::FFFF:7F00:2` and `::FFFF:7F00:1`. A name that nobody can have listed finds the wildcards that leave
//! 127.0.0.1 alone, and resolvers that make up answers.

use std::borrow::Cow;
use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::net::{IpAddr, Ipv4Addr};

use hickory_resolver::proto::ProtoError;
use hickory_resolver::proto::rr::Name;

use crate::check::Answer;
use crate::check::dnsbl::{self, Class, Facts, of_class, query_name};
use crate::check::resolver::Server;
use crate::event::Zone;

/// Every list that keeps to RFC 5782 has it.
pub(crate) const LISTED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const NOT_LISTED: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);

/// The two kinds of addresses, which a zone holds apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display)]
pub enum Family {
    /// IPv4.
    #[strum(serialize = "IPv4")]
    Ipv4,
    /// IPv6.
    #[strum(serialize = "IPv6")]
    Ipv6,
}

/// How a zone passed its test (RFC 5782 §5) in this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// The zone.
    pub zone: Zone,
    /// The resolver through which it was asked, `IP` or `IP:PORT`.
    pub resolver: String,
    /// Which pair of test entries.
    pub family: Family,
    /// The outcome; a refusal or a silence in mid-run replaces a better one.
    pub verdict: HealthVerdict,
}

/// What a test shows of a zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HealthVerdict {
    /// It lists its test entry and not the world: it can be believed.
    Healthy,
    /// It is not known to have a test entry, and has none: it can say `listed`, never `not-listed`.
    NoTestEntry,
    /// Its test entry is not listed: emptied, or hidden by the resolver.
    NoTestAnswer,
    /// It turns the resolver away, with these codes.
    Refused(Vec<Ipv4Addr>),
    /// It lists what no list may hold, or answers outside 127/8.
    Dead(Vec<Ipv4Addr>),
    /// The test could not be made.
    Failed(Failure),
}

impl HealthVerdict {
    /// What a zone in this state can prove, or what is to be said of every address there.
    pub(crate) fn proof(&self, family: Family) -> Result<Proof, Answer> {
        Err(match self {
            Self::Healthy => return Ok(Proof::TestEntry),
            Self::NoTestEntry => return Ok(Proof::Nothing),
            Self::NoTestAnswer => Answer::Error(format!(
                "cannot tell: its {family} test entry is not listed, so it was emptied, or this resolver hides it"
            )),
            Self::Refused(codes) => Answer::Refused(codes.clone()),
            Self::Dead(codes) => Answer::ZoneDead(codes.clone()),
            Self::Failed(failure) => failure.answer(),
        })
    }

    /// Whether another resolver would hear the same.
    pub(crate) fn is_the_zones(&self) -> bool {
        match self {
            Self::NoTestAnswer | Self::Dead(_) => true,
            Self::Healthy | Self::NoTestEntry | Self::Refused(_) => false,
            Self::Failed(failure) => !failure.may_be_the_resolvers(),
        }
    }
}

impl HealthVerdict {
    /// The word in the column `health`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::NoTestEntry => "no-test-entry",
            Self::NoTestAnswer => "no-test-answer",
            Self::Refused(_) => "refused",
            Self::Dead(_) => "zone-dead",
            Self::Failed(Failure::Timeout) => "timeout",
            Self::Failed(_) => "error",
        }
    }
}

impl fmt::Display for HealthVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let codes = match self {
            Self::Healthy => return f.write_str("healthy"),
            Self::NoTestEntry => return f.write_str("no test entry: it can list, not clear"),
            Self::NoTestAnswer => {
                return f.write_str("its test entry is not listed: emptied, or hidden by the resolver");
            }
            Self::Failed(failure) => return failure.fmt(f),
            Self::Refused(codes) => {
                f.write_str("refuses the resolver:")?;
                codes
            }
            Self::Dead(codes) => {
                f.write_str("lists what no list may hold:")?;
                codes
            }
        };
        codes.iter().try_for_each(|code| write!(f, " {code}"))
    }
}

/// Why a question has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// Nothing came after all tries, or before the time was up.
    #[error("no answer in time")]
    Timeout,
    /// The resolver could not find out.
    #[error("SERVFAIL")]
    ServFail,
    /// The resolver does not want to.
    #[error("REFUSED")]
    Refused,
    /// What came from the resolver is no answer: another code, malformed, or cut short.
    #[error("{0}")]
    Unusable(Cow<'static, str>),
    /// There is no such question, or the zone says that it is wrong.
    #[error("{0}")]
    Other(Cow<'static, str>),
}

impl Failure {
    pub(crate) fn answer(&self) -> Answer {
        match self {
            Self::Timeout => Answer::Timeout,
            Self::ServFail | Self::Refused | Self::Unusable(_) | Self::Other(_) => {
                Answer::Error(self.to_string())
            }
        }
    }

    /// Whether another resolver is worth asking.
    pub(crate) fn may_be_the_resolvers(&self) -> bool {
        match self {
            Self::Timeout | Self::ServFail | Self::Refused | Self::Unusable(_) => true,
            Self::Other(_) => false,
        }
    }
}

/// What shows that a zone would list an address if it knew it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Its test entry.
    TestEntry,
    /// It has none.
    Nothing,
}

/// What came back for the three names of a test.
#[derive(Clone, Debug)]
pub(crate) struct Entries {
    listed: Result<Vec<Ipv4Addr>, Failure>,
    not_listed: Result<Vec<Ipv4Addr>, Failure>,
    random: Result<Vec<Ipv4Addr>, Failure>,
}

/// Asks the three names at once: a silent zone costs one wait.
pub(crate) async fn test(server: &Server, zone: &Name, facts: &Facts, family: Family) -> HealthVerdict {
    let of = |entry: Ipv4Addr| match family {
        Family::Ipv4 => IpAddr::V4(entry),
        Family::Ipv6 => IpAddr::V6(entry.to_ipv6_mapped()),
    };
    let names = || -> Result<_, ProtoError> {
        let random = Name::from_ascii(random_label())?.append_domain(zone)?;
        Ok((
            query_name(of(LISTED), zone)?,
            query_name(of(NOT_LISTED), zone)?,
            random,
        ))
    };
    let Ok((listed, not_listed, random)) = names() else {
        return HealthVerdict::Failed(Failure::Other("the name of the zone is too long".into()));
    };
    let (listed, not_listed, random) =
        tokio::join!(server.a(&listed), server.a(&not_listed), server.a(&random));
    let entries = Entries {
        listed: listed.map(|found| found.records),
        not_listed: not_listed.map(|found| found.records),
        random: random.map(|found| found.records),
    };
    verdict(&entries, facts)
}

/// What the three answers say together.
pub(crate) fn verdict(entries: &Entries, facts: &Facts) -> HealthVerdict {
    let Entries {
        listed,
        not_listed,
        random,
    } = entries;
    let all = [listed, not_listed, random];
    let came: Vec<Ipv4Addr> = all
        .iter()
        .filter_map(|said| said.as_ref().ok())
        .flatten()
        .copied()
        .collect();
    let of = |class| of_class(&came, class, facts);
    if let foreign @ [_, ..] = of(Class::Foreign).as_slice() {
        return HealthVerdict::Dead(foreign.to_vec());
    }
    if let refusals @ [_, ..] = of(Class::Refusal).as_slice() {
        return HealthVerdict::Refused(refusals.to_vec());
    }
    if !of(Class::Fault).is_empty() {
        let Answer::Error(why) = dnsbl::judge(&Ok(came), facts, Proof::Nothing) else {
            return HealthVerdict::Failed(Failure::Other("it answers with an error code".into()));
        };
        return HealthVerdict::Failed(Failure::Other(why.into()));
    }
    let lists = |said: &Result<Vec<Ipv4Addr>, Failure>| match said {
        Ok(codes) => of_class(codes, Class::Listing, facts),
        Err(_) => Vec::new(),
    };
    for never in [not_listed, random] {
        if let codes @ [_, ..] = lists(never).as_slice() {
            return HealthVerdict::Dead(codes.to_vec());
        }
    }
    // Some lists stumble over a name that is no address; the two entries of the RFC are proof enough without it.
    if let Some(failure) = [listed, not_listed]
        .into_iter()
        .find_map(|said| said.as_ref().err())
    {
        return HealthVerdict::Failed(failure.clone());
    }
    match (lists(listed).as_slice(), facts.test_entries) {
        ([_, ..], _) => HealthVerdict::Healthy,
        ([], true) => HealthVerdict::NoTestAnswer,
        ([], false) => HealthVerdict::NoTestEntry,
    }
}

/// What the health of the zones says of the resolvers.
pub(crate) fn warnings(health: &[Health]) -> Vec<String> {
    let mut zones: BTreeMap<(&str, Sign), BTreeSet<&str>> = BTreeMap::new();
    for at in health {
        if let Some(sign) = Sign::of(&at.verdict) {
            zones
                .entry((&at.resolver, sign))
                .or_default()
                .insert(at.zone.as_str());
        }
    }
    let telling = zones
        .into_iter()
        .filter(|((_, sign), zones)| zones.len() >= sign.least());
    let signs = telling
        .map(|((resolver, sign), zones)| {
            let zones = Vec::from_iter(zones).join(", ");
            match sign {
                Sign::Refused => format!("resolver {resolver} is refused by {zones}"),
                Sign::Silent => format!("resolver {resolver} has no answer from {zones}"),
                Sign::Hidden => {
                    format!("resolver {resolver} finds no test entry in {zones}: it hides them, or has no way to them")
                }
                Sign::MadeUp => {
                    format!("resolver {resolver} makes up answers for names that do not exist, as those in {zones}")
                }
            }
        })
        .collect::<Vec<_>>();
    signs.into_iter().chain(stand_ins(health)).collect()
}

/// Which resolvers answered where those before them did not.
fn stand_ins(health: &[Health]) -> Vec<String> {
    let mut zones: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for of_zone in health.chunk_by(|one, next| (&one.zone, one.family) == (&next.zone, next.family)) {
        if let [_, .., last] = of_zone
            && last.verdict.proof(last.family).is_ok()
        {
            zones
                .entry(&last.resolver)
                .or_default()
                .insert(last.zone.as_str());
        }
    }
    let line = |(resolver, zones): (&str, BTreeSet<&str>)| {
        let zones = Vec::from_iter(zones).join(", ");
        format!("resolver {resolver} answered for {zones}, after those before it did not")
    };
    zones.into_iter().map(line).collect()
}

/// What a zone's verdict may say of the resolver.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sign {
    Refused,
    Silent,
    Hidden,
    MadeUp,
}

impl Sign {
    fn of(verdict: &HealthVerdict) -> Option<Self> {
        match verdict {
            HealthVerdict::Refused(_) => Some(Self::Refused),
            HealthVerdict::Failed(Failure::Timeout) => Some(Self::Silent),
            HealthVerdict::NoTestAnswer => Some(Self::Hidden),
            HealthVerdict::Dead(codes) if !codes.iter().any(Ipv4Addr::is_loopback) => Some(Self::MadeUp),
            HealthVerdict::Healthy
            | HealthVerdict::NoTestEntry
            | HealthVerdict::Dead(_)
            | HealthVerdict::Failed(
                Failure::ServFail | Failure::Refused | Failure::Unusable(_) | Failure::Other(_),
            ) => None,
        }
    }

    /// The number of zones from which on it is rather the resolver than the zones.
    fn least(self) -> usize {
        match self {
            Self::Refused => 1,
            Self::Silent | Self::Hidden | Self::MadeUp => 3,
        }
    }
}

/// Sixteen letters. Drawn anew each time, so that nobody can list them; the standard library's hash seed is enough.
fn random_label() -> String {
    let draw = draw();
    (0..16)
        .map(|at| char::from(b'a' + (draw >> (4 * at) & 0xf) as u8))
        .collect()
}

fn draw() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// A number from 0 to 1, drawn anew each time.
pub(crate) fn chance() -> f64 {
    f64::from((draw() >> 32) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    use crate::check::dnsbl::Facts;
    use crate::check::health::{Entries, Failure, HealthVerdict, random_label, verdict};

    fn codes(texts: &[&str]) -> Vec<Ipv4Addr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn tested(listed: &[&str], not_listed: &[&str], random: &[&str], test_entries: bool) -> HealthVerdict {
        let entries = Entries {
            listed: Ok(codes(listed)),
            not_listed: Ok(codes(not_listed)),
            random: Ok(codes(random)),
        };
        verdict(
            &entries,
            &Facts {
                test_entries,
                ..Facts::default()
            },
        )
    }

    #[test]
    fn both_test_entries_make_a_zone_healthy_whatever_the_listing_code() {
        assert_eq!(
            tested(&["127.0.0.2", "127.0.0.10"], &[], &[], true),
            HealthVerdict::Healthy
        );
        // bl.suomispam.net answers its test entry with .99.
        assert_eq!(tested(&["127.0.0.99"], &[], &[], false), HealthVerdict::Healthy);
    }

    #[test]
    fn a_zone_that_lists_127_0_0_1_or_any_name_lists_the_world() {
        let dead = HealthVerdict::Dead(codes(&["127.0.0.2"]));
        assert_eq!(tested(&["127.0.0.2"], &["127.0.0.2"], &[], true), dead);
        assert_eq!(tested(&["127.0.0.2"], &[], &["127.0.0.2"], true), dead);
    }

    #[test]
    fn a_parked_zone_or_a_lying_resolver_is_seen_by_its_foreign_address() {
        let everywhere = &["203.0.113.80"];
        let dead = HealthVerdict::Dead(codes(everywhere));
        assert_eq!(tested(everywhere, everywhere, everywhere, true), dead);
        assert_eq!(tested(&["127.0.0.2"], &[], everywhere, true), dead);
    }

    #[test]
    fn a_refusal_is_no_proof_of_life() {
        for code in ["127.255.255.254", "127.255.255.255", "127.0.0.1"] {
            let refused = HealthVerdict::Refused(codes(&[code]));
            assert_eq!(tested(&[code], &[code], &[code], true), refused);
        }
    }

    #[test]
    fn hostkarmas_white_127_0_0_1_does_not_make_it_a_liar() {
        let entries = Entries {
            listed: Ok(codes(&["127.0.0.2"])),
            not_listed: Ok(codes(&["127.0.0.1"])),
            random: Ok(vec![]),
        };
        let white = BTreeMap::from([(Ipv4Addr::new(127, 0, 0, 1), "white".to_owned())]);
        let facts = Facts {
            not_listed: white,
            test_entries: true,
            ..Facts::default()
        };
        assert_eq!(verdict(&entries, &facts), HealthVerdict::Healthy);
    }

    #[test]
    fn a_missing_test_entry_is_worse_where_one_is_known() {
        assert_eq!(tested(&[], &[], &[], true), HealthVerdict::NoTestAnswer);
        assert_eq!(tested(&[], &[], &[], false), HealthVerdict::NoTestEntry);
    }

    #[test]
    fn a_test_entry_that_was_not_answered_proves_nothing() {
        for failure in [Failure::Timeout, Failure::ServFail, Failure::Refused] {
            let entries = Entries {
                listed: Ok(codes(&["127.0.0.2"])),
                not_listed: Err(failure.clone()),
                random: Ok(vec![]),
            };
            assert_eq!(
                verdict(&entries, &Facts::default()),
                HealthVerdict::Failed(failure)
            );
        }
    }

    #[test]
    fn a_list_may_stumble_over_a_name_that_is_no_address() {
        let entries = Entries {
            listed: Ok(codes(&["127.0.0.2"])),
            not_listed: Ok(vec![]),
            random: Err(Failure::ServFail),
        };
        assert_eq!(verdict(&entries, &Facts::default()), HealthVerdict::Healthy);
    }

    #[test]
    fn a_random_name_is_another_each_time() {
        let (one, other) = (random_label(), random_label());
        assert_eq!(one.len(), 16);
        assert!(one.bytes().all(|byte| byte.is_ascii_lowercase()));
        assert_ne!(one, other);
    }
}
