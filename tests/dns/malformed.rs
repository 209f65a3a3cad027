//! The table's row "malformed": an answer that is none makes no address clean, and the run does not wait for each.

use std::time::{Duration, Instant};

use bounceaudit::check::{Checked, Failure, HealthVerdict, Nameserver, Settings};

use futures::{StreamExt, stream};

use crate::faulty::Faulty;
use crate::servers::{TEST_ENTRY, Zones};
use crate::wrong::{self, FORGED, MALFORMED, OVER_TCP, Row, Test};
use crate::{ask, by, catalogue, health, listed, one, zone};

/// The answer about it is good in every zone.
const GOOD: &str = "198.51.100.6";
/// Addresses about which each zone gets its wrong answer.
const BAD: usize = 40;

/// Rows at a time: the machine, not the answers, would be slow otherwise.
const AT_ONCE: usize = 8;

fn rows() -> impl Iterator<Item = &'static Row> {
    FORGED.iter().chain(&MALFORMED).chain(&OVER_TCP)
}

fn through(server: &Faulty) -> Settings {
    Settings {
        servers: vec![Nameserver(server.at)],
        timeout: Some(Duration::from_secs(1)),
        tries: "2".parse().ok(),
        owner: Some(false),
        ..Settings::default()
    }
}

/// What each zone said of `GOOD` and of forty addresses, through a resolver of its own, and how many of them it was asked
/// about.
async fn asked(test: Test) -> Vec<(&'static Row, Checked, usize)> {
    let ips: Vec<String> = (1..=BAD).map(|last| format!("203.0.113.{last}")).collect();
    let ips: Vec<&str> = [GOOD].into_iter().chain(ips.iter().map(String::as_str)).collect();
    let catalogue = catalogue();
    let start = Instant::now();
    let one = async |row: &'static Row| {
        let server = wrong::start(&[row], test);
        let settings = Settings {
            only_zones: vec![zone(row.zone)],
            ..through(&server)
        };
        let checked = by(&catalogue, &settings, &ips, &[]).await;
        let ours = format!(".113.0.203.{}.", row.zone);
        let asked = server.asked();
        (
            row,
            checked,
            asked.iter().filter(|name| name.ends_with(&ours)).count(),
        )
    };
    let all: Vec<_> = stream::iter(rows())
        .map(one)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    assert_eq!(all.len(), rows().count());
    // Two seconds for each of forty addresses of the silent rows, eight at a time, would take over two minutes.
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    all
}

#[tokio::test]
async fn an_answer_that_is_none_is_an_error_or_as_good_as_silence() {
    for (row, checked, asked) in asked(Test::Good).await {
        assert_eq!(
            one(&checked, row.zone, GOOD).answer.word(),
            "not-listed",
            "{}",
            row.zone
        );
        for listing in checked
            .listings
            .iter()
            .filter(|listing| listing.ip.to_string() != GOOD)
        {
            assert!(row.allows(listing.answer.word()), "{listing:?}");
        }
        // Eight silences, and what was asked beside the last of them.
        let most = if row.result == "timeout" { 16 } else { BAD };
        assert!((1..=most).contains(&asked), "{}: {asked}", row.zone);
        if MALFORMED.iter().any(|malformed| malformed.zone == row.zone) {
            let why = one(&checked, row.zone, "203.0.113.1").in_words();
            let is_code = row.zone.starts_with("code-11");
            let wanted = if is_code {
                "DNS response code 11"
            } else {
                "malformed answer"
            };
            assert_eq!(why, Some(wanted), "{}", row.zone);
        }
    }
}

#[tokio::test]
async fn a_zone_whose_test_gets_no_answer_is_not_asked_about_addresses() {
    for (row, checked, asked) in asked(Test::Wrong).await {
        assert_eq!(checked.listings.len(), 1 + BAD);
        for listing in &checked.listings {
            assert!(row.allows(listing.answer.word()), "{listing:?}");
        }
        assert_eq!(asked, 0, "{}", row.zone);
    }
}

#[tokio::test]
async fn the_next_resolver_is_asked_when_the_answers_of_one_are_malformed() {
    let row = rows().find(|row| row.zone == "half-a-record.example").unwrap();
    let broken = wrong::start(&[row], Test::Wrong);
    let lines = format!("{TEST_ENTRY}203.0.113.5 :127.0.0.2:spam\n");
    let good = Zones::default().ipv4("half-a-record.example", &lines).start();
    let settings = Settings {
        servers: vec![Nameserver(broken.at), Nameserver(good.resolver)],
        ..through(&broken)
    };
    let checked = ask(settings, &["half-a-record.example"], &["203.0.113.5"]).await;
    let listing = one(&checked, "half-a-record.example", "203.0.113.5");
    assert_eq!(listing.answer, listed(&["127.0.0.2"]));
    let malformed = HealthVerdict::Failed(Failure::Unusable("malformed answer".into()));
    assert_eq!(health(&checked), [&malformed, &HealthVerdict::Healthy]);
}

/// The same answers, given to unbound by a list's server. It says SERVFAIL, or passes them on; three it mends, by leaving out
/// what the header does not count as an answer, and records of another name. What it gives then is an answer without
/// records like any other.
#[tokio::test]
async fn a_resolver_between_us_and_a_malformed_answer_makes_it_no_better() {
    let mended = [
        "no-record.example",
        "record-elsewhere.example",
        "record-of-another-name.example",
    ];
    let rows: Vec<_> = rows().filter(|row| !mended.contains(&row.zone)).collect();
    let behind =
        |zones: Zones, row: &&'static Row| zones.elsewhere(row.zone, wrong::start(&[row], Test::Good).at);
    let servers = rows.iter().fold(Zones::default(), behind);
    let servers = servers.start();
    let settings = Settings {
        servers: vec![Nameserver(servers.resolver)],
        owner: Some(false),
        ..Settings::default()
    };
    let names: Vec<&str> = rows.iter().map(|row| row.zone).collect();
    let checked = ask(settings, &names, &[GOOD, "203.0.113.5"]).await;
    for row in rows {
        assert_eq!(
            one(&checked, row.zone, GOOD).answer.word(),
            "not-listed",
            "{}",
            row.zone
        );
        let word = one(&checked, row.zone, "203.0.113.5").answer.word();
        assert!(["error", "timeout"].contains(&word), "{}: {word}", row.zone);
    }
}
