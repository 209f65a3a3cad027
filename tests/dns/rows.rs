//! What each answer means, each row of the table once, from a real list through a real resolver.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bounceaudit::check::{Answer, HealthVerdict, Nameserver, Settings};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{RData, Record, rdata};

use crate::faulty::{Faulty, answer};
use crate::servers::{TEST_ENTRY, Zones};
use crate::{ask, at, health, one};

/// Zone, what it answers about 203.0.113.5, the word, and a part of the meaning.
const ROWS: [(&str, &str, &str, &str); 14] = [
    ("zen.spamhaus.org", "127.0.0.4", "listed", "XBL"),
    (
        "bl.spamcop.net",
        "127.0.0.77",
        "listed",
        "code 127.0.0.77 not in the catalogue",
    ),
    (
        "bl.example",
        "127.0.0.9",
        "listed",
        "code 127.0.0.9 not in the catalogue",
    ),
    ("psbl.surriel.com", "127.255.255.252", "error", "mistyped"),
    ("sbl.spamhaus.org", "127.255.255.254", "refused", "public, open"),
    (
        "xbl.spamhaus.org",
        "127.255.255.255",
        "refused",
        "too many questions",
    ),
    (
        "pbl.spamhaus.org",
        "127.255.255.1",
        "error",
        "error code 127.255.255.1",
    ),
    (
        "bl.mailspike.net",
        "127.0.0.1",
        "refused",
        "turns this resolver away",
    ),
    ("dnsbl-1.uceprotect.net", "127.0.1.255", "error", "lists domains"),
    (
        "list.dnswl.org",
        "127.0.0.255",
        "refused",
        "limit of free questions",
    ),
    ("dnsbl.dronebl.org", "127.0.0.255", "listed", ""),
    ("hostkarma.junkemailfilter.com", "127.0.0.1", "not-listed", ""),
    ("b.barracudacentral.org", "192.0.2.1", "zone-dead", "192.0.2.1"),
    ("bl.suomispam.net", "127.0.0.2", "listed", ""),
];

#[tokio::test]
async fn each_row_of_the_table_means_what_it_says_and_the_rest_of_the_zone_stays_clean() {
    let mut zones = Zones::default();
    for (zone, code, ..) in ROWS {
        let test = match zone {
            // Its test entry has a code of its own; the mixed list holds 127.0.0.1, as white.
            "bl.suomispam.net" => "127.0.0.2 :127.0.0.99:test entry\n".to_owned(),
            "hostkarma.junkemailfilter.com" => format!("{TEST_ENTRY}127.0.0.1 :127.0.0.1:white\n"),
            _ => TEST_ENTRY.to_owned(),
        };
        zones = zones.ipv4(zone, &format!("{test}203.0.113.5 :{code}:said of $\n"));
    }
    let servers = zones.start();
    let names = ROWS.map(|(zone, ..)| zone);
    let settings = Settings {
        per_zone: "1".parse().ok(),
        ..at(&servers)
    };
    let checked = ask(settings, &names, &["203.0.113.4", "203.0.113.5"]).await;
    for (zone, code, word, meaning) in ROWS {
        let listing = one(&checked, zone, "203.0.113.5");
        assert_eq!(listing.answer.word(), word, "{zone} {code}: {listing:?}");
        assert!(
            listing.in_words().unwrap_or_default().contains(meaning),
            "{listing:?}"
        );
        let text = (word == "listed").then(|| "said of 203.0.113.5".to_owned());
        assert_eq!(listing.text, text, "{zone}");
        // An allow list has no listing that could prove it alive.
        let before = if zone == "list.dnswl.org" {
            "error"
        } else {
            "not-listed"
        };
        assert_eq!(one(&checked, zone, "203.0.113.4").answer.word(), before, "{zone}");
    }
}

#[tokio::test]
async fn an_allow_list_lists_nobody_whatever_it_answers() {
    let lines = format!("{TEST_ENTRY}203.0.113.5 :127.0.10.3:trusted\n");
    let servers = Zones::default().ipv4("list.dnswl.org", &lines).start();
    let checked = ask(at(&servers), &["list.dnswl.org"], &["203.0.113.5"]).await;
    assert_eq!(
        one(&checked, "list.dnswl.org", "203.0.113.5").answer.word(),
        "error"
    );
}

#[tokio::test]
async fn a_zone_of_ipv6_alone_clears_ipv6_alone() {
    let lines = "::ffff:7f00:2/128 :127.0.0.2:test entry\n2001:db8::25/128 :127.0.0.2:spam\n";
    let servers = Zones::default().ipv6("six.example", lines).start();
    let ips = ["203.0.113.5", "2001:db8::25", "2001:db8::26"];
    let checked = ask(at(&servers), &["six.example"], &ips).await;
    let words = ips.map(|ip| one(&checked, "six.example", ip).answer.word());
    assert_eq!(words, ["error", "listed", "not-listed"]);
    assert_eq!(
        health(&checked),
        [&HealthVerdict::NoTestEntry, &HealthVerdict::Healthy]
    );
}

#[tokio::test]
async fn a_slow_answer_within_the_time_of_a_try_is_an_answer() {
    let lines = format!("{TEST_ENTRY}203.0.113.5 :127.0.0.2:spam\n");
    let lists = Zones::default().ipv4("bl.example", &lines).start();
    let upstream = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    upstream.connect(lists.resolver).unwrap();
    let slow = Faulty::start(move |query| {
        std::thread::sleep(Duration::from_millis(100));
        let mut datagram = [0; 4096];
        upstream.send(&query.to_vec().ok()?).ok()?;
        let length = upstream.recv(&mut datagram).ok()?;
        Message::from_vec(datagram.get(..length)?).ok()
    });
    let settings = Settings {
        servers: vec![Nameserver(slow.at)],
        timeout: Some(Duration::from_secs(5)),
        ..Settings::default()
    };
    let checked = ask(settings, &["bl.example"], &["203.0.113.5", "203.0.113.6"]).await;
    assert!(matches!(
        one(&checked, "bl.example", "203.0.113.5").answer,
        Answer::Listed(_)
    ));
    assert_eq!(
        one(&checked, "bl.example", "203.0.113.6").answer,
        Answer::NotListed
    );
}

/// Answers the test of a zone and nothing after it; tells when it first heard each name.
fn after_the_test(heard: &Arc<Mutex<Vec<(Instant, String)>>>) -> Faulty {
    let heard = Arc::clone(heard);
    Faulty::start(move |query| {
        let question = query.queries.first()?;
        let name = question.name().to_ascii();
        if !name.contains(".113.0.203.") {
            let code = RData::A(rdata::A::new(127, 0, 0, 2));
            let listed = Record::from_rdata(question.name().clone(), 60, code);
            let records = if name.starts_with("2.0.0.127.") {
                vec![listed]
            } else {
                vec![]
            };
            return Some(answer(query, &records));
        }
        let mut heard = heard.lock().unwrap();
        if heard.iter().all(|(_, known)| *known != name) {
            heard.push((Instant::now(), name));
        }
        None
    })
}

#[tokio::test]
async fn no_more_questions_are_open_than_the_settings_allow() {
    let timeout = Duration::from_millis(800);
    for (per_zone, concurrency, most) in [("3", "64", 2 * 3), ("8", "4", 4)] {
        let heard = Arc::default();
        let server = after_the_test(&heard);
        let settings = Settings {
            servers: vec![Nameserver(server.at)],
            timeout: Some(timeout),
            tries: "1".parse().ok(),
            per_zone: per_zone.parse().ok(),
            concurrency: concurrency.parse().ok(),
            total_time: Some(timeout * 2),
            jitter: Some(Duration::ZERO),
            owner: Some(false),
            ..Settings::default()
        };
        let ips: Vec<String> = (1..=20).map(|last| format!("203.0.113.{last}")).collect();
        let ips: Vec<&str> = ips.iter().map(String::as_str).collect();
        let checked = ask(settings, &["one.example", "two.example"], &ips).await;
        assert!(
            checked
                .listings
                .iter()
                .all(|listing| listing.answer == Answer::Timeout)
        );
        let heard = heard.lock().unwrap();
        let first = heard.iter().map(|(at, _)| *at).min().unwrap();
        let at_once = heard
            .iter()
            .filter(|(at, name)| *at < first + timeout / 2 && name.ends_with(".example."));
        let names = at_once.count();
        assert!(
            (1..=most).contains(&names),
            "{names} of at most {most}: {heard:?}"
        );
    }
}
