//! Timelines of mails, bounces and answers of the DNS, played day by day into a real ledger, with a report each day. What
//! each report has to say was written down from the timeline.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bounceaudit::catalogue::Catalogue;
use bounceaudit::check::{Answer, Checked, Listing};
use bounceaudit::event::{Action, Event, ReceivingDomain, SmtpCommand, Source, Status, Timestamp, Zone};
use bounceaudit::ledger::{self, Ledger, Reading, Window};
use bounceaudit::report::{self, CsvEncoding, Destination, Input, Look, Report};
use chrono::TimeDelta;
use tempfile::TempDir;

const IP: &str = "198.51.100.77";
const ZEN: &str = "zen.spamhaus.org";

/// An hour of November 2026.
fn at(day: i64, hour: i64) -> Timestamp {
    "2026-11-01T00:00:00+00:00".parse::<Timestamp>().unwrap() + TimeDelta::hours((day - 1) * 24 + hour)
}

/// A mail that was refused because of a list, and its bounce.
fn refused(recipient: &str, list: &str, zone: Option<&str>, sent: Timestamp, bounced: Timestamp) -> Event {
    let json = serde_json::json!({
        "source": format!("imaps://postmaster@mail.example.jp/INBOX;UIDVALIDITY=7/;UID={}", bounced.timestamp() - 1_790_000_000),
        "message_id": format!("{}@sv77.example.jp", bounced.timestamp()),
        "bounced_at": bounced,
        "sent_at": sent,
        "delay_seconds": null,
        "format": "postfix",
        "reporting_mta": "sv77.example.jp",
        "original_message_id": format!("{}@shop.example.jp", sent.timestamp()),
        "original_from": "sales@shop.example.jp",
        "recipient": recipient,
        "receiving_domain": ReceivingDomain::of(recipient).unwrap().as_str(),
        "remote_host": "mx.example.net",
        "action": "failed",
        "status": "5.7.1",
        "smtp_code": 550,
        "smtp_command": "RCPT",
        "reply": format!("550 5.7.1 Client host [{IP}] blocked by {list} at {sent}"),
        "reason": "blocked",
        "blocked_ip": IP,
        "blocklist": list,
        "zone": zone,
    });
    serde_json::from_value(json).unwrap()
}

/// Refused while connecting: the queue keeps the mail for five days.
fn expired(recipient: &str, list: &str, zone: Option<&str>, sent: Timestamp) -> Event {
    let mut event = refused(recipient, list, zone, sent, sent + TimeDelta::days(5));
    event.smtp_command = Some(SmtpCommand::Conn);
    event.status = Some("4.7.1".parse::<Status>().unwrap());
    event
}

/// Spamhaus refuses at once.
fn spamhaus(recipient: &str, sent: Timestamp) -> Event {
    refused(
        recipient,
        "spamhaus-zen",
        Some(ZEN),
        sent,
        sent + TimeDelta::seconds(2),
    )
}

/// What the zone of Spamhaus says.
fn zen(answer: Answer, checked_at: Timestamp) -> Listing {
    Listing {
        ip: IP.parse().unwrap(),
        zone: Zone::from(ZEN.to_owned()),
        blocklist: None,
        answer,
        meaning: None,
        text: None,
        checked_at,
        ttl: None,
    }
}

fn listed(at: Timestamp) -> Listing {
    zen(Answer::Listed(vec!["127.0.0.3".parse().unwrap()]), at)
}

fn clean(at: Timestamp) -> Listing {
    zen(Answer::NotListed, at)
}

/// A ledger, and what its reports are made with.
struct Play {
    folder: TempDir,
    ledger: Ledger,
    catalogue: Catalogue,
    settings: report::Settings,
}

/// What a report says.
struct Day {
    /// The columns of each group, by receiving domain.
    groups: BTreeMap<String, BTreeMap<String, String>>,
    text: String,
    silent: bool,
}

impl Day {
    /// Some columns of a group, apart by blanks.
    fn of(&self, domain: &str, columns: &[&str]) -> String {
        let group = self
            .groups
            .get(domain)
            .unwrap_or_else(|| panic!("no {domain}:\n{}", self.text));
        let values = columns.iter().map(|column| group[*column].clone());
        values.collect::<Vec<_>>().join(" ")
    }

    fn state(&self, domain: &str) -> String {
        self.of(domain, &["state", "listed_now"])
    }
}

async fn open(folder: &Path) -> Ledger {
    let settings = ledger::Settings {
        url: Some(folder.join("ledger.db").display().to_string()),
        ..ledger::Settings::default()
    };
    Ledger::open(&settings).await.unwrap()
}

impl Play {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            ledger: open(folder.path()).await,
            folder,
            catalogue: Catalogue::built_in().unwrap(),
            settings: report::Settings {
                utc: true,
                ..report::Settings::default()
            },
        }
    }

    async fn record(&self, now: Timestamp, events: &[Event], listings: &[Listing]) {
        let reading = Reading {
            events,
            not_understood: &[],
            no_bounces: &[],
            mails: &[],
            position: None,
            now,
        };
        self.ledger.record(reading).await.unwrap();
        let checked = Checked {
            listings: listings.to_vec(),
            ..Checked::default()
        };
        self.ledger.record_checks(&checked).await.unwrap();
    }

    /// What a scan would find, and the report after it.
    async fn day(&self, now: Timestamp, events: &[Event], listings: &[Listing]) -> Day {
        self.record(now, events, listings).await;
        let day = self.report(now).await;
        let series = self.settings.series();
        self.ledger.mark_report(&series, now).await.unwrap();
        day
    }

    async fn report(&self, now: Timestamp) -> Day {
        let window = Window {
            series: self.settings.series(),
            again: false,
            ..Window::default()
        };
        let history = self.ledger.history(&window).await.unwrap();
        let report = Report::build(Input {
            history: &history,
            catalogue: &self.catalogue,
            own: &[],
            owner: None,
            gaps: &[],
            warnings: &[],
            settings: &self.settings,
            command: "scan",
            looked_at: &[],
            now,
        })
        .unwrap();
        let mut csv = Vec::new();
        report::groups_csv(&report, &mut csv, Destination::File(CsvEncoding::Utf8)).unwrap();
        let mut csv = csv::Reader::from_reader(csv.as_slice());
        let groups = csv.deserialize::<BTreeMap<String, String>>().map(|group| {
            let group = group.unwrap();
            (group["receiving_domain"].clone(), group)
        });
        let look = Look {
            width: 100,
            color: false,
            verbose: false,
        };
        Day {
            groups: groups.collect(),
            text: report::table(&report, look),
            silent: report.is_silent(),
        }
    }
}

#[tokio::test]
async fn a_listing_that_flapped_four_times_with_an_outage_in_the_middle() {
    let play = Play::new().await;
    let to = "univ.example.ac.jp";
    let mail = |sent| spamhaus("sensei@univ.example.ac.jp", sent);
    let timeout = |at| zen(Answer::Timeout, at);
    let script: [(Timestamp, Vec<Event>, Listing, &str); 8] = [
        (at(1, 9), vec![mail(at(1, 8))], listed(at(1, 9)), "ongoing yes"),
        (at(1, 18), vec![], clean(at(1, 18)), "cleared no"),
        (at(2, 6), vec![], listed(at(2, 6)), "relisted yes"),
        (at(2, 20), vec![], clean(at(2, 20)), "cleared no"),
        (at(3, 4), vec![], listed(at(3, 4)), "relisted yes"),
        (at(3, 10), vec![], timeout(at(3, 10)), "relisted unknown"),
        (at(3, 15), vec![], clean(at(3, 15)), "cleared no"),
        (
            at(3, 22),
            vec![mail(at(3, 21))],
            listed(at(3, 22)),
            "relisted yes",
        ),
    ];
    let mut last = None;
    for (now, events, listing, expected) in script {
        let day = play.day(now, &events, &[listing]).await;
        assert_eq!(day.state(to), expected, "{now}:\n{}", day.text);
        last = Some(day);
    }
    let text = last.unwrap().text;
    // On the 1st from 8 to 18 h, on the 2nd from 6 to 20, on the 3rd from 4 to 15; the newest first.
    let told = "4 listings, 3 removals since 2026-11-01. Earlier ones were over after 11 h, 14 h, 10 h.";
    assert!(text.contains(told), "{text}");
}

#[tokio::test]
async fn late_bounces_of_mail_sent_before_a_clearing_never_bring_it_back() {
    let play = Play::new().await;
    let to = "daisansha.example.org";
    let mail = |day| {
        expired(
            "kyaku@daisansha.example.org",
            "spamhaus-zen",
            Some(ZEN),
            at(day, 10),
        )
    };
    // Nothing tells of the block before the first bounce, on day 6; by then the list has cleared it.
    for day in 6..=10 {
        let now = at(day, 12);
        let report = play.day(now, &[mail(day - 5)], &[clean(now)]).await;
        assert_eq!(report.state(to), "cleared no", "day {day}:\n{}", report.text);
        let counts = report.of(to, &["messages", "late", "late_cause"]);
        assert_eq!(counts, format!("{0} {0} queue-expired-at-connect", day - 5));
    }
    let text = play.report(at(10, 12)).await.text;
    assert!(!text.contains("listings"), "{text}");
    // Mail that was sent after the last check is refused again.
    let back = play.day(at(16, 12), &[mail(11)], &[]).await;
    assert_eq!(back.state(to), "relisted unknown", "{}", back.text);
}

#[tokio::test]
async fn a_zone_without_test_entries_is_over_by_presumption_and_days_are_open_until_bounces_are_due() {
    let play = Play::new().await;
    let to = "canary.example.com";
    let mail = |day| {
        expired(
            "cc@canary.example.com",
            "gmo-rbl",
            Some("gmo-rbl.jp"),
            at(day, 10),
        )
    };
    let grid = |text: &str| {
        let row = text
            .lines()
            .rfind(|line| line.trim_start().starts_with(IP))
            .unwrap()
            .to_owned();
        row.split_whitespace()
            .skip(1)
            .map(str::to_owned)
            .collect::<Vec<_>>()
            .join(" ")
    };
    // Refused from the 1st to the 5th; the first bounce comes on the 6th.
    let first = play.day(at(6, 12), &[mail(1)], &[]).await;
    assert_eq!(first.state(to), "ongoing unknown", "the first report");
    assert_eq!(grid(&first.text), "1* ? ? ? ? ?", "{}", first.text);
    for day in 7..=10 {
        let report = play.day(at(day, 12), &[mail(day - 5)], &[]).await;
        assert_eq!(report.state(to), "unknown unknown", "day {day}");
    }
    let text = play.report(at(10, 12)).await.text;
    assert_eq!(grid(&text), "1* 1* 1* 1* 1* ? ? ? ? ?", "{text}");
    // The last refused mail was sent on the 5th. On the 16th the bounces of all mail up to the 11th would be here.
    let text = play.report(at(16, 12)).await.text;
    assert!(!grid(&text).contains('?'), "{text}");
    assert_eq!(play.report(at(19, 10)).await.state(to), "unknown unknown");
    let over = play.report(at(19, 11)).await;
    assert_eq!(over.state(to), "cleared unknown");
    assert!(
        over.text
            .contains("Presumed over: no refusal of mail sent after 2026-11-05"),
        "{}",
        over.text
    );
    // A bounce of mail sent on the 4th that was long under way changes nothing.
    let mut lost = mail(4);
    lost.recipient = "lost@canary.example.com".to_owned();
    lost.times.bounced_at = Some(at(20, 9));
    let report = play.day(at(20, 12), &[lost], &[]).await;
    assert_eq!(report.state(to), "cleared unknown", "{}", report.text);
    let back = play.day(at(26, 12), &[mail(21)], &[]).await;
    assert_eq!(back.state(to), "relisted unknown", "{}", back.text);
}

#[tokio::test]
async fn a_delay_notice_waits_until_the_failure_or_the_delivery() {
    let play = Play::new().await;
    let to = "canary.example.com";
    let counts = ["messages", "delayed", "late"];
    let failure = expired("cc@canary.example.com", "gmo-rbl", Some("gmo-rbl.jp"), at(1, 10));
    let notice = |recipient: &str| {
        let mut notice = failure.clone();
        notice.action = Action::Delayed;
        notice.recipient = recipient.to_owned();
        notice.times.bounced_at = Some(at(1, 14));
        notice.message_id = Some(format!("{recipient}.1"));
        notice
    };
    let both = [
        notice("cc@canary.example.com"),
        notice("second@canary.example.com"),
    ];
    let waiting = play.day(at(1, 15), &both, &[]).await;
    assert_eq!(waiting.of(to, &counts), "1 1 0", "one mail to two people");
    assert!(waiting.text.contains("1 of them still waits"), "{}", waiting.text);
    let mut delivered = both[1].clone();
    delivered.action = Action::Delivered;
    delivered.times.bounced_at = Some(at(2, 9));
    delivered.message_id = Some("delivered".to_owned());
    let one = play.day(at(2, 10), &[delivered], &[]).await;
    assert_eq!(one.of(to, &["messages", "delayed", "recipients"]), "1 1 1");
    let failed = play.day(at(6, 12), std::slice::from_ref(&failure), &[]).await;
    assert_eq!(failed.of(to, &counts), "1 0 1");
    assert!(!failed.text.contains("still wait"), "{}", failed.text);
}

#[tokio::test]
async fn cron_is_silent_on_the_quiet_ones_of_ten_days() {
    let mut play = Play::new().await;
    play.settings.new = Some("cron".to_owned());
    let mail = |day, hour| spamhaus("sensei@univ.example.ac.jp", at(day, hour));
    let other = spamhaus("kyaku@kaisha.example.co.jp", at(8, 8));
    let nine = |day| at(day, 9);
    let script: [(i64, Vec<Event>, Listing, Option<&str>); 10] = [
        (1, vec![mail(1, 8)], listed(nine(1)), Some("the baseline")),
        (2, vec![], listed(nine(2)), None),
        (
            3,
            vec![mail(3, 8)],
            listed(nine(3)),
            Some("bounces after a day without"),
        ),
        (4, vec![mail(4, 7)], listed(nine(4)), None),
        (5, vec![], zen(Answer::Timeout, nine(5)), None),
        (6, vec![], clean(nine(6)), Some("over")),
        (7, vec![], clean(nine(7)), None),
        (8, vec![other], clean(nine(8)), Some("another domain")),
        (
            9,
            vec![],
            zen(Answer::Error("SERVFAIL".to_owned()), nine(9)),
            None,
        ),
        (10, vec![], listed(nine(10)), Some("back")),
    ];
    for (day, events, listing, news) in script {
        let report = play.day(nine(day), &events, &[listing]).await;
        assert_eq!(
            report.silent,
            news.is_none(),
            "day {day}: {news:?}\n{}",
            report.text
        );
        assert_eq!(report.groups.is_empty(), report.silent, "day {day}");
    }
}

#[tokio::test]
async fn a_new_uidvalidity_and_a_restored_ledger_count_nothing_twice_and_lose_nothing() {
    let mut play = Play::new().await;
    let to = "univ.example.ac.jp";
    let mail = |day| spamhaus("sensei@univ.example.ac.jp", at(day, 8));
    play.day(at(1, 9), &[mail(1)], &[listed(at(1, 9))]).await;
    play.ledger.close().await;
    let file = play.folder.path().join("ledger.db");
    let backup = fs::read(&file).unwrap();
    play.ledger = open(play.folder.path()).await;
    play.day(at(2, 9), &[mail(2)], &[listed(at(2, 9))]).await;
    // The folder gets other UIDs, and all of it is read again.
    let moved = |day| {
        let mut event = mail(day);
        event.source = event
            .source
            .to_string()
            .replace("UIDVALIDITY=7", "UIDVALIDITY=8")
            .parse::<Source>()
            .unwrap();
        event
    };
    let day = play
        .day(at(3, 9), &[moved(1), moved(2), moved(3)], &[listed(at(3, 9))])
        .await;
    assert_eq!(day.of(to, &["messages", "state"]), "3 ongoing");

    play.ledger.close().await;
    fs::write(&file, backup).unwrap();
    play.ledger = open(play.folder.path()).await;
    assert_eq!(play.report(at(3, 10)).await.of(to, &["messages"]), "1");
    let day = play
        .day(at(3, 10), &[moved(1), moved(2), moved(3)], &[listed(at(3, 10))])
        .await;
    assert_eq!(day.of(to, &["messages", "state"]), "3 ongoing");
}
