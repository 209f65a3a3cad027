//! Several accounts at a time, and a scan that is told to stop: servers of a few lines that wait where the test wants them to.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use crate::office::{Office, Ran};

fn listening() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

#[test]
fn accounts_are_read_at_the_same_time() {
    let office = Office::new();
    let ((first, first_port), (second, second_port)) = (listening(), listening());
    let account = |name: &str, port: u16| {
        format!(
            "[[account]]\nname = {name:?}\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\nuser = \"a\"\n\
             password_file = \"password\"\n"
        )
    };
    let accounts = [account("first", first_port), account("second", second_port)].concat();
    fs::write(office.path("two.toml"), accounts).unwrap();
    // The first does not say a word before somebody has come to the second.
    let servers = thread::spawn(move || {
        let (mut to_first, _) = first.accept().unwrap();
        let (mut to_second, _) = second.accept().unwrap();
        write!(to_first, "* BYE the first is closed\r\n").unwrap();
        write!(to_second, "* BYE the second is closed\r\n").unwrap();
    });

    let ran = office.bounceaudit(["scan", "--config", "two.toml", "--no-dns", "--no-ledger"]);

    servers.join().unwrap();
    assert_eq!(ran.status, 1, "{ran:#?}");
    for words in [
        "account first: ",
        "the first is closed",
        "account second: ",
        "the second is closed",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {ran:#?}");
    }
}

/// An INBOX of one bounce, and a folder Junk that is never opened: `stuck` is told when somebody tries.
fn serve(stream: &TcpStream, mail: &str, stuck: &Sender<()>) {
    let mut write = stream;
    for line in BufReader::new(stream).lines() {
        let line = line.unwrap();
        let (tag, command) = line.split_once(' ').unwrap();
        let header = mail.split_inclusive("\r\n\r\n").next().unwrap();
        let fetched = |section: &str, text: &str| {
            format!(
                "* 1 FETCH (UID 1 RFC822.SIZE {} BODY{section} {{{}}}\r\n{text})\r\n",
                mail.len(),
                text.len()
            )
        };
        let answer = match command {
            "CAPABILITY" => "* CAPABILITY IMAP4rev1\r\n".to_owned(),
            "LIST \"\" \"*\"" => "* LIST () \"/\" INBOX\r\n* LIST (\\Junk) \"/\" Junk\r\n".to_owned(),
            "EXAMINE \"INBOX\"" => "* 1 EXISTS\r\n* OK [UIDVALIDITY 1] v\r\n".to_owned(),
            "EXAMINE \"Junk\"" => {
                stuck.send(()).unwrap();
                continue;
            }
            "UID FETCH 1:* (UID)" => "* 1 FETCH (UID 1)\r\n".to_owned(),
            headers if headers.contains("HEADER.FIELDS") => fetched("[HEADER.FIELDS (FROM)]", header),
            whole if whole.contains("BODY.PEEK[]") => fetched("[]", mail),
            login => {
                assert!(login.starts_with("LOGIN "), "{login}");
                String::new()
            }
        };
        write!(write, "{answer}{tag} OK done\r\n").unwrap();
    }
}

/// A scan that waits for an answer which does not come.
fn stuck(office: &Office) -> (Child, Receiver<()>) {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let mail = fs::read_to_string(corpus.join("qmail-spamhaus-outlook.eml")).unwrap();
    let mail = mail.replace("\r\n", "\n").replace('\n', "\r\n");
    let (listener, port) = listening();
    let (tell, told) = channel();
    thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        write!(&stream, "* OK ready\r\n").unwrap();
        serve(&stream, &mail, &tell);
    });
    let port = port.to_string();
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
    let rest = ["--password-file", "password", "--no-dns", "--ledger", "ledger.db"];
    let child = office.under_way([&["scan"][..], &account, &rest].concat());
    (child, told)
}

fn send(signal: &str, child: &Child) {
    let id = child.id().to_string();
    // The shell's own kill, since procps may be missing. The process may just have ended.
    Command::new("sh")
        .args(["-c", "kill -\"$0\" \"$1\" 2>/dev/null", signal, &id])
        .status()
        .unwrap();
}

#[test]
fn a_scan_that_is_told_to_stop_leaves_with_what_it_found() {
    for signal in ["INT", "TERM"] {
        let office = Office::new();
        let (child, told) = stuck(&office);
        told.recv().unwrap();
        send(signal, &child);
        let ran = Ran::of(child);

        ran.ended_with_one_line(3, &["folder Junk", "was not read: it was interrupted"]);
        assert!(ran.stdout.contains("192.0.2.10"), "{ran:#?}");
        // It is in the ledger, too.
        let report = office.bounceaudit(["report", "--ledger", "ledger.db"]);
        assert!(report.stdout.contains("192.0.2.10"), "{report:#?}");
    }
}

#[test]
fn a_scan_that_is_told_twice_stops_at_once() {
    let office = Office::new();
    let (mut child, told) = stuck(&office);
    told.recv().unwrap();
    while child.try_wait().unwrap().is_none() {
        send("TERM", &child);
    }

    Ran::of(child).ended_with_one_line(1, &["stopped at once"]);
}

#[test]
fn what_a_password_command_says_is_seen() {
    let office = Office::new();
    let (_listener, port) = listening();
    let port = port.to_string();
    let ran = office.bounceaudit([
        "scan",
        "--host",
        "localhost",
        "--port",
        &port,
        "--user",
        "postmaster",
        "--password-command",
        "echo 'the key is locked' >&2; exit 2",
        "--ledger",
        "ledger.db",
    ]);
    assert_eq!(ran.status, 1, "{ran:#?}");
    let lines: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(lines.len(), 2, "{ran:#?}");
    assert_eq!(lines[0], "the key is locked");
    assert!(
        lines[1].contains("--password-command: ended with exit status: 2"),
        "{ran:#?}"
    );
}
