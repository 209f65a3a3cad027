//! The ledger against real SQLite files.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

use std::path::Path;
use std::time::Duration;

use bounceaudit::check::{Answer, Listing, Names, Ptr};
use bounceaudit::event::{Event, Position, Source, Timestamp};
use bounceaudit::ledger::{Ledger, Reading, Settings, Window};
use tempfile::TempDir;

const NOW: &str = "2026-11-22T09:00:00+09:00";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn settings(path: &Path) -> Settings {
    Settings {
        url: Some(path.display().to_string()),
        ..Settings::default()
    }
}

async fn open(folder: &TempDir) -> Ledger {
    Ledger::open(&settings(&folder.path().join("ledger.db")))
        .await
        .unwrap()
}

fn source(folder: &str, uid: u32) -> Source {
    format!("imaps://postmaster@mail.hosting.example.jp/{folder};UIDVALIDITY=1690000001/;UID={uid}")
        .parse()
        .unwrap()
}

/// The gmo-rbl.jp bounce of `event.md`'s example, five days late.
fn bounce(source: Source) -> Event {
    let json = serde_json::json!({
        "source": source,
        "message_id": "20261120010512.4JNpQ1111z@sv77.hosting.example.jp",
        "bounced_at": "2026-11-20T10:05:12+09:00",
        "sent_at": "2026-11-15T10:00:00+09:00",
        "delay_seconds": 432_312,
        "format": "postfix",
        "reporting_mta": "sv77.hosting.example.jp",
        "original_message_id": "a002@shop.example.jp",
        "original_from": "sales@shop.example.jp",
        "original_subject": "お見積りの件",
        "recipient": "tanaka@canary.example.com",
        "receiving_domain": "canary.example.com",
        "remote_host": "mx.receiver.example.net",
        "remote_ip": "203.0.113.80",
        "action": "failed",
        "status": "4.7.1",
        "smtp_code": 554,
        "smtp_command": "CONN",
        "reply": "554 5.7.1 Service unavailable; Client host [198.51.100.77] blocked using gmo-rbl.jp; Poor Reputation Sender",
        "reason": "blocked",
        "blocked_ip": "198.51.100.77",
        "blocklist": "gmo-rbl",
        "zone": "gmo-rbl.jp",
        "code": null,
        "removal": null,
    });
    serde_json::from_value(json).unwrap()
}

fn position(folder: &str, last_uid: u32) -> Position {
    let Source::Imap(folder, uid_validity, uid) = source(folder, last_uid) else {
        unreachable!("an IMAP source");
    };
    Position {
        folder,
        uid_validity,
        last_uid: Some(uid),
    }
}

fn listing(zone: &str, answer: Answer, checked_at: &str) -> Listing {
    Listing {
        ip: "198.51.100.77".parse().unwrap(),
        zone: zone.to_owned().into(),
        blocklist: None,
        answer,
        meaning: None,
        text: None,
        checked_at: at(checked_at),
        ttl: Some(Duration::from_secs(60)),
    }
}

fn reading<'a>(events: &'a [Event], position: Option<&'a Position>) -> Reading<'a> {
    Reading {
        events,
        not_understood: &[],
        position,
        now: at(NOW),
    }
}

#[tokio::test]
async fn what_was_recorded_is_there_after_opening_again() {
    let folder = TempDir::new().unwrap();
    let position = position("INBOX", 4412);
    let event = bounce(source("INBOX", 4412));
    let strange = source("INBOX", 4400);
    let checks = [
        listing(
            "gmo-rbl.jp",
            Answer::NotListed,
            "2026-11-22T09:00:04.123456789+09:00",
        ),
        listing(
            "gmo-rbl.jp",
            Answer::Listed(vec!["127.0.0.2".parse().unwrap()]),
            "2026-11-19T08:00:00+09:00",
        ),
    ];
    let names = [Names {
        ip: "198.51.100.77".parse().unwrap(),
        ptr: Ptr::Confirmed("sv77.hosting.example.jp".to_owned()),
        checked_at: at(NOW),
    }];
    let ledger = open(&folder).await;
    let new = ledger
        .record(Reading {
            not_understood: std::slice::from_ref(&strange),
            ..reading(std::slice::from_ref(&event), Some(&position))
        })
        .await
        .unwrap();
    assert_eq!(new, 1);
    ledger.record_checks(&checks, &names).await.unwrap();
    ledger.record_checks(&checks, &names).await.unwrap();
    ledger.mark_report(at(NOW)).await.unwrap();
    let before = ledger.history(&Window::default()).await.unwrap();
    ledger.close().await;

    let ledger = open(&folder).await;
    let history = ledger.history(&Window::default()).await.unwrap();
    assert_eq!(history, before);
    assert_eq!(history.bounces.len(), 1);
    assert_eq!(history.bounces[0].event, event);
    assert_eq!(history.bounces[0].sources, std::slice::from_ref(&event.source));
    assert_eq!(history.bounces[0].recorded_at.to_rfc3339(), NOW);
    assert_eq!(history.listings, [checks[1].clone(), checks[0].clone()]);
    assert_eq!(history.names, names);
    assert_eq!(history.not_understood, [strange]);
    assert_eq!(history.last_report, Some(at(NOW)));
    assert_eq!(ledger.positions().await.unwrap(), [position]);
}
