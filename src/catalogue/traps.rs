//! Traps that replies set, each with its other direction: who of two refuses, and which address is meant.

use crate::catalogue::Catalogue;
use crate::catalogue::examples::{event, whole, wrong};
use crate::catalogue::rules::{Example, WholeExample};

/// Microsoft's consumer mail and Microsoft 365 say the same words on the same machines: the words decide where they can,
/// else the host that was asked, and not the machine in the tail.
#[test]
fn microsofts_two_houses_are_told_apart() {
    let (consumer, pamx, company) = (
        "hotmail-com.olc.protection.outlook.com",
        "pamx1.hotmail.com",
        "example-org.mail.protection.outlook.com",
    );
    let network = "550 5.7.1 Unfortunately, messages from [192.0.2.10] weren't sent. Please contact your Internet service provider \
                   since part of their network is on our block list";
    let banned = "550 5.7.606 Access denied, banned sending IP [192.0.2.10]. To request removal from this list please visit \
                  https://sender.office.com/ and follow the directions. AS(1430)";
    let zap = "550 5.7.1 Service unavailable; Client host [192.0.2.10] blocked using Blocklist 1, mail from IP banned; To \
               request removal from this list please forward this message to delist@messaging.microsoft.com";
    let spamhaus = "550 5.7.1 Service unavailable, Client host [192.0.2.10] blocked using Spamhaus. To request removal from \
                    this list see https://www.spamhaus.org/query/ip/192.0.2.10 (AS3130).";
    let plain = "550 5.7.1 Your IP address 192.0.2.10 is blocked.";
    let table = [
        (consumer, format!("{network} (S3140)."), "microsoft-outlook"),
        (pamx, format!("{network} (S3150)."), "microsoft-outlook"),
        ("", format!("{network} (S3150)."), "microsoft-outlook"),
        (company, banned.to_owned(), "microsoft-365"),
        (consumer, banned.to_owned(), "microsoft-365"),
        ("", banned.replace("606", "649"), "microsoft-365"),
        ("", zap.to_owned(), "microsoft-365"),
        (
            company,
            zap.replace("using Blocklist 1", "using 88.blocklist.zap"),
            "microsoft-365",
        ),
        (consumer, spamhaus.to_owned(), "spamhaus"),
        (company, spamhaus.to_owned(), "spamhaus"),
        (consumer, plain.to_owned(), "microsoft-outlook"),
        (pamx, plain.to_owned(), "microsoft-outlook"),
        (company, plain.to_owned(), "microsoft-365"),
    ];
    let catalogue = Catalogue::built_in().unwrap();
    for (host, reply, list) in table {
        for tail in [
            "",
            " [DM6NAM12FT008.eop-nam12.prod.protection.outlook.com]",
            " [VI1EUR04FT031.mail.protection.outlook.com]",
        ] {
            let example = WholeExample {
                reply: format!("{reply}{tail}"),
                host: Some(host.to_owned()).filter(|host| !host.is_empty()),
                ip: Some("192.0.2.10".to_owned()),
                blocklist: Some(list.to_owned()),
                zone: Some(String::new()),
                ..WholeExample::default()
            };
            let verdict = catalogue.classify(event(&example)).verdict;
            assert_eq!(
                wrong(&example, &verdict),
                Vec::<String>::new(),
                "{host} {}",
                example.reply
            );
        }
    }
}

#[test]
fn a_list_is_named_in_round_brackets_too() {
    let catalogue = Catalogue::built_in().unwrap();
    for (reply, list, zone) in [
        (
            "554 5.7.1 Client host [192.0.2.10] blocked (zen.spamhaus.org)",
            "spamhaus-zen",
            "zen.spamhaus.org",
        ),
        (
            "554 Your IP 192.0.2.10 is blacklisted (bl.spamcop.net)",
            "spamcop",
            "bl.spamcop.net",
        ),
        (
            "554 192.0.2.10 is on a black list (bl.example.org)",
            "example",
            "bl.example.org",
        ),
        (
            "550 5.7.1 rejected, 192.0.2.10 listed (bl.example.org)",
            "example",
            "bl.example.org",
        ),
        (
            "554 5.7.1 192.0.2.10 is blacklisted (mx.example.org, ask us)",
            "",
            "",
        ),
    ] {
        let verdict = catalogue
            .classify(event(&whole(&Example::Reply(reply.to_owned()))))
            .verdict;
        assert_eq!(
            verdict.blocklist.map(|id| id.0).unwrap_or_default(),
            list,
            "{reply}"
        );
        assert_eq!(
            verdict.zone.map(|zone| zone.to_string()).unwrap_or_default(),
            zone,
            "{reply}"
        );
    }
}

/// Each trap with its other direction: the same words around an address that is refused.
#[test]
fn what_looks_like_the_refused_address_and_is_another() {
    let roles = &Catalogue::built_in().unwrap().judge.roles;
    for (reply, refused) in [
        (
            "421 4.7.0 [TSS04] Messages from 192.0.2.10 temporarily deferred due to user complaints - 4.16.55.1; see",
            Some("192.0.2.10"),
        ),
        (
            "421 4.7.0 [TSS04] Messages temporarily deferred due to user complaints - 4.16.55.1; see",
            None,
        ),
        (
            "421 Too many messages (1.5.6.1) from 192.0.2.10",
            Some("192.0.2.10"),
        ),
        ("421 Too many messages (1.5.6.1)", None),
        (
            "554 5.7.1 Your IP 192.0.2.10 lies in the blocked range 192.0.2.0/24",
            Some("192.0.2.10"),
        ),
        ("554 5.7.1 Your network 192.0.2.0/24 is blocked", None),
        ("554 5.7.1 192.0.2.0-192.0.2.255 is blocked", None),
        (
            "554 Client host [192.0.2.10] blocked using bl.example.org; 127.0.0.2",
            Some("192.0.2.10"),
        ),
        ("554 blocked using bl.example.org; 127.0.0.2", None),
        (
            "554 blocked using bl.example.org; Error: open resolver; https://check.spamhaus.org/returnc/pub/198.51.100.53/",
            None,
        ),
        (
            "554 192.0.2.10 blocked; Your DNS IP: 198.51.100.53",
            Some("192.0.2.10"),
        ),
        (
            "554 host mx.receiver.example[198.51.100.7] said: 554 192.0.2.10 is blocked",
            Some("192.0.2.10"),
        ),
        (
            "554 host mx.receiver.example[198.51.100.7] said: 554 blocked",
            None,
        ),
        (
            "554 5.7.1 Client host [10.1.2.3] blocked by our list",
            Some("10.1.2.3"),
        ),
        ("550 blocked by filter version 4.0.5.1", None),
        (
            "550 blocked by filter version 4.0.5.1, client 192.0.2.10",
            Some("192.0.2.10"),
        ),
    ] {
        let found = roles.refused(reply, None).map(|ip| ip.to_string());
        assert_eq!(found.as_deref(), refused, "{reply}");
    }
}
