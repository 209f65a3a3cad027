//! The ledger against real SQLite files.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

use std::fs;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::time::{Duration, Instant};

use bounceaudit::check::{Answer, Checked, Exchange, Listing, Mx, Names, Network, Owner, Ptr};
use bounceaudit::event::{
    Action, Event, ListId, NotUnderstood, Position, ReceivingDomain, Shape, Sign, Source, Times, Timestamp,
    Uid, Zone,
};
use bounceaudit::ledger::{
    Blocked, Error, History, Holdings, KeptMail, Ledger, MailToKeep, Note, Reading, Recorded, Settings,
    Window, worth_keeping,
};
use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::{collection::vec, sample::Index, sample::select};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
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

fn bounce_to(recipient: &str, source: Source) -> Event {
    Event {
        recipient: recipient.to_owned(),
        receiving_domain: ReceivingDomain::of(recipient).unwrap(),
        ..bounce(source)
    }
}

/// A mail that looks like a bounce, as a reader of another day describes it.
fn strange(source: Source) -> NotUnderstood {
    NotUnderstood {
        source,
        message_id: Some("4711@gateway.example.net".to_owned()),
        bounced_at: Some(at("2026-11-20T10:05:12+09:00")),
        shape: Some(Shape {
            signs: vec![Sign::NullSender],
            parts: "text/plain".to_owned(),
            ..Shape::default()
        }),
    }
}

/// The bounces of a window, whole.
async fn bounces(ledger: &Ledger, window: &Window) -> Vec<Recorded> {
    let history = ledger.history(window).await.unwrap();
    let ids: Vec<i64> = history.bounces.iter().map(|bounce| bounce.id).collect();
    ledger.recorded(&ids).await.unwrap()
}

async fn blocked(ledger: &Ledger) -> Blocked {
    ledger.history(&Window::default()).await.unwrap().blocked()
}

async fn not_understood(ledger: &Ledger, window: &Window) -> Vec<NotUnderstood> {
    ledger.history(window).await.unwrap().not_understood
}

/// Another program that looks into the file.
async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    options.connect().await.unwrap()
}

async fn change(folder: &TempDir, sql: &'static str) {
    let mut db = connect(&folder.path().join("ledger.db")).await;
    sqlx::query(sql).execute(&mut db).await.unwrap();
    db.close().await.unwrap();
}

fn position(folder: &str, last_uid: u32) -> Position {
    let Source::Imap(folder, uid_validity, uid) = source(folder, last_uid) else {
        unreachable!("an IMAP source");
    };
    Position {
        folder,
        uid_validity,
        last_uid: Some(uid),
        read_since: Some(at("2026-11-01T00:00:00+09:00")),
        unread: [9, 120].map(|uid| Uid(NonZeroU32::new(uid).unwrap())).into(),
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
        no_bounces: &[],
        mails: &[],
        position,
        now: at(NOW),
    }
}

/// Two answers of a zone, the newer one first, names, an owner and mail hosts.
fn checked(domain: &ReceivingDomain) -> Checked {
    let now = "2026-11-22T09:00:04.123456789+09:00";
    let on_list = Answer::Listed(vec!["127.0.0.2".parse().unwrap()]);
    Checked {
        listings: vec![
            listing("gmo-rbl.jp", Answer::NotListed, now),
            listing("gmo-rbl.jp", on_list, "2026-11-19T08:00:00+09:00"),
        ],
        names: vec![Names {
            ip: "198.51.100.77".parse().unwrap(),
            ptr: Ptr::Confirmed("sv77.hosting.example.jp".to_owned()),
            owner: Owner::Known(Network {
                prefix: "198.51.100.0/24".parse().unwrap(),
                systems: vec![64500],
                name: Some("EXAMPLE-NET Example KK, JP".into()),
                abuse: vec!["abuse@hosting.example.jp".into()],
            }),
            checked_at: at(NOW),
            ttl: Some(Duration::from_secs(60)),
        }],
        exchanges: vec![Exchange {
            domain: domain.clone(),
            mx: Mx::Hosts(vec!["mx.receiver.example".into()]),
            checked_at: at(NOW),
            ttl: None,
        }],
        ..Checked::default()
    }
}

#[tokio::test]
async fn what_was_recorded_is_there_after_opening_again() {
    let folder = TempDir::new().unwrap();
    let position = position("INBOX", 4412);
    let event = bounce(source("INBOX", 4412));
    let strange = strange(source("INBOX", 4400));
    let checked = checked(&event.receiving_domain);
    let ledger = open(&folder).await;
    let new = ledger
        .record(Reading {
            not_understood: std::slice::from_ref(&strange),
            ..reading(std::slice::from_ref(&event), Some(&position))
        })
        .await
        .unwrap();
    assert_eq!(new, 1);
    ledger.record_checks(&checked).await.unwrap();
    ledger.record_checks(&checked).await.unwrap();
    ledger.mark_report("", at(NOW)).await.unwrap();
    let before = ledger.history(&Window::default()).await.unwrap();
    ledger.close().await;

    let ledger = open(&folder).await;
    let history = ledger.history(&Window::default()).await.unwrap();
    assert_eq!(history, before);
    let bounces = bounces(&ledger, &Window::default()).await;
    assert_eq!(bounces.len(), 1);
    assert_eq!(bounces[0].event, event);
    assert_eq!(bounces[0].sources, std::slice::from_ref(&event.source));
    assert_eq!(bounces[0].recorded_at.to_rfc3339(), NOW);
    let [newer, older] = checked.listings.as_slice() else {
        panic!("two answers")
    };
    assert_eq!(history.listings, [older.clone(), newer.clone()]);
    assert_eq!(history.names, checked.names);
    assert_eq!(history.exchanges, checked.exchanges);
    let domains = std::slice::from_ref(&event.receiving_domain);
    let known = ledger.known(&[checked.names[0].ip], domains).await.unwrap();
    assert_eq!(known.listings, std::slice::from_ref(newer));
    assert_eq!((known.names, known.exchanges), (checked.names, checked.exchanges));
    assert_eq!(history.not_understood, [strange]);
    assert_eq!(history.last_report, Some(at(NOW)));
    assert_eq!(ledger.positions().await.unwrap(), [position]);
}

/// A few mails in few folders that speak of few bounces, so that copies, near copies and second readings are common.
fn any_event() -> impl Strategy<Value = Event> {
    let recipient = select(vec!["a@x.example", "a@X.example", "A@x.example", "b@x.example"]);
    let reply = select(vec![
        None,
        Some("550 blocked by list"),
        Some("550 blocked  by li st"),
        Some("550 no such user"),
    ]);
    let seconds = select(vec![
        None,
        Some(0),
        Some(30),
        Some(60),
        Some(61),
        Some(90),
        Some(5000),
    ]);
    let message_id = select(vec![None, Some("bounce1"), Some("bounce2")]);
    let original = select(vec![None, Some("mail1"), Some("mail2")]);
    let action = select(vec![Action::Failed, Action::Failed, Action::Delayed]);
    let place = (select(vec!["INBOX", "Junk"]), 1u32..4);
    (
        recipient,
        reply,
        seconds,
        message_id,
        original,
        action,
        place,
        any::<bool>(),
    )
        .prop_map(
            |(recipient, reply, seconds, message_id, original, action, (folder, uid), is_poor)| {
                let mut event = bounce_to(recipient, source(folder, uid));
                event.message_id = message_id.map(str::to_owned);
                event.original.message_id = original.map(str::to_owned);
                event.reply = reply.map(str::to_owned);
                event.times.bounced_at = seconds.map(|seconds| at(NOW) + chrono::TimeDelta::seconds(seconds));
                event.action = action;
                if is_poor {
                    event.original.subject = None;
                }
                event
            },
        )
}

async fn recorded(batches: &[&[Event]]) -> Vec<Recorded> {
    let settings = Settings {
        no_ledger: true,
        ..Settings::default()
    };
    let ledger = Ledger::open(&settings).await.unwrap();
    for events in batches {
        ledger.record(reading(events, None)).await.unwrap();
    }
    bounces(&ledger, &Window::default()).await
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn neither_order_nor_batches_nor_repetition_change_what_is_counted(
        (events, shuffled) in vec(any_event(), 1..14).prop_flat_map(|events| (Just(events.clone()), Just(events).prop_shuffle())),
        cut in any::<Index>(), size in 1usize..5,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let at_once = runtime.block_on(recorded(&[&events]));
        let (start, _) = shuffled.split_at(cut.index(shuffled.len()));
        let batches: Vec<&[Event]> = shuffled.chunks(size).chain([start, &events[..]]).collect();
        prop_assert_eq!(&at_once, &runtime.block_on(recorded(&batches)));
        let twice: Vec<&[Event]> = batches.iter().chain(&batches).copied().collect();
        prop_assert_eq!(&at_once, &runtime.block_on(recorded(&twice)));
        for bounce in &at_once {
            prop_assert!(events.contains(&bounce.event));
            prop_assert!(bounce.sources.contains(&bounce.event.source));
        }
        for event in &events {
            let of_it = |bounce: &&Recorded| bounce.event.receiving_domain == event.receiving_domain
                && bounce.event.action == event.action && bounce.sources.contains(&event.source);
            prop_assert!(at_once.iter().any(|bounce| of_it(&bounce)), "{:?} is lost", event);
        }
    }

    #[test]
    fn whatever_date_a_bounce_claims_can_be_read_again(
        seconds in -8_000_000_000_000i64..8_000_000_000_000, minutes in -1439i32..1440,
        nanos in 0u32..2_000_000_000,
    ) {
        let offset = chrono::FixedOffset::east_opt(minutes * 60).unwrap();
        let claimed = chrono::DateTime::from_timestamp(seconds, nanos).map(|at| at.with_timezone(&offset));
        let mut event = bounce(source("INBOX", 1));
        event.times.bounced_at = claimed;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let bounces = runtime.block_on(recorded(&[&[event.clone()]]));
        prop_assert_eq!(bounces.len(), 1);
        prop_assert_eq!(&bounces[0].event, &event);
    }
}

#[tokio::test]
async fn a_mail_that_is_read_again_adds_nothing() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    let events = [
        bounce(source("INBOX", 1)),
        bounce_to("sato@canary.example.com", source("INBOX", 1)),
    ];
    assert_eq!(ledger.record(reading(&events, None)).await.unwrap(), 2);
    assert_eq!(ledger.record(reading(&events, None)).await.unwrap(), 0);
    assert_eq!(ledger.history(&Window::default()).await.unwrap().bounces.len(), 2);
}

#[tokio::test]
async fn a_copy_in_another_folder_is_the_same_bounce_with_two_places() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    let direct = bounce(source("INBOX", 1));
    let mut forwarded = bounce(source("Junk", 7));
    forwarded.reply = forwarded
        .reply
        .map(|reply| reply.replace("blocked using", "blocked  using "));
    forwarded.recipient = "tanaka@CANARY.example.com".to_owned();
    forwarded.original.message_id = None;
    forwarded.remote_ip = None;
    assert_eq!(ledger.record(reading(&[forwarded], None)).await.unwrap(), 1);
    assert_eq!(
        ledger
            .record(reading(std::slice::from_ref(&direct), None))
            .await
            .unwrap(),
        0
    );
    let bounces = bounces(&ledger, &Window::default()).await;
    assert_eq!(bounces.len(), 1);
    assert_eq!(bounces[0].event, direct);
    assert_eq!(bounces[0].sources, [source("INBOX", 1), source("Junk", 7)]);
}

#[tokio::test]
async fn a_better_reading_of_a_mail_takes_the_place_of_a_poorer_one() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    let good = bounce(source("INBOX", 1));
    let mut poor = good.clone();
    poor.reply = None;
    poor.status = None;
    let later = Reading {
        now: at("2026-11-25T09:00:00+09:00"),
        ..reading(std::slice::from_ref(&good), None)
    };
    assert_eq!(ledger.record(reading(&[poor.clone()], None)).await.unwrap(), 1);
    assert_eq!(ledger.record(later).await.unwrap(), 0);
    assert_eq!(ledger.record(reading(&[poor], None)).await.unwrap(), 0);
    let bounces = bounces(&ledger, &Window::default()).await;
    assert_eq!(bounces.len(), 1);
    assert_eq!(bounces[0].event, good);
    assert_eq!(bounces[0].recorded_at, at(NOW));
}

#[tokio::test]
async fn what_the_catalogue_learns_later_reaches_the_report() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    let known = bounce(source("INBOX", 1));
    let unknown = Event {
        verdict: Default::default(),
        ..known.clone()
    };
    ledger.record(reading(&[unknown], None)).await.unwrap();
    assert_eq!(blocked(&ledger).await, Blocked::default());
    assert_eq!(
        ledger
            .record(reading(std::slice::from_ref(&known), None))
            .await
            .unwrap(),
        0
    );
    let blocked = blocked(&ledger).await;
    assert_eq!(blocked.ips, ["198.51.100.77".parse::<IpAddr>().unwrap()]);
    assert_eq!(blocked.zones, [Zone::from("gmo-rbl.jp".to_owned())]);
    assert_eq!(blocked.lists, [ListId("gmo-rbl".to_owned())]);
    assert_eq!(bounces(&ledger, &Window::default()).await[0].event, known);
}

#[tokio::test]
async fn a_newer_program_reads_mails_anew_and_an_older_one_leaves_them() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    let misread = bounce_to("wrong@canary.example.com", source("INBOX", 1));
    let right = bounce(source("INBOX", 1));
    ledger
        .record(reading(std::slice::from_ref(&misread), None))
        .await
        .unwrap();
    ledger.close().await;
    change(&folder, "UPDATE sightings SET reader = reader - 1").await;
    let ledger = open(&folder).await;
    assert_eq!(
        ledger
            .record(reading(std::slice::from_ref(&right), None))
            .await
            .unwrap(),
        0
    );
    ledger.close().await;
    change(&folder, "UPDATE sightings SET reader = reader + 1").await;
    let ledger = open(&folder).await;
    assert_eq!(ledger.record(reading(&[misread], None)).await.unwrap(), 0);
    let events = bounces(&ledger, &Window::default()).await;
    let events: Vec<_> = events.iter().map(|bounce| &bounce.event).collect();
    assert_eq!(events, [&right]);
}

#[tokio::test]
async fn a_window_goes_by_the_time_of_sending_and_keeps_what_has_no_time() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    let late = bounce(source("INBOX", 1));
    let mut undated = bounce_to("undated@canary.example.com", source("Junk", 2));
    undated.times = Times::default();
    let mut unsent = bounce_to("unsent@canary.example.com", source("Junk", 3));
    unsent.times.sent_at = None;
    ledger
        .record(reading(&[late, undated, unsent], None))
        .await
        .unwrap();
    let recipients = async |window: Window| -> Vec<String> {
        let bounces = bounces(&ledger, &window).await;
        bounces.into_iter().map(|bounce| bounce.event.recipient).collect()
    };
    let sending_day = Window {
        since: Some(at("2026-11-15T01:00:00Z")),
        until: Some(at("2026-11-16T00:00:00+09:00")),
        ..Window::default()
    };
    assert_eq!(
        recipients(sending_day.clone()).await,
        ["tanaka@canary.example.com", "undated@canary.example.com"]
    );
    let bouncing_day = Window {
        since: Some(at("2026-11-16T00:00:00+09:00")),
        ..Window::default()
    };
    assert_eq!(
        recipients(bouncing_day).await,
        ["unsent@canary.example.com", "undated@canary.example.com"]
    );
    let Source::Imap(junk, _, _) = source("Junk", 1) else {
        unreachable!()
    };
    let in_junk = Window {
        folders: Some(vec![junk]),
        ..sending_day
    };
    assert_eq!(recipients(in_junk).await, ["undated@canary.example.com"]);
    let nowhere = Window {
        folders: Some(vec![]),
        ..Window::default()
    };
    assert_eq!(recipients(nowhere).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_mail_that_is_understood_at_last_is_no_longer_listed_as_not_understood() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    let mails = [strange(source("INBOX", 1)), {
        let other = strange(source("INBOX", 2));
        NotUnderstood {
            message_id: Some("4712@gateway.example.net".to_owned()),
            ..other
        }
    }];
    let strange = Reading {
        not_understood: &mails,
        ..reading(&[], None)
    };
    ledger.record(strange).await.unwrap();
    ledger.record(strange).await.unwrap();
    assert_eq!(not_understood(&ledger, &Window::default()).await, mails);
    // one turns out to be a bounce, the other to be none
    let bounces = [bounce(mails[0].source.clone())];
    ledger.record(reading(&bounces, None)).await.unwrap();
    assert_eq!(not_understood(&ledger, &Window::default()).await, mails[1..]);
    let none = Reading {
        no_bounces: &[source("INBOX", 9), mails[1].source.clone()],
        ..reading(&[], None)
    };
    ledger.record(none).await.unwrap();
    assert_eq!(not_understood(&ledger, &Window::default()).await, []);
}

#[tokio::test]
async fn a_mail_that_is_not_understood_counts_once_whichever_folders_show_it() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    let copy = strange(source("Junk", 7));
    let mut undated = strange(source("INBOX", 2));
    (undated.message_id, undated.bounced_at) = (None, None);
    let twin = NotUnderstood {
        source: source("INBOX", 3),
        ..undated.clone()
    };
    let mails = [
        strange(source("INBOX", 1)),
        copy.clone(),
        undated.clone(),
        twin.clone(),
    ];
    let strange = Reading {
        not_understood: &mails,
        ..reading(&[], None)
    };
    ledger.record(strange).await.unwrap();
    // nothing says that two mails without Message-ID and date are one
    let all = [undated.clone(), twin.clone(), mails[0].clone()];
    assert_eq!(not_understood(&ledger, &Window::default()).await, all);
    let Source::Imap(junk, _, _) = source("Junk", 1) else {
        unreachable!("an IMAP source");
    };
    let in_junk = Window {
        folders: Some(vec![junk]),
        ..Window::default()
    };
    assert_eq!(not_understood(&ledger, &in_junk).await, [copy]);
    let later = Window {
        since: Some(at("2026-11-21T00:00:00+09:00")),
        ..Window::default()
    };
    assert_eq!(not_understood(&ledger, &later).await, [undated, twin]);
}

#[tokio::test]
async fn a_ledger_of_version_1_is_brought_up_to_date_with_all_that_it_holds() {
    let folder = TempDir::new().unwrap();
    let (place, mail) = (source("INBOX", 1), strange(source("INBOX", 1)));
    let mut db = connect(&folder.path().join("ledger.db")).await;
    sqlx::raw_sql(include_str!("../src/ledger/schema.sql"))
        .execute(&mut db)
        .await
        .unwrap();
    let rows = [
        "INSERT INTO ledger_schema (version, program) VALUES (1, '0.1.0')",
        "INSERT INTO sources (id, url, recorded_at, recorded_epoch)
            VALUES (1, $1, '2026-11-22T09:00:00+09:00', 1795305600)",
        "INSERT INTO not_understood (source_id, recorded_epoch) VALUES (1, 1795305600)",
        "INSERT INTO folders (id, url, implicit_tls, login, host, port, folder)
            VALUES (1, 'imaps://a@mail.example.jp/INBOX', 1, 'a', 'mail.example.jp', 993, 'INBOX')",
        "INSERT INTO positions (folder_id, uid_validity, last_uid, saved_at)
            VALUES (1, 7, 4412, '2026-11-22T09:00:00+09:00')",
        "INSERT INTO sources (id, url, recorded_at, recorded_epoch)
            VALUES (2, $2, '2026-11-22T09:00:00+09:00', 1795305600)",
        "INSERT INTO events (id, recorded_at, recorded_epoch, bounced_epoch, window_epoch, action, reason,
            receiving_domain, blocked_ip, blocklist, zone) VALUES (5, '2026-11-22T09:00:00+09:00', 1795305600,
            1795136712, 1794704400, 'failed', 'blocked', 'canary.example.com', '198.51.100.77', 'gmo-rbl', 'gmo-rbl.jp')",
        "INSERT INTO sightings (source_id, reader, bucket, bounced_epoch, event_id, best, body)
            VALUES (2, 1000, 42, 1795136712, 5, 1, $3)",
    ];
    let event = bounce(source("INBOX", 2));
    for row in rows {
        sqlx::query(row)
            .bind(place.to_string())
            .bind(event.source.to_string())
            .bind(serde_json::to_string(&event).unwrap())
            .execute(&mut db)
            .await
            .unwrap();
    }
    db.close().await.unwrap();

    let ledger = open(&folder).await;
    let kept = NotUnderstood {
        source: place,
        message_id: None,
        bounced_at: None,
        shape: None,
    };
    assert_eq!(not_understood(&ledger, &Window::default()).await, [kept]);
    let positions = ledger.positions().await.unwrap();
    assert_eq!(positions[0].last_uid.unwrap().0.get(), 4412);
    assert_eq!(positions[0].unread, []);
    assert_eq!(bounces(&ledger, &Window::default()).await[0].event, event);
    let counted = &ledger.history(&Window::default()).await.unwrap().bounces[0];
    assert_eq!(counted.reply.as_deref(), event.reply.as_deref());
    assert_eq!((counted.times, &*counted.verdict), (event.times, &event.verdict));
    // the next reading of the mail adds what was not kept
    let read = Reading {
        not_understood: std::slice::from_ref(&mail),
        ..reading(&[], None)
    };
    ledger.record(read).await.unwrap();
    assert_eq!(not_understood(&ledger, &Window::default()).await, [mail]);
}

#[tokio::test]
async fn notes_are_given_oldest_first_and_only_of_what_the_window_says_is_blocked() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    ledger
        .record(reading(&[bounce(source("INBOX", 1))], None))
        .await
        .unwrap();
    let blocked: IpAddr = "198.51.100.77".parse().unwrap();
    let mapped: IpAddr = "::ffff:198.51.100.77".parse().unwrap();
    let other: IpAddr = "192.0.2.99".parse().unwrap();
    let [first, second] = ["2026-11-20T14:03:00+09:00", "2026-11-20T06:00:00+00:00"];
    for (ip, text, noted_at, is_known) in [
        (mapped, "it is\nlifted", second, true),
        (blocked, "asked the hosting company, ticket 1234", first, true),
        (other, "nobody refused it", first, false),
    ] {
        let noted = ledger.note(ip, &text.parse().unwrap(), at(noted_at)).await;
        assert_eq!(noted.unwrap(), is_known, "{text}");
    }
    ledger.close().await;

    let ledger = open(&folder).await;
    let notes = ledger.history(&Window::default()).await.unwrap().notes;
    let note = |text: &str, noted_at: &str| Note {
        ip: blocked,
        remark: text.parse().unwrap(),
        noted_at: at(noted_at),
    };
    let expected = [
        note("asked the hosting company, ticket 1234", first),
        note("it is lifted", second),
    ];
    assert_eq!(notes, expected);
    let before = Window {
        until: Some(at("2026-11-01T00:00:00+09:00")),
        ..Window::default()
    };
    assert_eq!(ledger.history(&before).await.unwrap().notes, []);
}

#[tokio::test]
async fn what_is_older_than_keep_goes_with_all_that_it_said() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let keep = Some(Duration::from_secs(10 * 86_400));
    let ledger = Ledger::open(&Settings {
        keep,
        ..settings(&path)
    })
    .await
    .unwrap();
    let mut old = bounce_to("old@canary.example.com", source("INBOX", 1));
    old.times.bounced_at = Some(at("2026-11-10T00:00:00+09:00"));
    let mut poor = old.clone();
    poor.reply = None;
    let young = bounce(source("INBOX", 2));
    ledger
        .record(reading(&[old, poor, young.clone()], None))
        .await
        .unwrap();
    assert_eq!(ledger.prune(at("2026-11-19T00:00:00+09:00")).await.unwrap(), 0);
    assert_eq!(ledger.prune(at(NOW)).await.unwrap(), 1);
    let left = bounces(&ledger, &Window::default()).await;
    let left: Vec<_> = left.iter().map(|bounce| &bounce.event).collect();
    assert_eq!(left, [&young]);
    ledger.close().await;
    let mut db = connect(&path).await;
    for table in [
        "SELECT COUNT(*) FROM events",
        "SELECT COUNT(*) FROM sightings",
        "SELECT COUNT(*) FROM sources",
    ] {
        let (rows,): (i64,) = sqlx::query_as(table).fetch_one(&mut db).await.unwrap();
        assert_eq!(rows, 1, "{table}");
    }
}

#[tokio::test]
async fn without_a_ledger_each_run_stands_alone() {
    let settings = Settings {
        no_ledger: true,
        ..Settings::default()
    };
    let ledger = Ledger::open(&settings).await.unwrap();
    ledger
        .record(reading(&[bounce(source("INBOX", 1))], None))
        .await
        .unwrap();
    assert_eq!(ledger.history(&Window::default()).await.unwrap().bounces.len(), 1);
    let another = Ledger::open(&settings).await.unwrap();
    assert_eq!(
        another.history(&Window::default()).await.unwrap(),
        History::default()
    );
}

#[tokio::test]
async fn an_event_and_the_position_behind_it_are_saved_together_or_not_at_all() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    change(
        &folder,
        "CREATE TRIGGER full BEFORE INSERT ON positions BEGIN SELECT RAISE(ABORT, 'no room'); END",
    )
    .await;
    let here = position("INBOX", 1);
    let events = [bounce(source("INBOX", 1))];
    let error = ledger.record(reading(&events, Some(&here))).await.unwrap_err();
    assert!(error.to_string().contains("no room"), "{error}");
    assert_eq!(
        ledger.history(&Window::default()).await.unwrap(),
        History::default()
    );
    change(&folder, "DROP TRIGGER full").await;
    assert_eq!(ledger.record(reading(&events, Some(&here))).await.unwrap(), 1);
    assert_eq!(ledger.positions().await.unwrap(), [here]);
}

#[tokio::test]
async fn a_second_process_waits_for_the_first_one_to_finish() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    let mut first = connect(&folder.path().join("ledger.db")).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut first).await.unwrap();
    let events = [bounce(source("INBOX", 1))];
    let (recorded, ()) = tokio::join!(ledger.record(reading(&events, None)), async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        sqlx::query("COMMIT").execute(&mut first).await.unwrap();
    });
    assert_eq!(recorded.unwrap(), 1);
}

#[tokio::test]
async fn a_second_process_gives_up_in_the_end_and_can_read_all_the_while() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    open(&folder).await.close().await;
    let mut first = connect(&path).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut first).await.unwrap();
    let ledger = open(&folder).await;
    assert_eq!(
        ledger.history(&Window::default()).await.unwrap(),
        History::default()
    );
    let begun = Instant::now();
    let error = ledger.mark_report("", at(NOW)).await.unwrap_err();
    assert!(matches!(&error, Error::Busy { .. }), "{error:?}");
    assert!(error.to_string().contains(&path.display().to_string()), "{error}");
    assert!(begun.elapsed() >= Duration::from_secs(4));
}

#[tokio::test]
async fn two_processes_that_make_the_ledger_at_once_make_one() {
    let folder = TempDir::new().unwrap();
    let ledgers = futures::future::join_all((0..8).map(|_| open(&folder))).await;
    for (uid, ledger) in (1..).zip(&ledgers) {
        let events = [bounce_to(
            &format!("user{uid}@canary.example.com"),
            source("INBOX", uid),
        )];
        assert_eq!(ledger.record(reading(&events, None)).await.unwrap(), 1);
    }
    for ledger in ledgers {
        assert_eq!(ledger.history(&Window::default()).await.unwrap().bounces.len(), 8);
    }
}

#[tokio::test]
async fn a_file_that_is_no_ledger_is_named_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let text = folder.path().join("notes.txt");
    fs::write(
        &text,
        "a text that is a little longer than the header of a database ".repeat(20),
    )
    .unwrap();
    let foreign = folder.path().join("places.sqlite");
    let mut db = connect(&foreign).await;
    sqlx::query("CREATE TABLE moz_places (id INTEGER)")
        .execute(&mut db)
        .await
        .unwrap();
    db.close().await.unwrap();
    for (path, line) in [
        (&text, "is no ledger"),
        (&foreign, "the database of another program"),
    ] {
        let before = fs::read(path).unwrap();
        let error = Ledger::open(&settings(path)).await.unwrap_err().to_string();
        assert!(
            error.contains(line) && error.contains(&path.display().to_string()),
            "{error}"
        );
        assert!(error.contains("--ledger"), "{error}");
        assert_eq!(fs::read(path).unwrap(), before);
    }
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[tokio::test]
async fn a_place_where_no_file_can_be_made_is_named() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "").unwrap();
    let below = file.join("state/ledger.db");
    let error = Ledger::open(&settings(&below)).await.unwrap_err();
    assert!(matches!(error, Error::Folder { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains(&file.join("state").display().to_string()),
        "{error}"
    );
    let error = Ledger::open(&settings(folder.path())).await.unwrap_err();
    assert!(matches!(error, Error::File { .. }), "{error:?}");
}

#[tokio::test]
async fn a_report_from_a_mistyped_ledger_makes_none_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(&folder.path().join("legder.db"));
    let error = Ledger::open_existing(&settings).await.unwrap_err();
    assert!(error.to_string().contains("legder.db"), "{error}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    Ledger::open(&settings).await.unwrap().close().await;
    assert!(Ledger::open_existing(&settings).await.is_ok());
    let none = Settings {
        no_ledger: true,
        ..settings
    };
    assert!(matches!(
        Ledger::open_existing(&none).await,
        Err(Error::NoHistory)
    ));
}

#[tokio::test]
async fn a_ledger_of_a_later_version_is_refused_and_not_changed() {
    let folder = TempDir::new().unwrap();
    open(&folder).await.close().await;
    change(
        &folder,
        "INSERT INTO ledger_schema (version, program) VALUES (99, '7.0.0')",
    )
    .await;
    let before = fs::read(folder.path().join("ledger.db")).unwrap();
    let error = Ledger::open(&settings(&folder.path().join("ledger.db")))
        .await
        .unwrap_err();
    assert!(
        matches!(
            error,
            Error::Newer {
                found: 99,
                known: 7,
                ..
            }
        ),
        "{error:?}"
    );
    assert!(error.to_string().contains("bounceaudit 7.0.0"), "{error}");
    assert_eq!(fs::read(folder.path().join("ledger.db")).unwrap(), before);
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_ledger_or_the_files_beside_it() {
    use std::os::unix::fs::PermissionsExt;
    let folder = TempDir::new().unwrap();
    let state = folder.path().join("state/bounceaudit");
    let ledger = Ledger::open(&settings(&state.join("ledger.db"))).await.unwrap();
    ledger
        .record(reading(&[bounce(source("INBOX", 1))], None))
        .await
        .unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&state), 0o700);
    let files: Vec<_> = fs::read_dir(&state)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 3, "{files:?}");
    for file in files {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    ledger.close().await;
    assert_eq!(fs::read_dir(&state).unwrap().count(), 1);
}

#[tokio::test]
async fn a_url_is_refused_and_its_password_never_shown() {
    for (url, line) in [
        (
            "postgres://audit@db.example.jp/bounces",
            "comes in a later version",
        ),
        (
            "postgres://audit:s3cret@db.example.jp/bounces",
            "holds a password",
        ),
        (
            "postgresql://db.example.jp/bounces?user=audit&password=s3cret",
            "holds a password",
        ),
        ("mysql://db.example.jp/bounces", "not a mysql URL"),
    ] {
        let error = Ledger::open(&settings(Path::new(url)))
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(line) && !error.contains("s3cret"), "{error}");
    }
}

/// A ledger of 1,200 bounces, so that there are several pages, one of them in two places.
async fn filled(folder: &TempDir) -> Ledger {
    let ledger = open(folder).await;
    let events: Vec<Event> = (1..=1_200)
        .map(|uid| bounce_to(&format!("user{uid}@canary.example.com"), source("INBOX", uid)))
        .collect();
    let position = position("INBOX", 1_200);
    ledger.record(reading(&events, Some(&position))).await.unwrap();
    let copy = Event {
        source: source("Junk", 7),
        ..events[600].clone()
    };
    ledger.record(reading(&[copy], None)).await.unwrap();
    let checked = checked(&events[0].receiving_domain);
    ledger.record_checks(&checked).await.unwrap();
    ledger
}

/// What the program would say of the ledger in this folder.
async fn inspected(folder: &TempDir) -> (Holdings, Vec<String>) {
    let ledger = Ledger::open_to_inspect(&settings(&folder.path().join("ledger.db")))
        .await
        .unwrap();
    let mut faults = Vec::new();
    let holdings = ledger.inspect(|fault| faults.push(fault.to_string())).await;
    ledger.close().await;
    (holdings.unwrap(), faults)
}

#[tokio::test]
async fn a_ledger_in_order_is_counted_and_not_touched() {
    let folder = TempDir::new().unwrap();
    filled(&folder).await.close().await;
    let before = fs::read(folder.path().join("ledger.db")).unwrap();

    let (holdings, faults) = inspected(&folder).await;

    let expected = Holdings {
        schema: 7,
        bounces: 1_200,
        mails: 1_201,
        answers: 4,
    };
    assert_eq!((holdings, faults), (expected, Vec::new()));
    assert_eq!(fs::read(folder.path().join("ledger.db")).unwrap(), before);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn every_promise_that_a_ledger_breaks_is_named() {
    for (sql, expected) in [
        (
            "UPDATE sightings SET best = 0 WHERE event_id = 700",
            "events 700: 0 readings speak for it, and it needs one",
        ),
        (
            "UPDATE sightings SET best = 1 WHERE event_id = 601",
            "events 601: 2 readings speak for it, and it needs one",
        ),
        (
            "UPDATE events SET brief = REPLACE(brief, '\"blocked\"', '\"expired\"'), reason = 'expired' WHERE id = 1200",
            "events 1200: reason, brief not what its reading says",
        ),
        (
            "UPDATE events SET window_epoch = 0 WHERE id = 1",
            "events 1: window_epoch not what its reading says",
        ),
        (
            "UPDATE events SET brief = NULL WHERE id = 501",
            "events 501: brief not what its reading says",
        ),
        (
            "UPDATE sightings SET body = '{}' WHERE event_id = 500",
            "events 500: the reading that speaks for it cannot be read: missing field",
        ),
        (
            "UPDATE sightings SET event_id = 9999 WHERE event_id = 601 AND best = 0",
            "row in events is missing",
        ),
        (
            "UPDATE positions SET folder_id = 77",
            "positions 77: its row in folders is missing",
        ),
    ] {
        let folder = TempDir::new().unwrap();
        filled(&folder).await.close().await;
        assert_eq!(inspected(&folder).await.1, Vec::<String>::new());
        let mut db = connect(&folder.path().join("ledger.db")).await;
        sqlx::query("PRAGMA foreign_keys = OFF")
            .execute(&mut db)
            .await
            .unwrap();
        let changed = sqlx::query(sql).execute(&mut db).await.unwrap();
        assert!(changed.rows_affected() > 0, "{sql}");
        db.close().await.unwrap();

        let (_, faults) = inspected(&folder).await;

        assert_eq!(faults.len(), 1, "{sql}: {faults:?}");
        assert!(faults[0].contains(expected), "{sql}: {faults:?}");
    }
}

#[tokio::test]
async fn a_damaged_file_is_told_by_the_databases_own_check() {
    let folder = TempDir::new().unwrap();
    filled(&folder).await.close().await;
    // An index that lacks a row: no query finds that out.
    let mut db = connect(&folder.path().join("ledger.db")).await;
    for sql in [
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET sql = 'CREATE INDEX events_by_window ON events (recorded_epoch)'
            WHERE name = 'events_by_window'",
    ] {
        sqlx::query(sql).execute(&mut db).await.unwrap();
    }
    db.close().await.unwrap();

    let (holdings, faults) = inspected(&folder).await;

    assert_eq!(holdings.bounces, 0);
    assert!(
        faults
            .iter()
            .any(|fault| fault.contains("the file is damaged: ") && fault.contains("events_by_window")),
        "{faults:?}"
    );
}

#[tokio::test]
async fn each_page_that_cannot_be_read_is_named_by_itself() {
    const PAGE: usize = 4096;
    let folder = TempDir::new().unwrap();
    filled(&folder).await.close().await;
    let path = folder.path().join("ledger.db");
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / PAGE / 2 * PAGE;
    bytes[middle..middle + 8 * PAGE].fill(0xA5);
    fs::write(&path, bytes).unwrap();

    let ledger = Ledger::open_to_inspect(&settings(&path)).await.unwrap();
    let mut faults = Vec::new();
    // The database's check may itself end at a page that it cannot read.
    let ended = ledger.inspect(|fault| faults.push(fault.to_string())).await;

    assert!(
        matches!(
            ended,
            Ok(Holdings { bounces: 0, .. }) | Err(Error::Damaged { .. })
        ),
        "{ended:?}"
    );
    let pages = faults
        .iter()
        .filter(|fault| fault.contains("page ") && fault.lines().count() == 1);
    assert!(pages.count() >= 4, "{faults:#?}");
    assert!(!faults.iter().any(|fault| fault.contains("***")), "{faults:#?}");
}

#[tokio::test]
async fn a_ledger_of_an_earlier_version_is_inspected_and_stays_one() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let mut db = connect(&path).await;
    sqlx::raw_sql(include_str!("../src/ledger/schema.sql"))
        .execute(&mut db)
        .await
        .unwrap();
    sqlx::raw_sql(
        "INSERT INTO ledger_schema (version, program) VALUES (1, '0.1.0');
        INSERT INTO events (id, recorded_at, recorded_epoch, action, reason, receiving_domain)
            VALUES (5, '2026-11-22T09:00:00+09:00', 1795305600, 'failed', 'blocked', 'canary.example.com')",
    )
    .execute(&mut db)
    .await
    .unwrap();
    db.close().await.unwrap();
    let before = fs::read(&path).unwrap();

    let (holdings, faults) = inspected(&folder).await;

    assert_eq!((holdings.schema, holdings.bounces), (1, 1));
    assert_eq!(faults, ["events 5: 0 readings speak for it, and it needs one"]);
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn what_is_no_ledger_cannot_be_inspected() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| settings(&folder.path().join(name));
    fs::write(folder.path().join("empty.db"), "").unwrap();
    fs::write(folder.path().join("text.db"), "no database ".repeat(100)).unwrap();
    for name in ["empty.db", "text.db"] {
        let error = Ledger::open_to_inspect(&at(name)).await.unwrap_err();
        assert!(matches!(error, Error::NotADatabase { .. }), "{name}: {error:?}");
    }
    let error = Ledger::open_to_inspect(&at("gone.db")).await.unwrap_err();
    assert!(matches!(error, Error::Missing { .. }), "{error:?}");
    assert!(!folder.path().join("gone.db").exists());
}

#[tokio::test]
async fn everything_comes_once_in_order_and_with_all_places() {
    let folder = TempDir::new().unwrap();
    let ledger = filled(&folder).await;
    let mut everything = ledger.everything().await.unwrap();
    let mut batches = Vec::new();
    loop {
        let batch = everything.next_batch().await.unwrap();
        if batch.is_empty() {
            break;
        }
        batches.push(batch);
    }
    let sizes: Vec<usize> = batches.iter().map(Vec::len).collect();
    assert_eq!(sizes, [500, 500, 200]);
    let all = batches.concat();
    let recipients: Vec<_> = all.iter().map(|bounce| bounce.event.recipient.as_str()).collect();
    let expected: Vec<_> = (1..=1_200)
        .map(|uid| format!("user{uid}@canary.example.com"))
        .collect();
    assert_eq!(recipients, expected);
    assert_eq!(all[600].sources, [source("INBOX", 601), source("Junk", 7)]);
}

#[tokio::test]
async fn what_no_bounce_speaks_of_goes_when_it_is_old_and_the_last_report_stays() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    let keep = Some(Duration::from_secs(10 * 86_400));
    let ledger = Ledger::open(&Settings {
        keep,
        ..settings(&path)
    })
    .await
    .unwrap();
    let event = bounce(source("INBOX", 1));
    ledger
        .record(reading(std::slice::from_ref(&event), None))
        .await
        .unwrap();
    let (old, young) = ("2026-11-01T00:00:00+09:00", "2026-11-21T00:00:00+09:00");
    let spoken: IpAddr = "198.51.100.77".parse().unwrap();
    let unspoken: IpAddr = "192.0.2.99".parse().unwrap();
    let other = ReceivingDomain::of("a@other.example.com").unwrap();
    for (ip, domain) in [(spoken, &event.receiving_domain), (unspoken, &other)] {
        for time in [old, young] {
            let mut answers = checked(domain);
            answers.listings.truncate(1);
            answers.listings[0] = Listing {
                ip,
                ..listing("gmo-rbl.jp", Answer::NotListed, time)
            };
            (answers.names[0].ip, answers.names[0].checked_at) = (ip, at(time));
            answers.exchanges[0].checked_at = at(time);
            ledger.record_checks(&answers).await.unwrap();
            ledger
                .note(ip, &"asked".parse().unwrap(), at(time))
                .await
                .unwrap();
        }
    }
    for time in ["2026-10-01T00:00:00+09:00", old] {
        ledger.mark_report("", at(time)).await.unwrap();
    }
    assert_eq!(ledger.prune(at(NOW)).await.unwrap(), 0);
    ledger.close().await;
    let mut db = connect(&path).await;
    for (sql, left) in [
        ("SELECT ip || ' ' || checked_at FROM checks ORDER BY 1", 3),
        ("SELECT ip || ' ' || checked_at FROM names ORDER BY 1", 3),
        ("SELECT ip || ' ' || noted_at FROM notes ORDER BY 1", 3),
        ("SELECT domain || ' ' || checked_at FROM exchanges ORDER BY 1", 3),
        ("SELECT made_at FROM report_marks", 1),
    ] {
        let rows: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut db).await.unwrap();
        assert_eq!(rows.len(), left, "{sql}: {rows:?}");
        for gone in [
            format!("{unspoken} {old}"),
            format!("{} {old}", other.as_str()),
            "2026-10-01T00:00:00+09:00".to_owned(),
        ] {
            assert!(!rows.contains(&gone), "{sql}: {rows:?}");
        }
    }
}

/// A bounce of a minute of 2026-11-20 about an address, in a mail of its own.
fn bounce_at(minute: u32, ip: Option<&str>) -> Event {
    let mut event = bounce(source("INBOX", minute + 1));
    event.times.bounced_at = Some(at(&format!("2026-11-20T10:{minute:02}:12+09:00")));
    event.original.message_id = Some(format!("{minute}@shop.example.jp"));
    event.verdict.blocked_ip = ip.map(|ip| ip.parse().unwrap());
    event
}

fn mail_of(event: &Event) -> MailToKeep {
    MailToKeep {
        source: event.source.clone(),
        bytes: format!("Subject: failure notice\n\n{}\n", event.source).into_bytes(),
        is_cut: false,
    }
}

/// Records events with their mails, as a scan does: only those mails are offered that the batch itself would keep.
async fn record_whole(ledger: &Ledger, events: &[Event]) {
    let wanted = worth_keeping(events);
    let mails: Vec<MailToKeep> = events
        .iter()
        .filter(|event| wanted.contains(&event.source))
        .map(mail_of)
        .collect();
    let reading = Reading {
        mails: &mails,
        ..reading(events, None)
    };
    ledger.record(reading).await.unwrap();
}

async fn kept_minutes(ledger: &Ledger, ip: Option<&str>) -> Vec<String> {
    let mails = ledger.kept_mails(ip.map(|ip| ip.parse().unwrap())).await.unwrap();
    for mail in &mails {
        let text = String::from_utf8(mail.bytes.clone()).unwrap();
        assert!(text.contains(&mail.source.to_string()) && !mail.is_cut);
        let event = &ledger.recorded(&[mail.event]).await.unwrap()[0];
        assert!(event.sources.contains(&mail.source), "{event:?}");
    }
    let minute = |mail: &KeptMail| mail.bounced_at.unwrap().format("%M").to_string();
    mails.iter().map(minute).collect()
}

const IP: Option<&str> = Some("198.51.100.77");

#[tokio::test]
async fn the_newest_three_bounces_of_each_address_and_list_are_kept_whole_in_whatever_order_they_came() {
    let minutes = [5, 1, 4, 2, 3, 0];
    for turn in 0..minutes.len() {
        let folder = TempDir::new().unwrap();
        let ledger = open(&folder).await;
        let mut minutes = minutes;
        minutes.rotate_left(turn);
        for some in minutes.chunks(turn + 1) {
            let mut events: Vec<Event> = some.iter().map(|minute| bounce_at(*minute, IP)).collect();
            events.extend(some.iter().map(|minute| bounce_at(minute + 10, None)));
            let mut other_list = bounce_at(30 + some[0], IP);
            other_list.verdict.blocklist = Some(ListId("spamhaus".to_owned()));
            events.push(other_list);
            let mut no_block = bounce_at(50, None);
            no_block.verdict.reason = "user-unknown".parse().unwrap();
            events.push(no_block);
            record_whole(&ledger, &events).await;
        }
        assert_eq!(kept_minutes(&ledger, None).await, ["15", "14", "13"]);
        assert_eq!(
            kept_minutes(&ledger, Some("198.51.100.78")).await,
            Vec::<String>::new()
        );
        let of_ip = kept_minutes(&ledger, IP).await;
        let own: Vec<&String> = of_ip.iter().filter(|minute| minute.as_str() < "30").collect();
        assert_eq!(own, ["05", "04", "03"]);
        assert!((4..=6).contains(&of_ip.len()), "{of_ip:?}");
        ledger.close().await;
        let rows = format!("{:?}", inspected(&folder).await);
        assert!(rows.ends_with("[])"), "{rows}");
    }
}

#[tokio::test]
async fn a_bounce_is_kept_once_however_often_and_wherever_it_is_found() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    let events: Vec<Event> = (0..2).map(|minute| bounce_at(minute, IP)).collect();
    let copies: Vec<Event> = events
        .iter()
        .zip(1..)
        .map(|(event, uid)| Event {
            source: source("Junk", uid),
            ..event.clone()
        })
        .collect();
    let second_recipient = Event {
        source: events[0].source.clone(),
        times: events[0].times,
        original: events[0].original.clone(),
        verdict: events[0].verdict.clone(),
        ..bounce_to("sato@canary.example.com", source("INBOX", 1))
    };
    for some in [&events[..], &copies, &events, &[second_recipient]] {
        record_whole(&ledger, some).await;
        assert_eq!(kept_minutes(&ledger, IP).await, ["01", "00"]);
    }
}

#[tokio::test]
async fn a_long_mail_is_kept_to_its_limit_and_says_so() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    let event = bounce_at(0, IP);
    let mail = MailToKeep {
        bytes: b"and so on\n".repeat(50_000),
        ..mail_of(&event)
    };
    let events = [event];
    let reading = Reading {
        mails: std::slice::from_ref(&mail),
        ..reading(&events, None)
    };
    ledger.record(reading).await.unwrap();
    let kept = ledger.kept_mails(IP.map(|ip| ip.parse().unwrap())).await.unwrap();
    assert!(kept[0].is_cut);
    assert_eq!(kept[0].bytes, mail.bytes[..256 * 1024]);
}

#[tokio::test]
async fn a_mail_goes_with_its_bounce_and_is_in_no_export() {
    let folder = TempDir::new().unwrap();
    let ledger = Ledger::open(&Settings {
        keep: Some(Duration::from_secs(86_400)),
        ..settings(&folder.path().join("ledger.db"))
    })
    .await
    .unwrap();
    record_whole(&ledger, &[bounce_at(0, IP), bounce_at(1, IP)]).await;
    let everything = ledger.everything().await.unwrap().next_batch().await.unwrap();
    assert!(!format!("{everything:?}").contains("failure notice"));
    assert_eq!(ledger.prune(at("2026-11-21T09:00:00+09:00")).await.unwrap(), 0);
    assert_eq!(kept_minutes(&ledger, IP).await.len(), 2);
    assert_eq!(ledger.prune(at("2026-12-21T09:00:00+09:00")).await.unwrap(), 2);
    ledger.close().await;
    let mut db = connect(&folder.path().join("ledger.db")).await;
    let count: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM kept_mails")
        .fetch_one(&mut db)
        .await
        .unwrap();
    assert_eq!(count, 0);
}

#[tokio::test]
async fn a_kept_mail_that_cannot_be_unpacked_or_belongs_nowhere_is_named() {
    for (sql, expected) in [
        (
            "UPDATE kept_mails SET body = X'00' WHERE id = 2",
            "kept_mails 2: the mail cannot be unpacked",
        ),
        (
            "UPDATE kept_mails SET event_id = 99 WHERE id = 1",
            "kept_mails 1: its row in events is missing",
        ),
    ] {
        let folder = TempDir::new().unwrap();
        let ledger = open(&folder).await;
        record_whole(&ledger, &[bounce_at(0, IP), bounce_at(1, IP)]).await;
        ledger.close().await;
        let mut db = connect(&folder.path().join("ledger.db")).await;
        sqlx::query("PRAGMA foreign_keys = OFF")
            .execute(&mut db)
            .await
            .unwrap();
        sqlx::query(sql).execute(&mut db).await.unwrap();
        db.close().await.unwrap();
        let (_, faults) = inspected(&folder).await;
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with(expected), "{faults:?}");
    }
}

#[tokio::test]
async fn another_verdict_moves_a_kept_mail_to_its_address() {
    let folder = TempDir::new().unwrap();
    let ledger = open(&folder).await;
    record_whole(&ledger, &[bounce_at(0, None), bounce_at(1, None)]).await;
    record_whole(&ledger, &[bounce_at(0, IP)]).await;
    assert_eq!(kept_minutes(&ledger, IP).await, ["00"]);
    assert_eq!(kept_minutes(&ledger, None).await, ["01"]);
}
