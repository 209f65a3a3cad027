//! What a report of the last 30 days costs out of a ledger of 1,000,000 events.
//!
//! `cargo bench --bench history` fills a ledger with 400 days of bounces and prints a line for each aim:
//!
//! * `bounceaudit report --since 30d`: under a second;
//! * its peak memory: under 128 MB.
//!
//! Filling takes minutes: `cargo bench --bench history -- FILE` keeps the ledger in that file for the next time. The
//! least of five runs is what counts.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may stop at once, and prints"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use bounceaudit::bounce;
use bounceaudit::catalogue::Catalogue;
use bounceaudit::event::{Event, Message, ReceivingDomain, Source, Timestamp};
use bounceaudit::ledger::{Ledger, Reading, Settings};
use chrono::{Local, TimeDelta};

const RUNS: usize = 5;
const EVENTS: u32 = 1_000_000;
const DAYS: i64 = 400;
/// As many as a scan records at once.
const BATCH: u32 = 1_000;

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    // `cargo test --all-targets` starts benches too
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let ledger = arguments
        .next()
        .map_or_else(|| folder.path().join("ledger.db"), PathBuf::from);
    if !ledger.exists() {
        fill(&ledger);
    }
    println!(
        "{EVENTS} events in {DAYS} days, {} MB",
        fs::metadata(&ledger).unwrap().len() / 1_000_000
    );
    for (what, arguments) in [
        ("30 days", ["--since", "30d"].as_slice()),
        ("30 days, csv", &["--since", "30d", "--format", "csv"]),
        ("a day", &["--since", "1d"]),
    ] {
        let runs = (0..RUNS).map(|_| report(&ledger, arguments));
        let (time, peak_kb) = runs.min().unwrap();
        println!(
            "{what}: {:.2} s  (aim: under 1), {:.0} MB  (aim: under 128)",
            time.as_secs_f64(),
            peak_kb as f64 / 1000.0
        );
    }
}

fn report(ledger: &Path, arguments: &[&str]) -> (Duration, u64) {
    let begun = Instant::now();
    let mut report = Command::new(env!("CARGO_BIN_EXE_bounceaudit"))
        .args(["report", "--ledger"])
        .arg(ledger)
        .args(arguments)
        .env("XDG_CONFIG_HOME", ledger.parent().unwrap())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let mut peak_kb = 0;
    let status = loop {
        peak_kb = peak_kb.max(peak_of(report.id()).unwrap_or(0));
        if let Some(status) = report.try_wait().unwrap() {
            break status;
        }
        thread::sleep(Duration::from_millis(1));
    };
    assert!(status.success(), "{status}");
    (begun.elapsed(), peak_kb)
}

/// `VmHWM:    12345 kB` (proc(5))
fn peak_of(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

#[tokio::main(flavor = "current_thread")]
async fn fill(path: &Path) {
    let begun = Instant::now();
    let settings = Settings {
        url: Some(path.display().to_string()),
        ..Settings::default()
    };
    let ledger = Ledger::open(&settings).await.unwrap();
    let (model, now) = (model(), Local::now().fixed_offset());
    for first in (0..EVENTS).step_by(BATCH as usize) {
        let events: Vec<Event> = (first..first + BATCH)
            .map(|number| event(&model, number, now))
            .collect();
        let reading = Reading {
            events: &events,
            not_understood: &[],
            no_bounces: &[],
            mails: &[],
            position: None,
            now: events.last().unwrap().times.bounced_at.unwrap(),
        };
        ledger.record(reading).await.unwrap();
    }
    ledger.close().await;
    println!("filled in {:.0?}", begun.elapsed());
}

/// A bounce as the reader and the catalogue understand it.
fn model() -> Event {
    let mail = include_bytes!("../tests/corpus/postfix-gmo-rbl-late.eml");
    let message = Message {
        source: "postfix-gmo-rbl-late.eml".parse().unwrap(),
        received_at: None,
        bytes: mail.to_vec(),
    };
    let event = bounce::read(&message).remove(0);
    Catalogue::built_in().unwrap().classify(event)
}

/// Seven addresses, 500 receiving domains, three recipients to a mail, half of the bounces five days late.
fn event(model: &Event, number: u32, now: Timestamp) -> Event {
    let mut event = model.clone();
    let bounced = now - TimeDelta::seconds(DAYS * 86_400 * i64::from(EVENTS - number) / i64::from(EVENTS));
    let life = if number.is_multiple_of(2) {
        TimeDelta::seconds(2)
    } else {
        TimeDelta::days(5)
    };
    event.source = format!(
        "imap://u@mail.example.com/INBOX;UIDVALIDITY=1/;UID={}",
        number + 1
    )
    .parse::<Source>()
    .unwrap();
    event.message_id = Some(format!("bounce-{number}@sv77.hosting.example.jp"));
    event.times.bounced_at = Some(bounced);
    event.times.sent_at = Some(bounced - life);
    event.original.message_id = Some(format!("original-{}@shop.example.jp", number / 3));
    event.recipient = format!("user{}@receiver{}.example.net", number % 20_000, number % 500);
    event.receiving_domain = ReceivingDomain::of(&event.recipient).unwrap();
    event.verdict.blocked_ip = Some(format!("192.0.2.{}", number % 7 + 70).parse().unwrap());
    event
}
