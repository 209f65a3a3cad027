//! What a zone is asked (RFC 5782 §2.1, §2.4), and what its answer means.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use hickory_resolver::proto::ProtoError;
use hickory_resolver::proto::rr::Name;

use crate::catalogue::Catalogue;
use crate::check::Answer;
use crate::check::health::{Failure, Proof};
use crate::event::{ListId, Zone};

/// Said of an address that a zone does not know, when nothing shows that it would say so of a listed one.
const CANNOT_TELL: &str =
    "cannot tell: it does not list the address, but has no test entry that shows it is alive";

/// What an answer of these addresses means at any zone whose own table does not know them, or at the zones below the
/// given name. Spamhaus's codes: <https://www.spamhaus.org/news/article/807>; URIBL's 127.0.0.1:
/// <https://uribl.com/refused.shtml>; DNSWL's: <https://www.dnswl.org/?page_id=15>.
const GENERAL: [(Ipv4Addr, Option<&str>, Class, &str); 6] = [
    (
        Ipv4Addr::new(127, 255, 255, 252),
        None,
        Class::Fault,
        "the name of the zone is mistyped",
    ),
    (
        Ipv4Addr::new(127, 255, 255, 254),
        None,
        Class::Refusal,
        "it turns this resolver away as public, open, or without a name of its own: use your own resolver, or a key",
    ),
    (
        Ipv4Addr::new(127, 255, 255, 255),
        None,
        Class::Refusal,
        "too many questions came from this resolver",
    ),
    (
        Ipv4Addr::new(127, 0, 0, 1),
        None,
        Class::Refusal,
        "it turns this resolver away, or something between blocks its name",
    ),
    (
        Ipv4Addr::new(127, 0, 1, 255),
        None,
        Class::Fault,
        "it lists domains and was asked about an address",
    ),
    (
        Ipv4Addr::new(127, 0, 0, 255),
        Some("dnswl.org"),
        Class::Refusal,
        "over its limit of free questions",
    ),
];

/// What is known about a zone beforehand; of one that is not in the catalogue, nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Facts {
    pub(crate) zone: String,
    pub(crate) list: Option<ListId>,
    pub(crate) codes: BTreeMap<Ipv4Addr, String>,
    /// Answers that clear an address: the allow codes of a mixed list.
    pub(crate) not_listed: BTreeMap<Ipv4Addr, String>,
    /// Answers that no zone may mean as a listing, besides those of [`GENERAL`].
    pub(crate) never_listed: BTreeMap<Ipv4Addr, String>,
    /// Whether it names whom to let through: nothing that it answers lists.
    pub(crate) allows: bool,
    /// Whether the catalogue knows of test entries, so that their absence means something.
    pub(crate) test_entries: bool,
}

impl Facts {
    pub(crate) fn of(zone: &Zone, catalogue: &Catalogue) -> Self {
        let facts = catalogue.zone(zone);
        let codes = facts.map(|facts| match facts.codes.is_empty() {
            // A zone for customers answers with the codes of the public one.
            true => catalogue.codes_of(&facts.list),
            false => facts.codes.clone(),
        });
        Self {
            zone: zone.as_str().to_owned(),
            list: facts.map(|facts| facts.list.clone()),
            codes: codes.unwrap_or_default(),
            not_listed: facts.map(|facts| facts.not_listed.clone()).unwrap_or_default(),
            never_listed: catalogue.never_listed().clone(),
            allows: facts.is_some_and(|facts| facts.allows),
            test_entries: facts.is_some_and(|facts| facts.test_entries),
        }
    }
}

/// What one code says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// The address is listed.
    Listing,
    /// The zone's own word for an address that it clears.
    Allowed,
    /// The zone answers this resolver nothing.
    Refusal,
    /// The question was wrong.
    Fault,
    /// Not in 127/8: whoever answers keeps no blocklist.
    Foreign,
}

/// The name under which a zone lists an address. It is absolute: no search list gets to answer it.
///
/// # Errors
/// When zone and address together are longer than a name may be.
pub(crate) fn query_name(ip: IpAddr, zone: &Name) -> Result<Name, ProtoError> {
    let reversed = Name::from(ip);
    let labels = usize::from(reversed.num_labels()).saturating_sub(2);
    let mut name = Name::from_labels(reversed.iter().take(labels))?.append_domain(zone)?;
    name.set_fqdn(true);
    Ok(name)
}

/// What an answer says of an address, once the zone has passed its test with this `proof`.
pub(crate) fn judge(said: &Result<Vec<Ipv4Addr>, Failure>, facts: &Facts, proof: Proof) -> Answer {
    let codes = match said {
        Ok(codes) => codes,
        Err(failure) => return failure.answer(),
    };
    let of = |class| of_class(codes, class, facts);
    if !of(Class::Foreign).is_empty() {
        return Answer::ZoneDead(codes.clone());
    }
    if let refusals @ [_, ..] = of(Class::Refusal).as_slice() {
        return Answer::Refused(refusals.to_vec());
    }
    if let Some(fault) = of(Class::Fault).first() {
        return Answer::Error(format!("{fault}: {}", word(*fault, facts)));
    }
    match (of(Class::Listing), proof) {
        (listings, _) if !listings.is_empty() => Answer::Listed(listings),
        (_, Proof::TestEntry) => Answer::NotListed,
        (_, Proof::Nothing) => Answer::Error(CANNOT_TELL.to_owned()),
    }
}

/// The codes of this class, each once, in their order.
pub(crate) fn of_class(codes: &[Ipv4Addr], wanted: Class, facts: &Facts) -> Vec<Ipv4Addr> {
    let mut codes: Vec<_> = codes
        .iter()
        .copied()
        .filter(|code| class(*code, facts) == wanted)
        .collect();
    codes.sort_unstable();
    codes.dedup();
    codes
}

/// The zone's own table wins, except over 127/8 itself.
fn class(code: Ipv4Addr, facts: &Facts) -> Class {
    if !code.is_loopback() {
        return Class::Foreign;
    }
    if facts.codes.contains_key(&code) {
        return Class::Listing;
    }
    if facts.not_listed.contains_key(&code) {
        return Class::Allowed;
    }
    match general(code, facts) {
        Some((class, _)) => class,
        None if facts.never_listed.contains_key(&code) => Class::Fault,
        // Spamhaus keeps the whole range for errors.
        None if code.octets().starts_with(&[127, 255, 255]) => Class::Fault,
        None if facts.allows => Class::Allowed,
        None => Class::Listing,
    }
}

fn general(code: Ipv4Addr, facts: &Facts) -> Option<(Class, &'static str)> {
    let below = |name: &str| {
        facts
            .zone
            .strip_suffix(name)
            .is_some_and(|rest| rest.ends_with('.'))
    };
    let holds = |name: Option<&str>| name.is_none_or(below);
    let row = GENERAL
        .iter()
        .find(|(row, name, ..)| *row == code && holds(*name))?;
    Some((row.2, row.3))
}

/// What the answer means, for people: the catalogue's words for codes, else why nothing is known.
pub(crate) fn meaning(answer: &Answer, facts: &Facts) -> Option<String> {
    let words = |codes: &[Ipv4Addr]| {
        let mut words: Vec<String> = codes.iter().map(|code| word(*code, facts)).collect();
        words.dedup();
        words.join("; ")
    };
    match answer {
        Answer::Listed(codes) => Some(words(codes)),
        Answer::NotListed => None,
        Answer::Refused(codes) if codes.is_empty() => Some("it turns this resolver away".to_owned()),
        Answer::Refused(codes) => Some(words(codes)),
        Answer::Timeout => Some(Failure::Timeout.to_string()),
        Answer::Error(why) => Some(why.clone()),
        Answer::ZoneDead(codes) => Some(match of_class(codes, Class::Foreign, facts).as_slice() {
            [] => "it lists addresses that no list may hold: it is no blocklist any more".to_owned(),
            foreign => {
                let codes: Vec<String> = foreign.iter().map(Ipv4Addr::to_string).collect();
                let codes = codes.join(" ");
                format!(
                    "it answers outside 127.0.0.0/8, so it is no blocklist (any more), or the resolver makes up answers: {codes}"
                )
            }
        }),
    }
}

fn word(code: Ipv4Addr, facts: &Facts) -> String {
    let own = facts.codes.get(&code).or_else(|| facts.not_listed.get(&code));
    match (own, general(code, facts)) {
        (Some(own), _) => own.clone(),
        (None, Some((_, general))) => general.to_owned(),
        (None, None) if let Some(word) = facts.never_listed.get(&code) => word.clone(),
        (None, None) if class(code, facts) == Class::Fault => format!("error code {code}"),
        (None, None) => format!("listed, code {code} not in the catalogue"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::{IpAddr, Ipv4Addr};

    use hickory_resolver::proto::rr::Name;
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    use crate::check::Answer;
    use crate::check::dnsbl::{Facts, judge, meaning, query_name};
    use crate::check::health::{Failure, Proof};

    fn ip(text: &str) -> Ipv4Addr {
        text.parse().unwrap()
    }

    /// Codes as zen.spamhaus.org documents them.
    fn zen() -> Facts {
        let codes = [("127.0.0.2", "SBL"), ("127.0.0.4", "XBL"), ("127.0.0.10", "PBL")];
        Facts {
            zone: "zen.spamhaus.org".into(),
            codes: codes
                .into_iter()
                .map(|(code, word)| (ip(code), word.into()))
                .collect(),
            test_entries: true,
            ..Facts::default()
        }
    }

    fn answer(codes: &[&str], facts: &Facts) -> Answer {
        judge(
            &Ok(codes.iter().map(|code| ip(code)).collect()),
            facts,
            Proof::TestEntry,
        )
    }

    fn listed(codes: &[&str]) -> Answer {
        Answer::Listed(codes.iter().map(|code| ip(code)).collect())
    }

    #[test]
    fn a_known_code_is_a_listing_with_its_meaning() {
        let said = answer(&["127.0.0.4"], &zen());
        assert_eq!(said, listed(&["127.0.0.4"]));
        assert_eq!(meaning(&said, &zen()).unwrap(), "XBL");
    }

    #[test]
    fn an_unknown_code_is_a_listing_that_says_so() {
        let said = answer(&["127.0.0.99"], &zen());
        assert_eq!(said, listed(&["127.0.0.99"]));
        assert_eq!(
            meaning(&said, &zen()).unwrap(),
            "listed, code 127.0.0.99 not in the catalogue"
        );
    }

    #[test]
    fn several_codes_are_several_sublists() {
        let said = answer(&["127.0.0.10", "127.0.0.2", "127.0.0.4", "127.0.0.2"], &zen());
        assert_eq!(said, listed(&["127.0.0.2", "127.0.0.4", "127.0.0.10"]));
        assert_eq!(meaning(&said, &zen()).unwrap(), "SBL; XBL; PBL");
    }

    #[test]
    fn a_mistyped_zone_is_an_error() {
        let Answer::Error(why) = answer(&["127.255.255.252"], &zen()) else {
            panic!()
        };
        assert_eq!(why, "127.255.255.252: the name of the zone is mistyped");
    }

    #[test]
    fn a_public_resolver_and_one_that_asks_too_much_are_refused() {
        for (code, word) in [
            ("127.255.255.254", "turns this resolver away"),
            ("127.255.255.255", "too many questions"),
        ] {
            let said = answer(&[code], &zen());
            assert_eq!(said, Answer::Refused(vec![ip(code)]));
            assert!(meaning(&said, &zen()).unwrap().contains(word));
        }
    }

    #[test]
    fn the_rest_of_spamhaus_error_range_is_no_listing() {
        assert!(matches!(answer(&["127.255.255.253"], &zen()), Answer::Error(_)));
    }

    #[test]
    fn a_refusal_outweighs_a_listing_beside_it() {
        let said = answer(&["127.0.0.2", "127.255.255.254"], &zen());
        assert_eq!(said, Answer::Refused(vec![ip("127.255.255.254")]));
    }

    #[test]
    fn uribls_127_0_0_1_is_a_refusal() {
        assert_eq!(
            answer(&["127.0.0.1"], &zen()),
            Answer::Refused(vec![ip("127.0.0.1")])
        );
    }

    #[test]
    fn an_address_asked_of_a_domain_list_is_an_error() {
        let dbl = Facts {
            zone: "dbl.spamhaus.org".into(),
            ..Facts::default()
        };
        assert!(matches!(answer(&["127.0.1.255"], &dbl), Answer::Error(_)));
    }

    #[test]
    fn dnswls_limit_is_a_refusal_and_dronebls_class_255_a_listing() {
        let dnswl = Facts {
            zone: "list.dnswl.org".into(),
            ..Facts::default()
        };
        let dronebl = Facts {
            zone: "dnsbl.dronebl.org".into(),
            codes: BTreeMap::from([(ip("127.0.0.255"), "Uncategorized threat class".into())]),
            ..Facts::default()
        };
        assert_eq!(
            answer(&["127.0.0.255"], &dnswl),
            Answer::Refused(vec![ip("127.0.0.255")])
        );
        assert_eq!(answer(&["127.0.0.255"], &dronebl), listed(&["127.0.0.255"]));
    }

    #[test]
    fn the_zones_own_code_wins_over_the_general_row() {
        let hostkarma = Facts {
            zone: "hostkarma.junkemailfilter.com".into(),
            codes: BTreeMap::from([(ip("127.0.0.2"), "black".into())]),
            not_listed: BTreeMap::from([
                (ip("127.0.0.1"), "white".into()),
                (ip("127.0.0.5"), "no black".into()),
            ]),
            test_entries: true,
            ..Facts::default()
        };
        assert_eq!(answer(&["127.0.0.1"], &hostkarma), Answer::NotListed);
        assert_eq!(
            answer(&["127.0.0.1", "127.0.0.2"], &hostkarma),
            listed(&["127.0.0.2"])
        );
        assert!(matches!(
            judge(&Ok(vec![ip("127.0.0.1")]), &hostkarma, Proof::Nothing),
            Answer::Error(_)
        ));
    }

    #[test]
    fn an_allow_list_lists_nobody_and_refuses_all_the_same() {
        let dnswl = Facts {
            zone: "list.dnswl.org".into(),
            allows: true,
            ..Facts::default()
        };
        assert_eq!(answer(&["127.0.5.3"], &dnswl), Answer::NotListed);
        let said = judge(&Ok(vec![ip("127.0.5.3")]), &dnswl, Proof::Nothing);
        assert!(matches!(said, Answer::Error(_)), "{said:?}");
        assert_eq!(
            answer(&["127.0.0.255"], &dnswl),
            Answer::Refused(vec![ip("127.0.0.255")])
        );
    }

    #[test]
    fn an_answer_outside_127_is_never_a_listing() {
        let parked = Facts {
            codes: BTreeMap::from([(ip("192.0.2.1"), "listed".into())]),
            ..zen()
        };
        for codes in [&["192.0.2.1"][..], &["0.0.0.0"], &["127.0.0.2", "203.0.113.9"]] {
            let said = answer(codes, &parked);
            assert!(matches!(said, Answer::ZoneDead(_)), "{codes:?}");
            assert!(meaning(&said, &parked).unwrap().contains(codes.last().unwrap()));
        }
    }

    #[test]
    fn nothing_is_not_listed_only_where_the_test_entry_was_good() {
        assert_eq!(judge(&Ok(vec![]), &zen(), Proof::TestEntry), Answer::NotListed);
        let Answer::Error(why) = judge(&Ok(vec![]), &zen(), Proof::Nothing) else {
            panic!()
        };
        assert!(why.starts_with("cannot tell"), "{why}");
    }

    #[test]
    fn a_zone_without_test_entry_can_say_listed() {
        let said = judge(&Ok(vec![ip("127.0.0.2")]), &Facts::default(), Proof::Nothing);
        assert_eq!(said, listed(&["127.0.0.2"]));
    }

    #[test]
    fn servfail_refused_and_the_rest_are_errors_that_name_the_code() {
        for (failure, word) in [
            (Failure::ServFail, "SERVFAIL"),
            (Failure::Refused, "REFUSED"),
            (Failure::Unusable("NOTIMP".into()), "NOTIMP"),
        ] {
            let said = judge(&Err(failure), &zen(), Proof::TestEntry);
            assert_eq!(said, Answer::Error(word.into()));
        }
    }

    #[test]
    fn silence_is_a_timeout() {
        assert_eq!(
            judge(&Err(Failure::Timeout), &zen(), Proof::TestEntry),
            Answer::Timeout
        );
    }

    #[test]
    fn an_ipv6_address_is_asked_by_its_nibbles() {
        let zone = Name::from_ascii("zen.spamhaus.org").unwrap();
        let name = query_name("2001:db8:1:2:3:4:567:89ab".parse().unwrap(), &zone).unwrap();
        assert_eq!(
            name.to_ascii(),
            "b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.zen.spamhaus.org."
        );
    }

    proptest! {
        #[test]
        fn a_name_reads_back_as_the_address_and_is_absolute(ip: IpAddr) {
            let zone = Name::from_ascii("bl.example").unwrap();
            let name = query_name(ip, &zone).unwrap();
            prop_assert!(name.is_fqdn());
            let text = name.to_ascii();
            let mut labels: Vec<_> = text.strip_suffix(".bl.example.").unwrap().split('.').collect();
            labels.reverse();
            let back = match ip {
                IpAddr::V4(_) => labels.join("."),
                IpAddr::V6(_) => labels.chunks(4).map(<[_]>::concat).collect::<Vec<_>>().join(":"),
            };
            prop_assert_eq!(back.parse::<IpAddr>().unwrap(), ip);
        }

        #[test]
        fn only_127_8_lists_and_only_a_test_entry_clears(codes in any::<Vec<Ipv4Addr>>(), proven: bool) {
            let proof = if proven { Proof::TestEntry } else { Proof::Nothing };
            match judge(&Ok(codes.clone()), &zen(), proof) {
                Answer::Listed(_) => prop_assert!(codes.iter().all(Ipv4Addr::is_loopback)),
                Answer::NotListed => prop_assert!(proven && codes.is_empty()),
                _ => {}
            }
        }
    }
}
