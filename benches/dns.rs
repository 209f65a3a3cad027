//! How fast addresses are checked through an unbound on loopback with a cold cache, beside dnsperf in the same run.
//!
//! `cargo bench --bench dns` prints a line for each aim:
//!
//! * 1,000 addresses × 8 zones: at least 60 % of the rate at which dnsperf, 64 in flight, gets answers to the same questions;
//! * the program's memory for them: at most 40 MB;
//! * 500 addresses × one silent zone: one or two timeouts, not 500.
//!
//! Takes dnsperf (`apt-get install dnsperf`) besides rbldnsd and unbound (`tests/run` installs these). The best of five runs
//! is what counts, each with servers of its own. Besides the questions of the lists the program asks the test entries, the
//! TXT of each listing and the PTR of each address, a fifth more; its rate counts the 8,000 alone. It wants two cores to
//! itself: beside other work the program, which takes more of a core for a question than dnsperf, loses more than dnsperf.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may stop at once, and prints"
)]

#[path = "../tests/support/dns.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod servers;

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, UdpSocket};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use bounceaudit::catalogue::Catalogue;
use bounceaudit::check::{self, Answer, Checked, Known, Nameserver, Questions, Settings};
use bounceaudit::event::Zone;
use servers::{Servers, TEST_ENTRY, Zones};

const RUNS: usize = 5;
const ZONES: usize = 8;
/// Each tenth is listed.
const ADDRESSES: usize = 1_000;

fn main() {
    // `cargo test --all-targets` starts benches too
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    rate();
    silence();
}

fn zone(number: usize) -> String {
    format!("bl{number}.example")
}

fn address(number: usize) -> String {
    format!("10.1.{}.{}", number / 250, number % 250)
}

fn lists() -> Servers {
    let listed = (0..ADDRESSES)
        .step_by(10)
        .fold(TEST_ENTRY.to_owned(), |mut lines, number| {
            writeln!(lines, "{} :127.0.0.2:spam", address(number)).unwrap();
            lines
        });
    (0..ZONES)
        .fold(Zones::default(), |zones, number| {
            zones.ipv4(&zone(number), &listed)
        })
        .start()
}

fn settings(servers: &Servers) -> Settings {
    Settings {
        servers: vec![Nameserver(servers.resolver)],
        only_zones: (0..ZONES).map(|number| Zone::from(zone(number))).collect(),
        ..Settings::default()
    }
}

/// What the room `check` finds out, and how long it takes.
fn checked(settings: &Settings, ips: &[IpAddr]) -> (Checked, Duration) {
    let catalogue = Catalogue::built_in().unwrap();
    let questions = Questions {
        ips,
        zones: &[],
        domains: &[],
        known: &Known::default(),
    };
    let now = "2026-11-22T00:00:00+00:00".parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let begun = Instant::now();
    let checked = runtime.block_on(check::all(settings, &catalogue, questions, now));
    (checked.unwrap(), begun.elapsed())
}

fn rate() {
    let ips: Vec<IpAddr> = (0..ADDRESSES)
        .map(|number| address(number).parse().unwrap())
        .collect();
    let (mut ours, mut theirs, mut peak_kb) = (0.0_f64, 0.0_f64, u64::MAX);
    for _ in 0..RUNS {
        theirs = theirs.max(dnsperf(&lists()));
        let servers = lists();
        let (checked, time) = checked(&settings(&servers), &ips);
        let count = |wanted: &str| {
            checked
                .listings
                .iter()
                .filter(|one| one.answer.word() == wanted)
                .count()
        };
        assert_eq!((count("listed"), count("not-listed")), (800, 7_200));
        ours = ours.max(checked.listings.len() as f64 / time.as_secs_f64());
        peak_kb = peak_kb.min(program(&lists()));
    }
    println!("{ADDRESSES} addresses × {ZONES} zones, cold cache: {ours:.0} answers/s, dnsperf {theirs:.0}/s");
    let verdict = |holds: bool| if holds { "within" } else { "MISSED" };
    let share = ours / theirs * 100.0;
    println!(
        "  of dnsperf's rate: {share:.0} %  (aim: at least 60, {})",
        verdict(share >= 60.0)
    );
    let peak = peak_kb as f64 / 1000.0;
    println!(
        "  peak memory: {peak:.1} MB  (aim: at most 40, {})",
        verdict(peak <= 40.0)
    );
}

/// Answers a second to the same questions.
fn dnsperf(servers: &Servers) -> f64 {
    let mut questions = String::new();
    for number in 0..ADDRESSES {
        let ip = address(number);
        let reversed = ip.split('.').rev().collect::<Vec<_>>().join(".");
        for at in 0..ZONES {
            writeln!(questions, "{reversed}.{} A", zone(at)).unwrap();
        }
    }
    let mut child = Command::new("dnsperf")
        .args(["-s", "127.0.0.1", "-p", &servers.resolver.port().to_string()])
        .args(["-n", "1", "-q", "64"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|why| panic!("dnsperf: {why}: apt-get install dnsperf"));
    child
        .stdin
        .take()
        .unwrap()
        .write_all(questions.as_bytes())
        .unwrap();
    let said = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let figure = |name: &str| -> f64 {
        let line = said.lines().find_map(|line| line.trim().strip_prefix(name));
        let line = line.unwrap_or_else(|| panic!("no {name} in {said}"));
        line.split_whitespace().next().unwrap().parse().unwrap()
    };
    assert_eq!(figure("Queries completed:") as usize, ADDRESSES * ZONES, "{said}");
    figure("Queries per second:")
}

/// The most memory, in kB, that `bounceaudit check` takes for them.
fn program(servers: &Servers) -> u64 {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bounceaudit"));
    command.args(["check", "--format", "csv", "--dns", &servers.resolver.to_string()]);
    for number in 0..ZONES {
        command.args(["--zone", &zone(number)]);
    }
    let home = tempfile::tempdir().unwrap();
    let mut child = command
        .arg("-")
        .env("HOME", home.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let ips: String = (0..ADDRESSES).map(|number| address(number) + "\n").collect();
    child.stdin.take().unwrap().write_all(ips.as_bytes()).unwrap();
    let mut peak_kb = 0;
    while child.try_wait().unwrap().is_none() {
        peak_kb = peak_kb.max(peak_of(child.id()).unwrap_or(0));
        std::thread::sleep(Duration::from_millis(1));
    }
    peak_kb
}

fn peak_of(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

fn silence() {
    let silent = UdpSocket::bind("127.0.0.1:0").unwrap();
    let servers = Zones::default()
        .elsewhere("silent.example", silent.local_addr().unwrap())
        .start();
    let settings = Settings {
        only_zones: vec![Zone::from("silent.example".to_owned())],
        ..settings(&servers)
    };
    let ips: Vec<IpAddr> = (0..500).map(|number| address(number).parse().unwrap()).collect();
    let (checked, time) = checked(&settings, &ips);
    assert!(checked.listings.iter().all(|one| one.answer == Answer::Timeout));
    // Three tries of two seconds each.
    let timeouts = time.as_secs_f64() / 6.0;
    let verdict = if timeouts <= 2.0 { "within" } else { "MISSED" };
    println!(
        "500 addresses × 1 silent zone: {time:.2?}, {timeouts:.1} timeouts  (aim: at most 2, {verdict})"
    );
}
