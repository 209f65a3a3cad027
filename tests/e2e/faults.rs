//! What a server may do in the middle of a scan, each fault by itself, down to the ledger and the exit status: every bounce that
//! can be read is recorded, or what is missing is named and the status is 3, and the next run completes the picture.

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;

use crate::mailbox::events;
use crate::office::{Office, Ran};

#[allow(dead_code, reason = "the tests of the mailbox room use more of it")]
#[path = "../../src/mailbox/faults/script.rs"]
mod script;
#[allow(dead_code, reason = "the tests of the mailbox room use more of it")]
#[path = "../../src/mailbox/faults/server.rs"]
mod server;

use script::{At, BYE, SERVERBUG, Script, Wrong};
use server::Server;

/// Five bounces and a customer's mail.
const MAILS: u32 = 6;
/// The mail at which it goes wrong.
const BAD: u32 = 5;

/// A server at one port, whatever it does at a time.
struct Place {
    office: Office,
    listener: TcpListener,
}

impl Place {
    fn new() -> Self {
        let office = Office::new();
        fs::write(office.path("config.toml"), "").unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        Self { office, listener }
    }

    /// A scan of a server that behaves like this.
    fn scan(&self, script: Script, more: &[&str]) -> Ran {
        let port = self.listener.local_addr().unwrap().port().to_string();
        let account = [
            "--host",
            "127.0.0.1",
            "--port",
            &port,
            "--user",
            "a",
            "--tls",
            "none",
        ];
        let rest = [
            "--folder",
            "INBOX",
            "--password-file",
            "password",
            "--no-dns",
            "--quiet",
        ];
        let ledger = ["--config", "config.toml", "--ledger", "ledger.db"];
        let arguments = [&["scan"][..], &account, &rest, &ledger, more].concat();
        let server = Server::of(Script {
            mails: MAILS,
            ..script
        });
        let listener = self.listener.try_clone().unwrap();
        // Ends with this function, whatever the connections are doing.
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.spawn(serve(server, listener));
        self.office.bounceaudit(arguments)
    }

    /// Whose bounces the ledger holds, each once.
    fn recipients(&self) -> BTreeSet<String> {
        let rows = events(&self.office);
        let recipients: BTreeSet<_> = rows.iter().map(|row| row["recipient"].clone()).collect();
        assert_eq!(recipients.len(), rows.len(), "{rows:#?}");
        recipients
    }

    /// All of it is in the ledger, and there is nothing to tell.
    fn is_complete(&self, ran: &Ran) {
        assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
        assert_eq!(self.recipients(), all());
    }

    /// All but these mails is in the ledger, one line says why, and another day the rest is read.
    fn lacks(&self, ran: &Ran, missing: &[u32], words: &[&str]) {
        ran.ended_with_one_line(3, words);
        assert!(!ran.stderr.contains("stranger"), "{ran:#?}");
        let mut there = all();
        for uid in missing {
            there.remove(&recipient(*uid));
        }
        assert_eq!(self.recipients(), there, "{ran:#?}");
        self.is_complete(&self.scan(Script::default(), &[]));
    }
}

async fn serve(server: Arc<Server>, listener: TcpListener) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (server, before) = (Arc::clone(&server), server.connected());
        tokio::spawn(async move { server.serve(stream, before).await });
    }
}

fn recipient(uid: u32) -> String {
    format!("user{uid}@receiver.example.net")
}

fn all() -> BTreeSet<String> {
    [1, 2, 3, 5, 6].map(recipient).into()
}

/// Once it goes wrong, and the scan goes on where it was.
fn passes(at: At, wrong: Wrong, more: &[&str]) {
    let place = Place::new();
    let ran = place.scan(
        Script {
            wrong: Some((at, wrong)),
            bad: Some(BAD),
            times: 1,
            ..Script::default()
        },
        more,
    );
    place.is_complete(&ran);
}

/// It goes wrong whenever this mail is asked for: it is named, and the others are in the ledger.
fn is_named(wrong: Wrong, words: &str, more: &[&str]) {
    let place = Place::new();
    let ran = place.scan(
        Script {
            wrong: Some((At::Bodies, wrong)),
            bad: Some(BAD),
            ..Script::default()
        },
        more,
    );
    place.lacks(
        &ran,
        &[BAD],
        &[&format!("/INBOX;UIDVALIDITY=7/;UID={BAD}: "), words],
    );
}

/// The three ways at the same time, for most of it is waiting.
fn fault(wrong: Wrong, words: &str, more: &[&str]) {
    thread::scope(|scope| {
        scope.spawn(|| passes(At::Headers, wrong, more));
        scope.spawn(|| passes(At::Bodies, wrong, more));
        is_named(wrong, words, more);
    });
}

#[test]
fn cut_after_so_many_bytes() {
    // In the header pass and in the bodies.
    thread::scope(|scope| {
        for bytes in [1000, 1900, 2700, 3500, 4300] {
            scope.spawn(move || {
                let place = Place::new();
                let script = Script {
                    cut: (1, bytes),
                    ..Script::default()
                };
                place.is_complete(&place.scan(script, &[]));
            });
        }
        // Each connection: too early for a single body, and not too early for some.
        let place = Place::new();
        let script = Script {
            cut: (usize::MAX, 900),
            ..Script::default()
        };
        let ran = place.scan(script, &["--max-time", "4s"]);
        assert_eq!(ran.status, 3, "{ran:#?}");
        assert!(ran.stderr.contains("not read: "), "{ran:#?}");
        let before = place.recipients();
        assert!(before.is_subset(&all()) && before.len() < 5, "{before:?}");
        place.is_complete(&place.scan(Script::default(), &[]));
        let script = Script {
            cut: (usize::MAX, 3500),
            ..Script::default()
        };
        let place = Place::new();
        place.is_complete(&place.scan(script, &[]));
    });
}

#[test]
fn polite_close() {
    fault(Wrong::Close, "the connection was lost", &[]);
}

#[test]
fn bye() {
    fault(BYE, "the server ended the connection: shutting down", &[]);
}

#[test]
fn cut_inside_a_line() {
    fault(Wrong::InsideLine, "the connection was lost", &[]);
}

#[test]
fn cut_inside_a_literal() {
    fault(Wrong::InsideLiteral, "the connection was lost", &[]);
}

#[test]
fn no_in_mid_fetch() {
    fault(SERVERBUG, "the server refused: [SERVERBUG] Internal error", &[]);
}

#[test]
fn bad_in_mid_fetch() {
    fault(
        Wrong::Bad,
        "did not accept the command: Command argument error",
        &[],
    );
}

#[test]
fn parse_error() {
    fault(Wrong::Garbage, "unexpected answer from the server", &[]);
}

#[test]
fn literal_of_10_gb() {
    let wrong = Wrong::HugeLiteral(10 * 1024 * 1024 * 1024);
    fault(wrong, "the server sends an answer of 10737418240 bytes", &[]);
}

#[test]
fn endless_line() {
    fault(
        Wrong::EndlessLine,
        "the server sends a line of over 65536 bytes",
        &[],
    );
}

#[test]
fn stall() {
    fault(Wrong::Silence, "no answer within 1 s", &["--timeout", "1s"]);
}

#[test]
fn slow_drip() {
    let place = Place::new();
    let script = Script {
        drip: std::time::Duration::from_millis(2),
        ..Script::default()
    };
    let ran = place.scan(script, &["--max-time", "3s", "--timeout", "1s"]);
    ran.ended_with_one_line(3, &["folder INBOX", "the time that --max-time allows is over"]);
    assert!(place.recipients().is_subset(&all()));
    place.is_complete(&place.scan(Script::default(), &[]));
}

fn chatter(said: &'static str) {
    let place = Place::new();
    let script = Script {
        chatter: said,
        ..Script::default()
    };
    place.is_complete(&place.scan(script, &[]));
}

#[test]
fn unsolicited_exists() {
    chatter("* 7 EXISTS\r\n* 1 RECENT\r\n");
}

#[test]
fn unsolicited_expunge() {
    chatter("* 2 EXPUNGE\r\n");
}

#[test]
fn unsolicited_fetch() {
    chatter(
        "* 5 FETCH (UID 5 FLAGS (\\Seen))\r\n* 3 FETCH (FLAGS ())\r\n* 9 FETCH (UID 90 BODY[] {4}\r\nnone)\r\n",
    );
}

#[test]
fn duplicate_bodies() {
    let place = Place::new();
    let script = Script {
        twice: [1, BAD].into(),
        ..Script::default()
    };
    place.is_complete(&place.scan(script, &[]));
}

#[test]
fn nil_bodies() {
    let place = Place::new();
    let script = Script {
        nil: [BAD].into(),
        ..Script::default()
    };
    let ran = place.scan(script, &[]);
    place.lacks(&ran, &[BAD], &[";UID=5: the server gives no text of this mail"]);
}

#[test]
fn empty_bodies() {
    let place = Place::new();
    let script = Script {
        empty: [BAD].into(),
        ..Script::default()
    };
    let ran = place.scan(script, &[]);
    place.lacks(&ran, &[BAD], &[";UID=5: the server gives no text of this mail"]);
}

#[test]
fn uidvalidity_change() {
    thread::scope(|scope| {
        for wrong in [Wrong::Close, Wrong::Renumbered] {
            scope.spawn(move || {
                let place = Place::new();
                let script = Script {
                    wrong: Some((At::Bodies, wrong)),
                    bad: Some(BAD),
                    times: 1,
                    later_validity: Some(8),
                    ..Script::default()
                };
                place.is_complete(&place.scan(script, &[]));
                // Between two runs as well.
                let script = Script {
                    validity: 9,
                    ..Script::default()
                };
                place.is_complete(&place.scan(script, &[]));
            });
        }
    });
}

#[test]
fn backoff_time() {
    passes(
        At::Bodies,
        Wrong::No("Request is throttled. Suggested Backoff Time: 1299 milliseconds"),
        &[],
    );
    let place = Place::new();
    let script = Script {
        wrong: Some((
            At::Bodies,
            Wrong::Bye("Request is throttled. Suggested Backoff Time: 299910 milliseconds"),
        )),
        bad: Some(BAD),
        ..Script::default()
    };
    // No time for that: what came is kept, and the rest is for the next run.
    let ran = place.scan(script, &["--max-time", "30s"]);
    place.lacks(
        &ran,
        &[BAD, 6],
        &["folder INBOX: 2 mails could not be read", "299910 milliseconds"],
    );
}

#[test]
fn throttled() {
    passes(At::Bodies, Wrong::No("[THROTTLED] slow down"), &[]);
    let place = Place::new();
    let script = Script {
        done: "Success [THROTTLED]",
        ..Script::default()
    };
    place.is_complete(&place.scan(script, &[]));
}

#[test]
fn limit() {
    passes(At::Bodies, Wrong::No("[LIMIT] too many requests"), &[]);
}

#[test]
fn unavailable() {
    let wrong = Wrong::No("[UNAVAILABLE] FETCH Server error");
    passes(At::Bodies, wrong, &[]);
    is_named(wrong, "the server refused: [UNAVAILABLE] FETCH Server error", &[]);
}

#[test]
fn inuse() {
    passes(At::Examine, Wrong::No("[INUSE] mailbox is locked"), &[]);
}

#[test]
fn refused_search() {
    thread::scope(|scope| {
        for wrong in [Wrong::No("SEARCH not allowed"), Wrong::Bad] {
            scope.spawn(move || {
                let place = Place::new();
                let script = Script {
                    wrong: Some((At::Search, wrong)),
                    ..Script::default()
                };
                // All six came in on 31 October.
                place.is_complete(&place.scan(script, &["--since", "2021-10-30"]));
            });
        }
    });
}

#[test]
fn refused_list() {
    for wrong in [Wrong::No("not allowed"), Wrong::Bad] {
        let place = Place::new();
        let script = Script {
            wrong: Some((At::List, wrong)),
            ..Script::default()
        };
        let ran = place.scan(script, &[]);
        ran.ended_with_one_line(1, &["127.0.0.1", "LIST: the server"]);
        place.is_complete(&place.scan(Script::default(), &[]));
    }
}
