//! The replies behind the mission's stories, and what has to hold of addresses and lists across all rules.

use crate::catalogue::examples::{event, whole, wrong};
use crate::catalogue::rules::{Example, WholeExample};
use crate::catalogue::{Catalogue, List};

/// A reply, and the reason, address, list, zone, code and removal address of its verdict.
const STORIES: [(&str, [&str; 6]); 8] = [
    (
        "550 5.7.1 Service unavailable, Client host [192.0.2.10] blocked using Spamhaus. To request removal from this list see https://www.spamhaus.org/query/ip/192.0.2.10 (AS3130). [TY2JPN01FT010.eop-JPN01.prod.protection.outlook.com]",
        [
            "blocked",
            "192.0.2.10",
            "spamhaus",
            "",
            "AS3130",
            "https://www.spamhaus.org/query/ip/192.0.2.10",
        ],
    ),
    (
        "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using zen.spamhaus.org; https://www.spamhaus.org/query/ip/192.0.2.10",
        [
            "blocked",
            "192.0.2.10",
            "spamhaus-zen",
            "zen.spamhaus.org",
            "",
            "https://www.spamhaus.org/query/ip/192.0.2.10",
        ],
    ),
    (
        "550 5.7.1 Service unavailable, Client host [192.0.2.185] blocked using Spamhaus. To request removal from this list see http://www.spamhaus.org/lookup.lasso (AS16012611) [TY1JPN01FT004.eop-JPN01.prod.protection.outlook.com]",
        [
            "blocked",
            "192.0.2.185",
            "spamhaus",
            "",
            "AS16012611",
            "http://www.spamhaus.org/lookup.lasso",
        ],
    ),
    (
        "554 5.7.1 Service unavailable; Client host [192.0.2.77] blocked using gmo-rbl.jp; Poor Reputation Sender",
        ["blocked", "192.0.2.77", "gmo-rbl", "gmo-rbl.jp", "", ""],
    ),
    (
        "550 5.7.1 Service unavailable; Client host [192.0.2.44] blocked using Blocklist 1, mail from IP banned; To request removal from this list please forward this message to delist@messaging.microsoft.com and include your ip address 192.0.2.44 .",
        [
            "blocked",
            "192.0.2.44",
            "microsoft-365",
            "",
            "",
            "mailto:delist@messaging.microsoft.com",
        ],
    ),
    (
        "550 5.7.1 Unfortunately, messages from [192.0.2.99] weren't sent. Please contact your Internet service provider since part of their network is on our block list (S3150). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors. [VI1EUR04FT031.eop-eur04.prod.protection.outlook.com]",
        [
            "blocked",
            "192.0.2.99",
            "microsoft-outlook",
            "",
            "S3150",
            "http://mail.live.com/mail/troubleshooting.aspx#errors",
        ],
    ),
    (
        "550 5.7.1 Unfortunately, messages from [999.999.999.999] weren’t sent. Please contact your Internet service provider since part of their network is on our block list (S3150). You can also refer your provider to http://mail.live.com/mail/troubleshooting.aspx#errors. [XXXXXXXXXX.eop-eur04.prod.protection.outlook.com",
        [
            "blocked",
            "",
            "microsoft-outlook",
            "",
            "S3150",
            "http://mail.live.com/mail/troubleshooting.aspx#errors",
        ],
    ),
    (
        "554 5.7.1 Service unavailable; Client host [192.0.2.99] blocked using zen.spamhaus.org; Error: open resolver; https://check.spamhaus.org/returnc/pub/198.51.100.53/",
        [
            "receiver-fault",
            "192.0.2.99",
            "spamhaus-zen",
            "zen.spamhaus.org",
            "",
            "",
        ],
    ),
];

/// The replies behind the stories of the mission, as their bounces quote them, and the verdict that must come out.
#[test]
fn the_stories_get_their_verdicts() {
    let catalogue = Catalogue::built_in().unwrap();
    for (reply, [reason, ip, blocklist, zone, code, removal]) in STORIES {
        let example = WholeExample {
            reply: reply.to_owned(),
            ip: Some(ip.to_owned()),
            blocklist: Some(blocklist.to_owned()),
            zone: Some(zone.to_owned()),
            code: Some(code.to_owned()),
            removal: Some(removal.to_owned()),
            ..WholeExample::default()
        };
        let verdict = catalogue.classify(event(&example)).verdict;
        assert_eq!(verdict.reason.to_string(), reason, "{reply}");
        assert_eq!(wrong(&example, &verdict), Vec::<String>::new(), "{reply}");
    }
}

#[test]
fn a_list_that_was_dead_when_the_bounce_was_written_is_the_receivers_fault() {
    let catalogue = Catalogue::built_in().unwrap();
    let reply = "521 5.7.1 Service unavailable; client [203.0.113.225] blocked using dnsbl.sorbs.net";
    let reason = |bounced_at: Option<&str>| {
        let mut event = event(&whole(&Example::Reply(reply.to_owned())));
        event.times.bounced_at = bounced_at.map(|at| at.parse().unwrap());
        catalogue.classify(event).verdict.reason.to_string()
    };
    assert_eq!(reason(Some("2024-07-01T00:00:00+00:00")), "receiver-fault");
    assert_eq!(reason(Some("2023-07-01T00:00:00+00:00")), "blocked");
    assert_eq!(reason(None), "blocked");
    // in the month of its death, and on the last day before it
    assert_eq!(reason(Some("2024-06-01T00:00:00+00:00")), "receiver-fault");
    assert_eq!(reason(Some("2024-05-31T23:59:59+00:00")), "blocked");
}

#[test]
fn every_dead_zone_is_a_block_before_its_end_and_the_receivers_fault_after_it() {
    let catalogue = Catalogue::built_in().unwrap();
    let mut dead = 0;
    for zone in catalogue.lists().iter().flat_map(List::zones) {
        let Some(month) = zone.dead_since.filter(|_| !zone.needs_key) else {
            continue;
        };
        dead += 1;
        let year: i32 = month.to_string().get(..4).unwrap().parse().unwrap();
        for (in_year, want) in [(year - 1, "blocked"), (year + 1, "receiver-fault")] {
            let reply = format!(
                "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using {}",
                zone.zone
            );
            let mut event = event(&whole(&Example::Reply(reply)));
            event.times.bounced_at = Some(format!("{in_year}-07-15T12:00:00+09:00").parse().unwrap());
            let verdict = catalogue.classify(event).verdict;
            assert_eq!(verdict.reason.to_string(), want, "{} in {in_year}", zone.zone);
            assert_eq!(verdict.zone.as_ref(), Some(&zone.zone));
        }
    }
    assert!(dead > 20, "{dead}");
}

#[test]
fn the_receiving_hosts_own_address_is_never_the_blocked_one() {
    let catalogue = Catalogue::built_in().unwrap();
    let reply = "554 5.7.1 203.0.113.9 is blocked, see https://lists.example/?ip=203.0.113.9";
    let mut event = event(&whole(&Example::Reply(reply.to_owned())));
    event.remote_ip = Some("::ffff:203.0.113.9".parse().unwrap());
    assert_eq!(catalogue.classify(event).verdict.blocked_ip, None);
}

#[test]
fn the_refused_address_is_found_in_each_of_its_forms() {
    let roles = &Catalogue::built_in().unwrap().judge.roles;
    for reply in [
        "554 5.7.1 Client host [IPv6:2001:db8::25] blocked using bl.example.net",
        "554 5.7.1 Client host [2001:0DB8:0:0:0:0:0:25] blocked using bl.example.net",
        "554 5.7.1 client 2001:db8::25 blocked using bl.example.net",
        "554 5.7.1 2001:db8::25: blocked",
        "554 blocked, see https://lists.example/query/ip/2001:db8::25",
        "554 blocked, see https://lists.example/?ip=2001%3Adb8%3A%3A25&c=bip",
        "554 host mx.receiver.example[203.0.113.9] said: 554 client [2001:db8::25] blocked",
    ] {
        let found = roles.refused(reply, None).map(|ip| ip.to_string());
        assert_eq!(found.as_deref(), Some("2001:db8::25"), "{reply}");
    }
    for reply in [
        "554 5.7.1 Client host [::ffff:192.0.2.10] blocked using bl.example.net",
        "554 5.7.1 <mx.sender.example[192.0.2.10]>: Client host rejected: blocked",
        "554 blocked, see http://lists.example/bl.shtml?192.0.2.10",
        "554 blocked: mx.sender.example (helo.sender.example) [192.0.2.10]:34032",
        "554 192.0.2.10/32 is listed",
    ] {
        let found = roles.refused(reply, None).map(|ip| ip.to_string());
        assert_eq!(found.as_deref(), Some("192.0.2.10"), "{reply}");
    }
}

#[test]
fn the_company_that_we_send_through_is_not_who_lists_us() {
    let catalogue = Catalogue::built_in().unwrap();
    for client in [
        "mx1.strato.de",
        "sender4.zoho.com",
        "wsip-192-0-2-10.sd.cox.net",
        "mx0a-0001.pphosted.com",
        "mail-ab1.outbound.protection.outlook.com",
    ] {
        let reply = format!("554 5.7.1 <{client}[192.0.2.10]>: Client host rejected: blacklisted");
        let verdict = catalogue.classify(event(&whole(&Example::Reply(reply)))).verdict;
        assert_eq!(
            verdict.blocked_ip.map(|ip| ip.to_string()).as_deref(),
            Some("192.0.2.10")
        );
        assert_eq!(verdict.blocklist, None, "{client}");
    }
}

#[test]
fn the_page_for_removal_tells_who_keeps_the_list() {
    let catalogue = Catalogue::built_in().unwrap();
    for (page, list) in [
        ("http://blacklist.example.net/Help/17", Some("example")),
        ("https://postmaster.kaisha.co.jp/", Some("kaisha")),
        ("http://feedback.yandex.ru/?from=mail-rejects", Some("yandex")),
        ("https://www.example.net/help", None),
        ("http://rbl.example/", None),
    ] {
        let reply = format!("550 5.7.1 Your IP 192.0.2.10 is blocked, see {page}");
        let verdict = catalogue.classify(event(&whole(&Example::Reply(reply)))).verdict;
        assert_eq!(verdict.blocklist.map(|id| id.0).as_deref(), list, "{page}");
    }
}

#[test]
fn a_masked_or_impossible_address_hides_the_others() {
    let roles = &Catalogue::built_in().unwrap().judge.roles;
    for reply in [
        "550 messages from [999.999.999.999] weren't sent; see http://203.0.113.9/",
        "550 Client host [x.x.x.x] blocked, see https://lists.example/?ip=203.0.113.9",
        "550 Client host [#.#.#.#] blocked by 203.0.113.9",
        "550 Client host [127.0.0.1] blocked by 203.0.113.9",
    ] {
        assert_eq!(roles.refused(reply, None), None, "{reply}");
    }
}

#[test]
fn a_customers_key_in_a_zone_is_masked() {
    let catalogue = Catalogue::built_in().unwrap();
    for (zone, list) in [
        ("zen.dq.spamhaus.net", "spamhaus-zen"),
        ("sbl.dq.spamhaus.net", "spamhaus-sbl"),
        ("combined.mail.abusix.zone", "abusix"),
    ] {
        let reply = format!(
            "554 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using a1b2c3d4e5f6.{zone}"
        );
        let verdict = catalogue.classify(event(&whole(&Example::Reply(reply)))).verdict;
        assert_eq!(verdict.zone.unwrap().as_str(), format!("***.{zone}"));
        assert_eq!(verdict.blocklist.unwrap().0, list);
    }
}

#[test]
fn any_reply_gets_a_verdict() {
    let catalogue = Catalogue::built_in().unwrap();
    proptest::proptest!(proptest::test_runner::Config::with_cases(64), |(reply in ".{0,120}")| {
        let verdict = catalogue.classify(event(&whole(&Example::Reply(reply)))).verdict;
        proptest::prop_assert!(verdict.blocked_ip.is_none_or(|ip| !ip.is_loopback()));
    });
}
