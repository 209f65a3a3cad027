//! The room `check` against real blocklists: rbldnsd behind unbound, and a server of ours for what those never do.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "support/faulty.rs"]
mod faulty;
#[path = "dns/malformed.rs"]
mod malformed;
#[path = "dns/names.rs"]
mod names;
#[path = "dns/rows.rs"]
mod rows;
#[path = "support/dns.rs"]
mod servers;
#[path = "support/malformed.rs"]
mod wrong;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::{IpAddr, UdpSocket};
use std::time::{Duration, Instant};

use bounceaudit::catalogue::Catalogue;
use bounceaudit::check::{
    self, Answer, Checked, Failure, Family, HealthVerdict, Known, Listing, Nameserver, Ptr, Questions,
    Settings,
};
use bounceaudit::event::{Timestamp, Zone};
use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType, rdata};

use faulty::{Faulty, answer};
use servers::{Servers, TEST_ENTRY, Zones};

/// Lists everything, 127.0.0.1 too.
const THE_WORLD: &str = "0/1 :127.0.0.2:the world\n128/1 :127.0.0.2:the world\n";
const REFUSES: &str =
    "0/1 :127.255.255.254:Error: open resolver\n128/1 :127.255.255.254:Error: open resolver\n";

fn zone(name: &str) -> Zone {
    Zone::from(name.to_owned())
}

fn at(servers: &Servers) -> Settings {
    Settings {
        servers: vec![Nameserver(servers.resolver)],
        ..Settings::default()
    }
}

/// Asks these zones and no others.
async fn ask(settings: Settings, zones: &[&str], ips: &[&str]) -> Checked {
    let settings = Settings {
        only_zones: zones.iter().map(|name| zone(name)).collect(),
        ..settings
    };
    all(&settings, ips, &[]).await
}

async fn all(settings: &Settings, ips: &[&str], named: &[Zone]) -> Checked {
    by(&catalogue(), settings, ips, named).await
}

async fn by(catalogue: &Catalogue, settings: &Settings, ips: &[&str], named: &[Zone]) -> Checked {
    let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
    let now: Timestamp = "2021-12-27T10:00:00+09:00".parse().unwrap();
    let questions = Questions {
        ips: &ips,
        zones: named,
        domains: &[],
        known: &Known::default(),
    };
    check::all(settings, catalogue, questions, now).await.unwrap()
}

/// The catalogue that is shipped, and a mixed list with an allow code, and two lists that others live off.
fn catalogue() -> Catalogue {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let text = r#"
        [[list]]
        id = "mixed"
        name = "mixed"
        kind = "dnsbl"
        status = "alive"
        [[list.zone]]
        name = "mixed.example"
        ipv4 = true
        test_entries = true
        codes = { "127.0.0.2" = "black" }
        not_listed = { "127.0.0.1" = "white" }
    "#;
    file.write_all(text.as_bytes()).unwrap();
    Catalogue::load(Some(file.path())).unwrap()
}

fn one<'a>(checked: &'a Checked, name: &str, ip: &str) -> &'a Listing {
    let ip: IpAddr = ip.parse().unwrap();
    let found = checked
        .listings
        .iter()
        .find(|listing| listing.zone.as_str() == name && listing.ip == ip);
    found.unwrap_or_else(|| panic!("{name} was not asked about {ip}: {checked:#?}"))
}

fn listed(codes: &[&str]) -> Answer {
    Answer::Listed(codes.iter().map(|code| code.parse().unwrap()).collect())
}

fn health(checked: &Checked) -> Vec<&HealthVerdict> {
    checked.health.iter().map(|health| &health.verdict).collect()
}

#[tokio::test]
async fn an_address_is_listed_with_codes_meaning_reason_and_ttl_or_it_is_not() {
    let lines = "127.0.0.2 :127.0.0.2:test\n127.0.0.2 :127.0.0.4:test\n127.0.0.2 :127.0.0.10:test\n\
                 203.0.113.5 :127.0.0.4:https://check.spamhaus.org/query/ip/$\n\
                 203.0.113.5 :127.0.0.10:https://check.spamhaus.org/query/ip/$\n";
    let servers = Zones::default().ipv4("zen.spamhaus.org", lines).start();
    let checked = ask(
        at(&servers),
        &["zen.spamhaus.org"],
        &["203.0.113.5", "203.0.113.6"],
    )
    .await;
    assert_eq!(health(&checked), [&HealthVerdict::Healthy]);
    let yes = one(&checked, "zen.spamhaus.org", "203.0.113.5");
    assert_eq!(yes.answer, listed(&["127.0.0.4", "127.0.0.10"]));
    assert_eq!(yes.blocklist.as_ref().unwrap().0, "spamhaus-zen");
    assert_eq!(
        yes.text.as_deref(),
        Some("https://check.spamhaus.org/query/ip/203.0.113.5")
    );
    assert!(yes.meaning.as_ref().unwrap().starts_with("XBL"), "{yes:?}");
    assert!(yes.meaning.as_ref().unwrap().contains("; PBL"), "{yes:?}");
    assert_eq!(yes.ttl, Some(Duration::from_secs(2100)));
    let no = one(&checked, "zen.spamhaus.org", "203.0.113.6");
    assert_eq!(
        (&no.answer, &no.text, &no.meaning),
        (&Answer::NotListed, &None, &None)
    );
    assert_eq!(checked.warnings, [""; 0]);
}

#[tokio::test]
async fn an_ipv6_address_is_asked_by_nibbles_and_ipv4_in_ipv6_as_ipv4() {
    let servers = Zones::default()
        .ipv4(
            "bl.example",
            &format!("{TEST_ENTRY}203.0.113.5 :127.0.0.2:four\n"),
        )
        .ipv6("bl.example", "2001:db8:1:2::/64 :127.0.0.3:the network of $\n")
        .start();
    let ips = [
        "2001:db8:1:2:3:4:567:89ab",
        "2001:db8:1:3::1",
        "::ffff:203.0.113.5",
    ];
    let checked = ask(at(&servers), &["bl.example"], &ips).await;
    assert_eq!(one(&checked, "bl.example", ips[0]).answer, listed(&["127.0.0.3"]));
    assert_eq!(one(&checked, "bl.example", ips[1]).answer, Answer::NotListed);
    assert_eq!(
        one(&checked, "bl.example", "203.0.113.5").answer,
        listed(&["127.0.0.2"])
    );
    let families: Vec<Family> = checked.health.iter().map(|health| health.family).collect();
    assert_eq!(families, [Family::Ipv4, Family::Ipv6]);
    assert_eq!(checked.listings.len(), 3);
}

#[tokio::test]
async fn a_zone_that_knows_no_ipv6_test_entry_clears_no_ipv6_address() {
    // Without an ip4set rbldnsd does not know `::FFFF:7F00:2` either.
    let servers = Zones::default()
        .ipv6("zen.spamhaus.org", "2001:db8:1:2::/64 :127.0.0.3:CSS\n")
        .start();
    let checked = ask(at(&servers), &["zen.spamhaus.org"], &["2001:db8::1"]).await;
    assert_eq!(health(&checked), [&HealthVerdict::NoTestAnswer]);
    assert!(matches!(
        one(&checked, "zen.spamhaus.org", "2001:db8::1").answer,
        Answer::Error(_)
    ));
}

#[tokio::test]
async fn a_zone_that_refuses_the_resolver_neither_lists_nor_clears() {
    let servers = Zones::default().ipv4("zen.spamhaus.org", REFUSES).start();
    let checked = ask(at(&servers), &["zen.spamhaus.org"], &["203.0.113.5"]).await;
    let listing = one(&checked, "zen.spamhaus.org", "203.0.113.5");
    assert_eq!(
        listing.answer,
        Answer::Refused(vec!["127.255.255.254".parse().unwrap()])
    );
    assert!(
        listing
            .meaning
            .as_ref()
            .unwrap()
            .contains("turns this resolver away"),
        "{listing:?}"
    );
    assert!(
        checked
            .warnings
            .iter()
            .any(|text| text.ends_with("is refused by zen.spamhaus.org")),
        "{checked:?}"
    );
}

#[tokio::test]
async fn a_refusal_in_mid_run_ends_the_zone_for_this_run() {
    let lines = format!("{TEST_ENTRY}203.0.113.2 :127.255.255.255:too many\n203.0.113.3 :127.0.0.2:spam\n");
    let servers = Zones::default().ipv4("bl.example", &lines).start();
    let settings = Settings {
        per_zone: "1".parse().ok(),
        ..at(&servers)
    };
    let checked = ask(
        settings,
        &["bl.example"],
        &["203.0.113.1", "203.0.113.2", "203.0.113.3"],
    )
    .await;
    let refused = Answer::Refused(vec!["127.255.255.255".parse().unwrap()]);
    assert_eq!(
        one(&checked, "bl.example", "203.0.113.1").answer,
        Answer::NotListed
    );
    assert_eq!(one(&checked, "bl.example", "203.0.113.2").answer, refused);
    assert_eq!(one(&checked, "bl.example", "203.0.113.3").answer, refused);
    assert!(matches!(health(&checked).as_slice(), [HealthVerdict::Refused(_)]));
}

#[tokio::test]
async fn a_dead_zone_that_lists_the_world_lists_nobody() {
    let servers = Zones::default()
        .ipv4("world.example", THE_WORLD)
        .parked("wildcard.example", "127.0.0.2")
        .start();
    let checked = ask(
        at(&servers),
        &["world.example", "wildcard.example"],
        &["203.0.113.5"],
    )
    .await;
    for name in ["world.example", "wildcard.example"] {
        let listing = one(&checked, name, "203.0.113.5");
        assert!(matches!(listing.answer, Answer::ZoneDead(_)), "{listing:?}");
    }
    assert_eq!(checked.warnings, [""; 0]);
}

#[tokio::test]
async fn parked_zones_list_nobody_and_three_of_them_are_the_resolvers_doing() {
    let names = ["one.example", "two.example", "three.example"];
    let parked = |zones: Zones, name: &&str| zones.parked(name, "192.0.2.80");
    let servers = names.iter().fold(Zones::default(), parked).start();
    let two = ask(at(&servers), &names[..2], &["203.0.113.5"]).await;
    assert!(
        two.listings
            .iter()
            .all(|listing| matches!(listing.answer, Answer::ZoneDead(_))),
        "{two:?}"
    );
    assert!(
        two.listings
            .iter()
            .all(|listing| listing.meaning.as_ref().unwrap().contains("192.0.2.80")),
        "{two:?}"
    );
    assert_eq!(two.warnings, [""; 0]);
    let three = ask(at(&servers), &names, &["203.0.113.5"]).await;
    assert!(
        three
            .warnings
            .iter()
            .any(|text| text.contains("makes up answers")),
        "{three:?}"
    );
}

#[tokio::test]
async fn an_emptied_zone_clears_nobody() {
    let servers = Zones::default().ipv4("bl.spamcop.net", "").start();
    let checked = ask(at(&servers), &["bl.spamcop.net"], &["203.0.113.5"]).await;
    let Answer::Error(why) = &one(&checked, "bl.spamcop.net", "203.0.113.5").answer else {
        panic!("{checked:?}")
    };
    assert!(why.starts_with("cannot tell"), "{why}");
}

#[tokio::test]
async fn a_zone_without_test_entries_lists_but_does_not_clear() {
    let servers = Zones::default()
        .ipv4("gmo-rbl.jp", "203.0.113.5 :127.0.0.2:poor reputation\n")
        .start();
    let checked = ask(at(&servers), &["gmo-rbl.jp"], &["203.0.113.5", "203.0.113.6"]).await;
    assert_eq!(health(&checked), [&HealthVerdict::NoTestEntry]);
    assert_eq!(
        one(&checked, "gmo-rbl.jp", "203.0.113.5").answer,
        listed(&["127.0.0.2"])
    );
    assert!(matches!(
        one(&checked, "gmo-rbl.jp", "203.0.113.6").answer,
        Answer::Error(_)
    ));
}

#[tokio::test]
async fn the_white_code_of_a_mixed_list_is_no_listing_and_no_refusal() {
    let lines = format!(
        "{TEST_ENTRY}127.0.0.1 :127.0.0.1:white\n203.0.113.5 :127.0.0.1:white\n203.0.113.6 :127.0.0.2:black\n"
    );
    let servers = Zones::default().ipv4("mixed.example", &lines).start();
    let checked = ask(at(&servers), &["mixed.example"], &["203.0.113.5", "203.0.113.6"]).await;
    assert_eq!(health(&checked), [&HealthVerdict::Healthy]);
    assert_eq!(
        one(&checked, "mixed.example", "203.0.113.5").answer,
        Answer::NotListed
    );
    assert_eq!(
        one(&checked, "mixed.example", "203.0.113.6").answer,
        listed(&["127.0.0.2"])
    );
}

#[tokio::test]
async fn servfail_and_refused_are_errors_that_say_so() {
    let servers = Zones::default()
        .lame("lame.example")
        .forbidden("forbidden.example")
        .start();
    let checked = ask(
        at(&servers),
        &["lame.example", "forbidden.example"],
        &["203.0.113.5"],
    )
    .await;
    assert_eq!(
        one(&checked, "lame.example", "203.0.113.5").answer,
        Answer::Error("SERVFAIL".into())
    );
    assert_eq!(
        one(&checked, "forbidden.example", "203.0.113.5").answer,
        Answer::Error("REFUSED".into())
    );
}

#[tokio::test]
async fn five_hundred_addresses_at_a_silent_zone_cost_one_wait() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let servers = Zones::default()
        .elsewhere("silent.example", silent.local_addr().unwrap())
        .start();
    let settings = Settings {
        timeout: Some(Duration::from_millis(300)),
        tries: "2".parse().ok(),
        ..at(&servers)
    };
    let ips: Vec<String> = (0..500)
        .map(|at| format!("203.0.{}.{}", 112 + at / 250, at % 250))
        .collect();
    let ips: Vec<&str> = ips.iter().map(String::as_str).collect();
    let start = Instant::now();
    let checked = ask(settings, &["silent.example"], &ips).await;
    // 500 waits, eight at a time, would take more than half a minute
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    silent.set_nonblocking(true).unwrap();
    let asked = std::iter::repeat_with(|| silent.recv(&mut [0; 512]))
        .take_while(Result::is_ok)
        .count();
    assert!(asked < 30, "{asked} questions");
    assert_eq!(health(&checked), [&HealthVerdict::Failed(Failure::Timeout)]);
    assert_eq!(checked.listings.len(), 500);
    assert!(
        checked
            .listings
            .iter()
            .all(|listing| listing.answer == Answer::Timeout)
    );
}

#[tokio::test]
async fn what_the_total_time_did_not_allow_is_a_timeout_and_the_rest_stands() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let servers = Zones::default()
        .ipv4("bl.example", TEST_ENTRY)
        .elsewhere("silent.example", silent.local_addr().unwrap())
        .start();
    let settings = Settings {
        total_time: Some(Duration::from_secs(1)),
        ..at(&servers)
    };
    let checked = ask(settings, &["bl.example", "silent.example"], &["203.0.113.5"]).await;
    assert_eq!(
        one(&checked, "bl.example", "203.0.113.5").answer,
        Answer::NotListed
    );
    assert_eq!(
        one(&checked, "silent.example", "203.0.113.5").answer,
        Answer::Timeout
    );
    assert!(
        checked.warnings.iter().any(|text| text.contains("asked for 1s")),
        "{:?}",
        checked.warnings
    );
}

#[tokio::test]
async fn the_next_resolver_is_asked_when_one_is_refused_or_silent_and_health_says_which_answered() {
    let lines = format!("{TEST_ENTRY}203.0.113.5 :127.0.0.2:spam\n");
    let refused = Zones::default()
        .ipv4("bl.example", REFUSES)
        .lame("113.0.203.in-addr.arpa")
        .start();
    let good = Zones::default()
        .ipv4("bl.example", &lines)
        .record("5.113.0.203.in-addr.arpa. PTR mail.shop.example.jp.")
        .record("mail.shop.example.jp. A 203.0.113.5")
        .start();
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let order = [refused.resolver, silent.local_addr().unwrap(), good.resolver];
    let settings = Settings {
        servers: order.map(Nameserver).to_vec(),
        timeout: Some(Duration::from_millis(500)),
        tries: "2".parse().ok(),
        ..Settings::default()
    };
    let checked = ask(settings, &["bl.example"], &["203.0.113.5", "203.0.113.6"]).await;
    assert_eq!(
        one(&checked, "bl.example", "203.0.113.5").answer,
        listed(&["127.0.0.2"])
    );
    assert_eq!(
        one(&checked, "bl.example", "203.0.113.6").answer,
        Answer::NotListed
    );
    let asked: Vec<_> = checked
        .health
        .iter()
        .map(|health| health.resolver.clone())
        .collect();
    assert_eq!(asked, order.map(|at| at.to_string()));
    assert_eq!(checked.health.last().unwrap().verdict, HealthVerdict::Healthy);
    let answered = format!(
        "resolver {} answered for bl.example, after those before it",
        good.resolver
    );
    assert!(
        checked.warnings.iter().any(|text| text.starts_with(&answered)),
        "{:?}",
        checked.warnings
    );
    let names: Vec<_> = checked.names.into_iter().map(|names| names.ptr).collect();
    assert_eq!(names, [Ptr::Confirmed("mail.shop.example.jp".into()), Ptr::None]);
}

#[tokio::test]
async fn the_second_resolver_is_not_asked_when_the_first_answers() {
    let first = Zones::default().ipv4("bl.example", TEST_ENTRY).start();
    let second = Faulty::start(|_| None);
    let settings = Settings {
        servers: vec![Nameserver(first.resolver), Nameserver(second.at)],
        ..Settings::default()
    };
    let checked = ask(settings, &["bl.example"], &["203.0.113.5"]).await;
    assert_eq!(
        one(&checked, "bl.example", "203.0.113.5").answer,
        Answer::NotListed
    );
    assert_eq!(second.asked(), BTreeSet::new());
}

#[tokio::test]
async fn a_zone_that_falls_silent_in_mid_run_is_given_up_soon() {
    let lines = format!("{TEST_ENTRY}203.0.113.250 :127.0.0.2:spam\n");
    let lists = Zones::default().ipv4("bl.example", &lines).start();
    // Passes on what is asked first: the test, and one wave of addresses.
    let upstream = UdpSocket::bind("127.0.0.1:0").unwrap();
    upstream.connect(lists.resolver).unwrap();
    let mut passed = BTreeSet::new();
    let dying = Faulty::start(move |query| {
        let name = query.queries.first()?.name().to_ascii();
        let list = name.ends_with(".bl.example.");
        if list && passed.len() == 3 + 8 && !passed.contains(&name) {
            return None;
        }
        if list {
            passed.insert(name);
        }
        let mut datagram = [0; 4096];
        upstream.send(&query.to_vec().ok()?).ok()?;
        let length = upstream.recv(&mut datagram).ok()?;
        Message::from_vec(datagram.get(..length)?).ok()
    });
    let settings = Settings {
        servers: vec![Nameserver(dying.at)],
        timeout: Some(Duration::from_secs(1)),
        tries: "2".parse().ok(),
        ..Settings::default()
    };
    let ips: Vec<String> = (1..=200).map(|last| format!("203.0.113.{last}")).collect();
    let ips: Vec<&str> = ips.iter().map(String::as_str).collect();
    let start = Instant::now();
    let checked = ask(settings, &["bl.example"], &ips).await;
    // One wave of silences takes 2 seconds, and 24 would be 48.
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    let count = |answer: Answer| {
        checked
            .listings
            .iter()
            .filter(|listing| listing.answer == answer)
            .count()
    };
    assert_eq!((count(Answer::NotListed), count(Answer::Timeout)), (8, 192));
    assert_eq!(health(&checked), [&HealthVerdict::Failed(Failure::Timeout)]);
}

#[tokio::test]
async fn a_resolver_that_does_not_answer_is_named() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let settings = Settings {
        servers: vec![Nameserver(silent.local_addr().unwrap())],
        timeout: Some(Duration::from_millis(200)),
        tries: "1".parse().ok(),
        ..Settings::default()
    };
    let checked = all(&settings, &["203.0.113.5"], &[]).await;
    assert!(
        checked
            .listings
            .iter()
            .all(|listing| listing.answer == Answer::Timeout),
        "{checked:?}"
    );
    let name = format!("resolver {} has no answer from ", silent.local_addr().unwrap());
    assert!(
        checked.warnings.iter().any(|text| text.starts_with(&name)),
        "{:?}",
        checked.warnings
    );
    assert_eq!(
        checked.names.first().unwrap().ptr,
        Ptr::Unknown("no answer in time".into())
    );
}

#[tokio::test]
async fn no_dns_asks_nothing() {
    let listener = Faulty::start(|_| None);
    let settings = Settings {
        servers: vec![Nameserver(listener.at)],
        no_dns: true,
        ..Settings::default()
    };
    let checked = ask(settings, &["bl.example"], &["203.0.113.5"]).await;
    assert_eq!(checked, Checked::default());
    assert_eq!(listener.asked(), BTreeSet::new());
}

#[tokio::test]
async fn zones_that_bounces_name_are_asked_and_those_that_cannot_answer_are_left_alone() {
    let listener = Faulty::start(|query| Some(answer(query, &[])));
    let settings = Settings {
        servers: vec![Nameserver(listener.at)],
        without: vec![zone("psbl.surriel.com")],
        zones: vec![zone("extra.example.net")],
        ..Settings::default()
    };
    let named = [
        "bl.receiver.example",
        "dnsbl.sorbs.net",
        "key0123.zen.dq.spamhaus.net",
        "psbl.surriel.com",
    ];
    let checked = all(&settings, &["203.0.113.5"], &named.map(zone)).await;
    assert_eq!(checked.not_asked.len(), 2, "{:?}", checked.not_asked);
    let asked = listener.asked();
    for name in [
        "bl.receiver.example",
        "extra.example.net",
        "zen.spamhaus.org",
        "gmo-rbl.jp",
    ] {
        assert!(
            asked.contains(&format!("5.113.0.203.{name}.")) || asked.contains(&format!("2.0.0.127.{name}.")),
            "{name}"
        );
    }
    for name in ["sorbs", "dq.spamhaus", "surriel"] {
        assert!(!asked.iter().any(|asked| asked.contains(name)), "{name}");
    }
}

#[tokio::test]
async fn a_cut_answer_without_tcp_is_an_error() {
    let faulty = Faulty::start(|query| {
        let mut cut = answer(query, &[]);
        cut.metadata.truncation = true;
        Some(cut)
    });
    let settings = Settings {
        servers: vec![Nameserver(faulty.at)],
        ..Settings::default()
    };
    let checked = ask(settings, &["bl.example"], &["203.0.113.5"]).await;
    assert!(
        matches!(
            one(&checked, "bl.example", "203.0.113.5").answer,
            Answer::Error(_)
        ),
        "{checked:?}"
    );
}

#[tokio::test]
async fn a_code_that_no_resolver_should_give_is_an_error() {
    let faulty = Faulty::start(|query| {
        let mut refusal = answer(query, &[]);
        refusal.metadata.response_code = ResponseCode::NotImp;
        Some(refusal)
    });
    let settings = Settings {
        servers: vec![Nameserver(faulty.at)],
        ..Settings::default()
    };
    let checked = ask(settings, &["bl.example"], &["203.0.113.5"]).await;
    assert_eq!(
        one(&checked, "bl.example", "203.0.113.5").answer,
        Answer::Error("NOTIMP".into())
    );
}

#[tokio::test]
async fn a_cname_on_the_way_is_no_code_of_its_own_and_txt_is_joined_from_its_strings() {
    let faulty = Faulty::start(|query| {
        let question = query.queries.first()?;
        let (asked, target) = (question.name(), Name::from_ascii("answers.example.").ok()?);
        let listed =
            ["2.0.0.127.bl.example.", "5.113.0.203.bl.example."].contains(&asked.to_ascii().as_str());
        let data = match question.query_type() {
            RecordType::A => RData::A(rdata::A::new(127, 0, 0, 2)),
            RecordType::TXT => RData::TXT(rdata::TXT::new(vec!["one ".into(), "text".into()])),
            _ => return Some(answer(query, &[])),
        };
        let alias = Record::from_rdata(asked.clone(), 60, RData::CNAME(rdata::CNAME(target.clone())));
        let records = [alias, Record::from_rdata(target, 30, data)];
        Some(answer(query, if listed { &records } else { &[] }))
    });
    let settings = Settings {
        servers: vec![Nameserver(faulty.at)],
        ..Settings::default()
    };
    let checked = ask(settings, &["bl.example"], &["203.0.113.5", "203.0.113.6"]).await;
    let listing = one(&checked, "bl.example", "203.0.113.5");
    assert_eq!(listing.answer, listed(&["127.0.0.2"]));
    assert_eq!(listing.text.as_deref(), Some("one text"));
    assert_eq!(listing.ttl, Some(Duration::from_secs(30)));
    assert_eq!(
        one(&checked, "bl.example", "203.0.113.6").answer,
        Answer::NotListed
    );
}

#[tokio::test]
async fn a_txt_record_too_long_for_a_datagram_comes_over_tcp() {
    let long = "a reason that takes its time ".repeat(8);
    let strings = format!("\"{}\" ", long.trim_end()).repeat(12);
    let servers = Zones::default()
        .ipv4("bl.example", TEST_ENTRY)
        .record("5.113.0.203.bl.example. A 127.0.0.2")
        .record(&format!("5.113.0.203.bl.example. TXT {strings}"))
        .start();
    let checked = ask(at(&servers), &["bl.example"], &["203.0.113.5"]).await;
    let listing = one(&checked, "bl.example", "203.0.113.5");
    assert_eq!(listing.answer, listed(&["127.0.0.2"]));
    assert_eq!(listing.text.as_ref().unwrap().len(), 12 * long.trim_end().len());
}

#[tokio::test]
async fn a_name_is_confirmed_when_it_leads_back() {
    let servers = Zones::default()
        .record("5.113.0.203.in-addr.arpa. PTR other.example.jp.")
        .record("5.113.0.203.in-addr.arpa. PTR mail.shop.example.jp.")
        .record("mail.shop.example.jp. A 203.0.113.5")
        .record("other.example.jp. A 203.0.113.99")
        .record("6.113.0.203.in-addr.arpa. PTR sv6.hosting.example.jp.")
        .record("5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa. PTR mail.shop.example.jp.")
        .record("mail.shop.example.jp. AAAA 2001:db8::25")
        .lame("8.113.0.203.in-addr.arpa")
        .start();
    let ips = [
        "203.0.113.5",
        "203.0.113.6",
        "203.0.113.7",
        "203.0.113.8",
        "2001:db8::25",
    ];
    let checked = ask(at(&servers), &["bl.example"], &ips).await;
    let mut ptrs = checked.names.iter().map(|names| names.ptr.clone());
    assert_eq!(ptrs.next(), Some(Ptr::Confirmed("mail.shop.example.jp".into())));
    assert_eq!(
        ptrs.next(),
        Some(Ptr::Unconfirmed(vec!["sv6.hosting.example.jp".into()]))
    );
    assert_eq!(ptrs.next(), Some(Ptr::None));
    assert_eq!(ptrs.next(), Some(Ptr::Unknown("SERVFAIL".into())));
    assert_eq!(ptrs.next(), Some(Ptr::Confirmed("mail.shop.example.jp".into())));
    assert_eq!(ptrs.next(), None);
}
