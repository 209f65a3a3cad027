//! A scan that is killed at any moment: the next one completes the picture.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Child;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender, TryRecvError};
use std::thread;
use std::time::{Duration, Instant};

use crate::mailbox::{Row, SHARED, events};
use crate::office::Office;
use crate::support::dovecot::{Dovecot, USER};

const MAILS: usize = 5000;
const KILLS_IN_EACH: usize = 17;
const SEED: u64 = 20_261_122;
/// Far more than a scan of these mails takes.
const PATIENCE: Duration = Duration::from_secs(120);

/// What the scan was doing when it was killed.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Pass {
    Headers,
    Bodies,
    Commit,
}

const PASSES: [Pass; 3] = [Pass::Headers, Pass::Bodies, Pass::Commit];

/// Stands between the program and the server, in the clear and at one port (which is part of a folder's name), and
/// counts what the server answers in each pass.
struct Between {
    port: u16,
    scans: Sender<Scan>,
}

/// What is watched of one scan.
struct Scan {
    answered: Arc<[AtomicU64; 2]>,
    tripwire: Tripwire,
}

/// Tells when so many bytes of a pass went by.
type Tripwire = Option<(Pass, u64, Sender<()>)>;

impl Between {
    fn stand(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (scans, watched) = mpsc::channel::<Scan>();
        thread::spawn(move || {
            for scan in watched {
                let (client, _) = listener.accept().unwrap();
                let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server)).unwrap();
                thread::spawn(move || relay(client, server, &scan));
            }
        });
        Self { port, scans }
    }

    /// Expects the connection of one scan; the counts grow while it runs.
    fn expect(&self, tripwire: Tripwire) -> Arc<[AtomicU64; 2]> {
        let answered = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let scan = Scan {
            answered: Arc::clone(&answered),
            tripwire,
        };
        self.scans.send(scan).unwrap();
        answered
    }
}

fn relay(client: TcpStream, server: TcpStream, scan: &Scan) {
    const NEITHER: usize = 2;
    let pass = Arc::new(AtomicUsize::new(NEITHER));
    let (asks, mut to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    let asked = Arc::clone(&pass);
    let commands = thread::spawn(move || {
        let mut asks = BufReader::new(asks);
        let mut line = Vec::new();
        while asks.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
            let text = String::from_utf8_lossy(&line);
            if text.contains("HEADER.FIELDS") {
                asked.store(Pass::Headers as usize, Ordering::SeqCst);
            } else if text.contains("BODY.PEEK[]") {
                asked.store(Pass::Bodies as usize, Ordering::SeqCst);
            }
            if to_server.write_all(&line).is_err() {
                break;
            }
            line.clear();
        }
        to_server.shutdown(Shutdown::Both).ok();
    });
    let (mut answers, mut to_client) = (server, client);
    let mut buffer = [0; 4096];
    while let Ok(length @ 1..) = answers.read(&mut buffer) {
        let now = pass.load(Ordering::SeqCst);
        if now != NEITHER {
            let gone_by = scan.answered[now].fetch_add(length as u64, Ordering::SeqCst);
            if let Some((pass, at, tell)) = &scan.tripwire
                && *pass as usize == now
                && gone_by + length as u64 > *at
            {
                tell.send(()).ok();
            }
        }
        if to_client.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    to_client.shutdown(Shutdown::Both).ok();
    commands.join().unwrap();
}

/// Two bounces of Postfix for three mails that are none.
fn fill(maildir: &Path) {
    let bounce = include_str!("../corpus/postfix-gmo-rbl-late.eml").replace('\r', "");
    for number in 0..MAILS {
        let mail = if number % 5 < 2 {
            bounce
                .replace(
                    "cc@canary.example.com",
                    &format!("user{number}@receiver{}.example.net", number % 50),
                )
                .replace("192.0.2.77", &format!("192.0.2.{}", number % 7 + 70))
        } else {
            format!(
                "From: news@shop.example.com\nTo: {USER}\nDate: Sun, 22 Nov 2026 10:00:00 +0900\n\
                 Subject: Catalogue {number}\nMessage-ID: <{number}@shop.example.com>\n\n{}\n",
                "Nothing bounced. ".repeat(40)
            )
        };
        fs::write(
            maildir.join(format!("new/{}.{number}.host", 1_790_000_000 + number)),
            mail,
        )
        .unwrap();
    }
}

fn options(port: u16) -> Vec<String> {
    let port = port.to_string();
    [
        "scan",
        "--host",
        "127.0.0.1",
        "--tls",
        "none",
        "--port",
        &port,
        "--user",
        USER,
    ]
    .into_iter()
    .chain(["--password-file", "password", "--no-dns", "--quiet"])
    .chain(SHARED)
    .map(str::to_owned)
    .collect()
}

/// Kills the program at the moment that the wire tells of; false when it ended before that.
fn kill_at(mut child: Child, wire: &Receiver<()>) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match wire.try_recv() {
            Ok(()) => {
                child.kill().unwrap();
                child.wait().unwrap();
                return true;
            }
            Err(TryRecvError::Empty | TryRecvError::Disconnected) => {}
        }
        if let Some(status) = child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return false;
        }
        assert!(Instant::now() < deadline, "the scan does not end");
        thread::sleep(Duration::from_micros(50));
    }
}

/// Tells when the write-ahead log of the ledger was written to so many times.
fn watch(log: PathBuf, times: u64, tell: Sender<()>) {
    thread::spawn(move || {
        let length = || fs::metadata(&log).map_or(0, |log| log.len());
        let (mut seen, mut changed) = (length(), 0);
        let deadline = Instant::now() + PATIENCE;
        while changed <= times && Instant::now() < deadline {
            let now = length();
            if now != seen {
                (seen, changed) = (now, changed + 1);
            }
            thread::sleep(Duration::from_micros(20));
        }
        tell.send(()).ok();
    });
}

/// The next of a series of numbers below `limit` (SplitMix64).
fn random(state: &mut u64, limit: u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (mixed ^ (mixed >> 31)) % limit.max(1)
}

fn forget(office: &Office) {
    for name in ["ledger.db", "ledger.db-wal", "ledger.db-shm"] {
        fs::remove_file(office.path(name)).ok();
    }
}

/// What a scan that nobody disturbs leaves, and how many bytes of answers each pass had.
fn undisturbed(office: &Office, between: &Between) -> (Vec<Row>, [u64; 2]) {
    let answered = between.expect(None);
    let ran = office.bounceaudit(options(between.port));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    let bytes = [Pass::Headers, Pass::Bodies].map(|pass| answered[pass as usize].load(Ordering::SeqCst));
    (events(office), bytes)
}

#[test]
#[ignore = "long: fifty scans of 5,000 mails"]
fn a_scan_that_is_killed_at_any_moment_loses_and_doubles_nothing() {
    let office = Office::new();
    fs::write(office.path("config.toml"), "").unwrap();
    let dovecot = Dovecot::start(&office.certificate("localhost"));
    fill(&dovecot.maildir());
    dovecot.take_over();
    let between = Between::stand(dovecot.starttls_port);
    let (truth, bytes) = undisturbed(&office, &between);
    assert_eq!(truth.len(), MAILS * 2 / 5);
    forget(&office);

    let mut state = SEED;
    let (mut kills, mut completed) = (BTreeMap::new(), 0);
    let mut turn = 0;
    while PASSES
        .iter()
        .any(|pass| kills.get(pass).copied().unwrap_or(0) < KILLS_IN_EACH)
    {
        let pass = PASSES[turn % PASSES.len()];
        turn += 1;
        let (tell, wire) = mpsc::channel();
        let tripwire = match pass {
            // a quarter, so that a scan is killed several times before it ends
            Pass::Headers | Pass::Bodies => {
                Some((pass, random(&mut state, bytes[pass as usize] / 4), tell.clone()))
            }
            Pass::Commit => None,
        };
        if pass == Pass::Commit {
            watch(office.path("ledger.db-wal"), random(&mut state, 6), tell);
        }
        between.expect(tripwire);
        if kill_at(office.start(options(between.port)), &wire) {
            *kills.entry(pass).or_insert(0_usize) += 1;
        } else {
            completed += 1;
            assert_eq!(events(&office), truth, "after {kills:?}");
            forget(&office);
        }
    }
    let (found, _) = undisturbed(&office, &between);
    assert_eq!(found, truth, "after {kills:?}");
    let (again, bytes) = undisturbed(&office, &between);
    assert_eq!((again, bytes), (found, [0, 0]), "nothing is read a second time");
    eprintln!("killed: {kills:?}; {completed} scans came through before their moment");
}
