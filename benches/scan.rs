//! What a scan of a real Dovecot costs over TLS, beside a raw reader that discards what it fetches, in the same run.
//!
//! `cargo bench --bench scan` fills two mailboxes and prints a line for each aim:
//!
//! * 20,000 bounces (110 MB): a scan into the ledger takes at most 5 times `UID FETCH 1:* BODY.PEEK[]`;
//! * 100,000 mails, 2 % of them bounces: at most 3 times the raw fetch of the header fields, under 25 MB over the wire;
//! * at most 64 MB of memory in both; a scan with nothing new at most 0.2 s beyond the login.
//!
//! `cargo bench --bench scan -- bounces` or `-- few` measures one of the two.
//! Takes minutes, and Dovecot (`tests/run` installs it). The least of three runs is what counts.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench may stop at once, and prints"
)]

#[path = "../tests/support"]
mod support {
    pub(crate) mod certificate;
    pub(crate) mod dovecot;
}

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bounceaudit::mailbox::HEADER_FIELDS;
use support::certificate::{Authority, Leaf};
use support::dovecot::{Dovecot, PASSWORD, USER};
use tempfile::TempDir;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

const RUNS: usize = 3;

fn main() {
    // `cargo test --all-targets` starts benches too
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let office = Office::new();
    let wanted = |part: &str| {
        let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
        arguments.next().is_none_or(|only| only == part)
    };
    if wanted("bounces") {
        bounces(&office);
    }
    if wanted("few") {
        office_with_few(&office);
    }
}

/// 20,000 bounces.
fn bounces(office: &Office) {
    let dovecot = Dovecot::start(&office.leaf);
    fill(&dovecot, 20_000, 1);
    office.raw_select(dovecot.port);
    let raw = least(|| office.raw(dovecot.port, "BODY.PEEK[]"));
    // One for all runs: a folder at another port is another folder.
    let wire = Wire::to(dovecot.port);
    let scan = least(|| office.scan(&wire, Ledger::New));
    println!("20,000 bounces, {} MB of mails", raw.bytes / 1_000_000);
    aim(
        "scan / raw BODY.PEEK[]",
        scan.time.as_secs_f64() / raw.time.as_secs_f64(),
        5.0,
    );
    println!("  raw {:.2?}, scan {:.2?}", raw.time, scan.time);
    aim("peak memory, MB", scan.peak_kb as f64 / 1000.0, 64.0);
    let again = least(|| office.scan(&wire, Ledger::AsItIs));
    let login = least(|| office.raw_login(dovecot.port));
    println!("  again {:.2?}, login {:.2?}", again.time, login.time);
    aim(
        "nothing new, s beyond the login",
        (again.time.saturating_sub(login.time)).as_secs_f64(),
        0.2,
    );
}

/// 100,000 mails, 2 % of them bounces.
fn office_with_few(office: &Office) {
    let dovecot = Dovecot::start(&office.leaf);
    fill(&dovecot, 100_000, 50);
    office.raw_select(dovecot.port);
    let raw = least(|| {
        office.raw(
            dovecot.port,
            &format!("BODY.PEEK[HEADER.FIELDS ({HEADER_FIELDS})]"),
        )
    });
    let wire = Wire::to(dovecot.port);
    let scan = least(|| office.scan(&wire, Ledger::New));
    println!("100,000 mails, 2 % bounces");
    aim(
        "scan / raw HEADER.FIELDS",
        scan.time.as_secs_f64() / raw.time.as_secs_f64(),
        3.0,
    );
    println!("  raw {:.2?}, scan {:.2?}", raw.time, scan.time);
    aim("over the wire, MB", scan.bytes as f64 / 1e6, 25.0);
    aim("peak memory, MB", scan.peak_kb as f64 / 1000.0, 64.0);
}

fn aim(what: &str, figure: f64, most: f64) {
    let verdict = if figure <= most { "within" } else { "MISSED" };
    println!("  {what}: {figure:.2}  (aim: at most {most}, {verdict})");
}

/// What one run cost.
struct Cost {
    time: Duration,
    /// From the server, as TLS or plain text, whichever was counted.
    bytes: u64,
    peak_kb: u64,
}

fn least(run: impl Fn() -> Cost) -> Cost {
    let runs = (0..RUNS).map(|_| run());
    runs.min_by_key(|cost| cost.time).unwrap()
}

enum Ledger {
    New,
    AsItIs,
}

/// A home with a password file, and the authority that vouches for the server.
struct Office {
    home: TempDir,
    leaf: Leaf,
    roots: RootCertStore,
}

impl Office {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let authority = Authority::new().unwrap();
        fs::write(home.path().join("ca.pem"), authority.pem()).unwrap();
        fs::write(home.path().join("password"), PASSWORD).unwrap();
        let owner_only = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        fs::set_permissions(home.path().join("password"), owner_only).unwrap();
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).unwrap())
            .unwrap();
        let leaf = authority.vouch_for(&["localhost"]).unwrap();
        Self { home, leaf, roots }
    }

    fn scan(&self, wire: &Wire, ledger: Ledger) -> Cost {
        if matches!(ledger, Ledger::New) {
            for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
                fs::remove_file(self.home.path().join(name)).ok();
            }
        }
        let before = wire.received.load(Ordering::SeqCst);
        let begun = Instant::now();
        let mut scan = Command::new(env!("CARGO_BIN_EXE_bounceaudit"))
            .args([
                "scan",
                "--host",
                "localhost",
                "--user",
                USER,
                "--password-file",
                "password",
            ])
            .args([
                "--ca-file",
                "ca.pem",
                "--ledger",
                "ledger.db",
                "--no-dns",
                "--quiet",
                "--port",
            ])
            .arg(wire.port.to_string())
            .current_dir(self.home.path())
            .env("XDG_CONFIG_HOME", self.home.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut peak_kb = 0;
        let status = loop {
            peak_kb = peak_kb.max(peak_of(scan.id()).unwrap_or(0));
            if let Some(status) = scan.try_wait().unwrap() {
                break status;
            }
            thread::sleep(Duration::from_millis(1));
        };
        let time = begun.elapsed();
        assert!(status.success(), "{status}");
        Cost {
            time,
            bytes: wire.received.load(Ordering::SeqCst) - before,
            peak_kb,
        }
    }

    fn raw(&self, server: u16, items: &str) -> Cost {
        let mut raw = Raw::log_in(self, server);
        let begun = Instant::now();
        let bytes = raw.ask(&format!("UID FETCH 1:* (UID {items})"));
        Cost {
            time: begun.elapsed(),
            bytes,
            peak_kb: 0,
        }
    }

    /// What a mail program does with a folder some time or other: Dovecot writes down what it holds.
    fn raw_select(&self, server: u16) {
        Raw::log_in(self, server).ask("SELECT INBOX");
    }

    fn raw_login(&self, server: u16) -> Cost {
        let begun = Instant::now();
        Raw::log_in(self, server);
        Cost {
            time: begun.elapsed(),
            bytes: 0,
            peak_kb: 0,
        }
    }
}

/// `VmHWM:    12345 kB` (proc(5))
fn peak_of(process: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}

/// An IMAP client that looks at nothing but the ends of answers.
struct Raw {
    stream: BufReader<StreamOwned<ClientConnection, TcpStream>>,
    tag: u32,
}

impl Raw {
    fn log_in(office: &Office, server: u16) -> Self {
        let config = ClientConfig::builder()
            .with_root_certificates(office.roots.clone())
            .with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = ClientConnection::new(Arc::new(config), name).unwrap();
        let socket = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap();
        let mut raw = Self {
            stream: BufReader::with_capacity(64 * 1024, StreamOwned::new(tls, socket)),
            tag: 0,
        };
        raw.ask(&format!("LOGIN {USER} \"{PASSWORD}\""));
        raw.ask("EXAMINE INBOX");
        raw
    }

    /// Sends a command and discards what comes until it is done; the number of bytes.
    fn ask(&mut self, command: &str) -> u64 {
        self.tag += 1;
        let done = format!("a{} OK", self.tag).into_bytes();
        write!(self.stream.get_mut(), "a{} {command}\r\n", self.tag).unwrap();
        let (mut bytes, mut line) = (0, Vec::new());
        while !line.starts_with(&done) {
            line.clear();
            bytes += self.stream.read_until(b'\n', &mut line).unwrap() as u64;
            assert!(!line.is_empty(), "the server left");
        }
        bytes
    }
}

/// Counts what comes from the server, encrypted as it is.
struct Wire {
    port: u16,
    received: Arc<AtomicU64>,
}

impl Wire {
    fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let received = Arc::new(AtomicU64::new(0));
        let count = Arc::clone(&received);
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, count) = (client.unwrap(), Arc::clone(&count));
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap();
                let (asks, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                thread::spawn(move || pass_on(asks, to_server, &AtomicU64::new(0)));
                thread::spawn(move || pass_on(server, client, &count));
            }
        });
        Self { port, received }
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, count: &AtomicU64) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        count.fetch_add(length as u64, Ordering::SeqCst);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    to.shutdown(Shutdown::Both).ok();
}

/// So many mails, each `every`th of them a bounce of 5.5 kB with recipient, time and reply of its own.
fn fill(dovecot: &Dovecot, mails: usize, every: usize) {
    let bounce = include_str!("../tests/corpus/postfix-gmo-rbl-late.eml").replace('\r', "");
    let padding =
        "X-Padding: as headers of today have it, signatures and traces of every hop on the way\n".repeat(40);
    let maildir = dovecot.maildir();
    for number in 0..mails {
        let mail = if number % every == 0 {
            padding.clone()
                + &bounce
                    .replace(
                        "cc@canary.example.com",
                        &format!("user{number}@receiver{}.example.net", number % 500),
                    )
                    .replace("192.0.2.77", &format!("192.0.2.{}", number % 7 + 70))
        } else {
            format!(
                "{padding}Return-Path: <news@shop.example.com>\nFrom: news@shop.example.com\nTo: {USER}\n\
                 Subject: Catalogue {number}\nContent-Type: text/plain; charset=utf-8\n\n{}\n",
                "Nothing bounced. ".repeat(100)
            )
        };
        write_mail(&maildir, number, &mail);
    }
    dovecot.take_over();
}

fn write_mail(maildir: &Path, number: usize, mail: &str) {
    // Names that differ in their last letters: those that only count upwards Dovecot's hash (ELF's) takes for one another
    // by thousands. Not in `new`, from where it would move each to `cur`.
    let unlike = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let name = format!("cur/{}.M{number}P1.{unlike:016x}:2,", 1_790_000_000 + number);
    fs::write(maildir.join(name), mail).unwrap();
}
