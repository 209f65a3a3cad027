//! Names, owners and mail hosts, and what is not asked twice.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use bounceaudit::check::{self, Answer, Checked, Exchange, Known, Mx, Owner, Ptr, Questions, Settings};
use bounceaudit::event::{ReceivingDomain, Timestamp};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::{RData, Record, RecordType, rdata};

use crate::faulty::{Faulty, answer};
use crate::servers::{TEST_ENTRY, Zones};
use crate::{at, catalogue, listed, one, zone};

const NOW: &str = "2021-12-27T10:00:00+09:00";

async fn asked(settings: &Settings, ips: &[&str], domains: &[&str], known: &Known, now: &str) -> Checked {
    let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
    let domain = |domain: &&str| ReceivingDomain::of(&format!("a@{domain}")).unwrap();
    let domains: Vec<_> = domains.iter().map(domain).collect();
    let questions = Questions {
        ips: &ips,
        zones: &[],
        domains: &domains,
        known,
    };
    let now: Timestamp = now.parse().unwrap();
    check::all(settings, &catalogue(), questions, now).await.unwrap()
}

/// Team Cymru's and Abusix's answers in the forms that both document, about networks for documentation.
fn owners() -> Zones {
    Zones::default()
        .record("5.113.0.203.origin.asn.cymru.com. TXT \"64500 64501 | 203.0.113.0/25 | JP | apnic | 2010-01-01\"")
        .record("5.113.0.203.origin.asn.cymru.com. TXT \"64499 | 203.0.112.0/22 | JP | apnic | 2009-01-01\"")
        .record("AS64500.asn.cymru.com. TXT \"64500 | JP | apnic | 2010-01-01 | EXAMPLE-NET - Example\" \" Hosting KK, JP\"")
        .record("5.113.0.203.abuse-contacts.abusix.zone. TXT \"abuse@hosting.example.jp,noc@hosting.example.jp\"")
        .record("5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.origin6.asn.cymru.com. TXT \"64502 | 2001:db8::/32 | | |\"")
        .lame("7.100.51.198.origin.asn.cymru.com")
}

#[tokio::test]
async fn the_owner_of_a_network_is_told_by_number_name_prefix_and_abuse_address() {
    let servers = owners().ipv4("bl.example", TEST_ENTRY).start();
    let settings = Settings {
        only_zones: vec![zone("bl.example")],
        ..at(&servers)
    };
    let ips = [
        "192.0.2.1",
        "198.51.100.7",
        "203.0.113.5",
        "203.0.113.6",
        "2001:db8::25",
    ];
    let checked = asked(&settings, &ips, &[], &Known::default(), NOW).await;
    let owners: Vec<_> = checked.names.iter().map(|names| &names.owner).collect();
    let [nobody, failed, long, same, ipv6] = owners.as_slice() else {
        panic!("{owners:?}")
    };
    assert_eq!(**nobody, Owner::NotAnnounced);
    assert_eq!(**failed, Owner::Unknown("SERVFAIL".into()));
    let Owner::Known(network) = long else {
        panic!("{long:?}")
    };
    assert_eq!(network.prefix.to_string(), "203.0.113.0/25");
    assert_eq!(network.systems, [64500, 64501]);
    assert_eq!(
        network.to_string(),
        "EXAMPLE-NET - Example Hosting KK, JP (AS64500)"
    );
    assert_eq!(
        network.abuse,
        ["abuse@hosting.example.jp", "noc@hosting.example.jp"]
    );
    assert_eq!(same, long);
    let Owner::Known(network) = ipv6 else {
        panic!("{ipv6:?}")
    };
    assert_eq!((network.to_string(), network.abuse.len()), ("AS64502".into(), 0));
}

#[tokio::test]
async fn one_address_of_a_prefix_is_asked_and_none_with_owner_switched_off() {
    let (log, counted) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
    for (owner, log) in [(None, &log), (Some(false), &counted)] {
        let seen = Arc::clone(log);
        let server = Faulty::start(move |query| {
            let name = query.queries.first()?.name().to_ascii();
            seen.lock().unwrap().push(name.clone());
            let text = match name.as_str() {
                name if name.contains("origin.asn") => "64500 | 203.0.112.0/22 | JP | apnic | 2010-01-01",
                name if name.starts_with("AS") => "64500 | JP | apnic | 2010-01-01 | EXAMPLE-NET",
                name if name.contains("abuse-contacts") => "abuse@hosting.example.jp",
                _ => return Some(answer(query, &[])),
            };
            Some(texts(query, text))
        });
        let settings = Settings {
            servers: vec![check::Nameserver(server.at)],
            only_zones: vec![zone("bl.example")],
            owner,
            ..Settings::default()
        };
        let ips: Vec<String> = (0..100)
            .map(|at| format!("203.0.{}.{}", 112 + at % 4, at))
            .collect();
        let ips: Vec<&str> = ips.iter().map(String::as_str).collect();
        let checked = asked(&settings, &ips, &[], &Known::default(), NOW).await;
        assert_eq!(checked.names.len(), 100);
        let known = checked
            .names
            .iter()
            .filter(|names| matches!(names.owner, Owner::Known(_)));
        assert_eq!(known.count(), if owner.is_none() { 100 } else { 0 });
    }
    let count = |log: &Mutex<Vec<String>>, part: &str| {
        let log = log.lock().unwrap();
        log.iter().filter(|name| name.contains(part)).count()
    };
    for part in ["origin.asn.cymru.com", "AS64500.asn.cymru.com", "abuse-contacts"] {
        assert_eq!((count(&log, part), count(&counted, part)), (1, 0), "{part}");
    }
}

#[tokio::test]
async fn where_nothing_is_announced_one_address_speaks_for_its_neighbours() {
    let server = Faulty::start(|query| Some(answer(query, &[])));
    let settings = Settings {
        servers: vec![check::Nameserver(server.at)],
        only_zones: vec![zone("bl.example")],
        ..Settings::default()
    };
    let ips: Vec<String> = (1..=100).map(|last| format!("203.0.113.{last}")).collect();
    let ips: Vec<&str> = ips.iter().map(String::as_str).collect();
    let checked = asked(&settings, &ips, &[], &Known::default(), NOW).await;
    assert!(
        checked
            .names
            .iter()
            .all(|names| names.owner == Owner::NotAnnounced)
    );
    let asked = server.asked();
    let origins = asked.iter().filter(|name| name.contains("origin.asn")).count();
    // One in each of the widening looks at the block that holds them all.
    assert!(origins <= 5, "{origins}");
}

#[tokio::test]
async fn only_these_zones_leaves_names_owner_and_mail_hosts_to_be_asked_and_nothing_else() {
    let server = Faulty::start(|query| Some(answer(query, &[])));
    let settings = Settings {
        servers: vec![check::Nameserver(server.at)],
        only_zones: vec![zone("bl.example")],
        ..Settings::default()
    };
    let ips = ["203.0.113.5"];
    asked(&settings, &ips, &["kaisha.example.co.jp"], &Known::default(), NOW).await;
    let mut names = server.asked();
    for name in [
        "5.113.0.203.in-addr.arpa.",
        "5.113.0.203.origin.asn.cymru.com.",
        "kaisha.example.co.jp.",
    ] {
        assert!(names.remove(name), "{name}: {names:?}");
    }
    // The test entries, a made-up name, and the address.
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(
        names.iter().all(|name| name.ends_with(".bl.example.")),
        "{names:?}"
    );
}

fn texts(query: &Message, text: &str) -> Message {
    let Some(question) = query
        .queries
        .first()
        .filter(|question| question.query_type() == RecordType::TXT)
    else {
        return answer(query, &[]);
    };
    let data = RData::TXT(rdata::TXT::new(vec![text.into()]));
    answer(query, &[Record::from_rdata(question.name().clone(), 60, data)])
}

#[tokio::test]
async fn mail_hosts_come_by_preference_once_for_each_domain() {
    let servers = Zones::default()
        .record("kaisha.example.co.jp. MX 20 backup.example.net.")
        .record("kaisha.example.co.jp. MX 10 kaisha-example-co-jp.Mail.Protection.Outlook.com.")
        .record("takes-none.example. MX 0 .")
        .lame("lame.example")
        .start();
    let domains = [
        "kaisha.example.co.jp",
        "kaisha.example.co.jp",
        "lame.example",
        "nowhere.example",
        "takes-none.example",
    ];
    let checked = asked(&at(&servers), &[], &domains, &Known::default(), NOW).await;
    let found: Vec<_> = checked
        .exchanges
        .iter()
        .map(|one| (one.domain.as_str(), &one.mx))
        .collect();
    let hosts = [
        "kaisha-example-co-jp.mail.protection.outlook.com",
        "backup.example.net",
    ];
    assert_eq!(
        found,
        [
            (
                "kaisha.example.co.jp",
                &Mx::Hosts(hosts.map(str::to_owned).to_vec())
            ),
            ("lame.example", &Mx::Unknown("SERVFAIL".into())),
            ("nowhere.example", &Mx::None),
            ("takes-none.example", &Mx::None),
        ]
    );
    assert_eq!(checked.listings, []);
}

#[tokio::test]
async fn what_still_holds_by_its_ttl_is_not_asked_again_and_what_does_not_is() {
    let lines = format!("$TTL 600\n{TEST_ENTRY}203.0.113.5 :127.0.0.2:spam\n");
    let servers = Zones::default()
        .ipv4("bl.example", &lines)
        .record("5.113.0.203.in-addr.arpa. 600 PTR mail.shop.example.jp.")
        .record("mail.shop.example.jp. 600 A 203.0.113.5")
        .record("shop.example.jp. 600 MX 10 mail.shop.example.jp.")
        .start();
    let settings = Settings {
        only_zones: vec![zone("bl.example")],
        owner: Some(false),
        ..at(&servers)
    };
    let first = asked(
        &settings,
        &["203.0.113.5"],
        &["shop.example.jp"],
        &Known::default(),
        NOW,
    )
    .await;
    let known = Known {
        listings: first.listings.clone(),
        names: first.names.clone(),
        exchanges: first.exchanges.clone(),
    };
    let listener = Faulty::start(|query| Some(answer(query, &[])));
    let elsewhere = Settings {
        servers: vec![check::Nameserver(listener.at)],
        ..settings.clone()
    };
    let (soon, later) = ("2021-12-27T10:09:00+09:00", "2021-12-27T10:11:00+09:00");
    let again = asked(&elsewhere, &["203.0.113.5"], &["shop.example.jp"], &known, soon).await;
    assert_eq!(listener.asked().len(), 0);
    assert_eq!(
        one(&again, "bl.example", "203.0.113.5").answer,
        listed(&["127.0.0.2"])
    );
    assert_eq!(
        (again.listings, again.names, again.exchanges),
        (first.listings, first.names, first.exchanges)
    );

    let again = asked(&elsewhere, &["203.0.113.5"], &["shop.example.jp"], &known, later).await;
    let names = listener.asked();
    for name in [
        "5.113.0.203.bl.example.",
        "5.113.0.203.in-addr.arpa.",
        "shop.example.jp.",
        "2.0.0.127.bl.example.",
    ] {
        assert!(names.contains(name), "{name}: {names:?}");
    }
    assert!(matches!(
        one(&again, "bl.example", "203.0.113.5").answer,
        Answer::Error(_)
    ));
    assert_eq!(again.names[0].ptr, Ptr::None);
    assert!(matches!(&again.exchanges[..], [Exchange { mx: Mx::None, .. }]));
}
