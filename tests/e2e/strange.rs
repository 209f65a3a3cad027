//! Mails that look like bounces and that nobody understands: counted once, and shown so that one can be sent in.

use std::fs;
use std::path::Path;

use crate::office::{Office, Ran};
use crate::support::dovecot::Dovecot;

const OFFLINE: [&str; 5] = ["--no-dns", "--ca-file", "ca.pem", "--ledger", "ledger.db"];

/// A feedback report of which the receiver took every recipient out (RFC 5965 §3.2: none has to be there).
fn redacted(number: u32) -> String {
    format!(
        "Return-Path: <fbl@isp.example.net>\r\nFrom: Feedback <feedbackloop@isp.example.net>\r\n\
         To: abuse@shop.example.jp\r\nSubject: Abuse report for 192.0.2.{number}\r\n\
         Message-ID: <{number}@isp.example.net>\r\nDate: Thu, 19 Nov 2026 10:00:{number:02} +0900\r\n\
         MIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=feedback-report; boundary=b\r\n\r\n\
         --b\r\nContent-Type: text/plain\r\n\r\nHanako Yamada called a mail spam.\r\n\r\n\
         --b\r\nContent-Type: message/feedback-report\r\n\r\n\
         Feedback-Type: abuse\r\nUser-Agent: ReportMill/2.4\r\nVersion: 1\r\n\r\n\
         --b\r\nContent-Type: message/rfc822\r\n\r\n\
         From: news@shop.example.jp\r\nTo: \"undisclosed\"\r\nSubject: Our offer\r\n\r\nBuy.\r\n\r\n--b--\r\n"
    )
}

/// The null sender of a gateway whose words say nothing, and no Message-ID.
const MUTE: &str = "Return-Path: <>\r\nFrom: MAILER-DAEMON@gateway.example.net\r\nTo: hanako@shop.example.jp\r\n\
     Subject: Undeliverable: the figures of Taro Yamada\r\nDate: Thu, 19 Nov 2026 11:00:00 +0900\r\n\r\nSorry.\r\n";

/// What is no bounce, though its sender is null: a read receipt (RFC 8098).
const RECEIPT: &str = "Return-Path: <>\r\nFrom: taro@example.net\r\nTo: hanako@shop.example.jp\r\nSubject: Read: offer\r\n\
     Content-Type: multipart/report; report-type=disposition-notification; boundary=b\r\n\r\n\
     --b\r\nContent-Type: text/plain\r\n\r\nTaro has read it.\r\n\r\n--b\r\n\
     Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; taro@example.net\r\n\
     Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n";

fn filled(office: &Office) -> Dovecot {
    let server = Dovecot::start(&office.certificate("localhost"));
    let put = |folder: &str, name: &str, mail: &[u8]| {
        let folder = server.maildir().join(folder);
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        fs::write(folder.join("cur").join(format!("{name}:2,S")), mail).unwrap();
    };
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let story = fs::read(corpus.join("qmail-spamhaus-outlook.eml")).unwrap();
    put("", "1795000001.story", &story);
    put("", "1795000002.one", redacted(1).as_bytes());
    put("", "1795000003.two", redacted(2).as_bytes());
    put("", "1795000004.mute", MUTE.as_bytes());
    put("", "1795000005.receipt", RECEIPT.as_bytes());
    put(".Junk", "1795000006.copy", redacted(1).as_bytes());
    put(".Junk", "1795000007.copy", MUTE.as_bytes());
    server.take_over();
    server
}

fn says_three(ran: &Ran) {
    ran.ended_with_one_line(3, &["3 mails", "look like bounces"]);
}

#[test]
fn what_nobody_understands_is_counted_once_and_shown_by_shape() {
    let office = Office::new();
    let server = filled(&office);
    let folders = ["--folder", "INBOX", "--folder", "Junk"];
    let options = [&OFFLINE[..], &folders].concat();

    let first = office.scan(server.port, &options);
    says_three(&first);
    assert!(
        first
            .stdout
            .contains("3 mails look like bounces and could not be read"),
        "{first:#?}"
    );
    says_three(&office.scan(server.port, &options));
    says_three(&office.scan(server.port, &[&options[..], &["--full"]].concat()));

    let shown = office.bounceaudit(["report", "-v", "--ledger", "ledger.db", "--utc"]);
    assert_eq!(shown.status, 3, "{shown:#?}");
    for line in [
        "    2 mails: a report",
        "      From: feedback",
        "      Subject: Abuse report for <n>",
        "    1 mail: null sender, from a mail server's address",
        "      From: mailer-daemon",
        "      Subject: Undeliverable: <text>",
        "      Parts: text/plain",
    ] {
        assert!(
            shown.stdout.lines().any(|shown| shown == line),
            "{line:?}: {shown:#?}"
        );
    }
    for word in ["INBOX;UIDVALIDITY=", "To send a sample"] {
        assert!(shown.stdout.contains(word), "{word}: {shown:#?}");
    }
    for word in [
        "hanako",
        "Hanako",
        "Yamada",
        "isp.example.net",
        "gateway",
        "192.0.2.1 ",
    ] {
        assert!(!shown.stdout.contains(word), "{word}: {shown:#?}");
    }
}

#[test]
fn a_window_leaves_out_what_it_does_not_reach_and_the_report_is_complete() {
    let office = Office::new();
    let server = filled(&office);
    says_three(&office.scan(server.port, &OFFLINE));

    let ran = office.bounceaudit([
        "report",
        "--ledger",
        "ledger.db",
        "--utc",
        "--until",
        "2026-11-18",
    ]);

    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:#?}");
    assert!(!ran.stdout.contains("look like bounces"), "{ran:#?}");
}

#[test]
fn ndjson_stays_an_event_a_line_and_stderr_says_what_is_missing() {
    let office = Office::new();
    let server = filled(&office);

    let ran = office.scan(
        server.port,
        &[&OFFLINE[..], &["--format", "ndjson", "--all-reasons"]].concat(),
    );

    says_three(&ran);
    assert_eq!(ran.stdout.lines().count(), 1, "{ran:#?}");
    let event: serde_json::Value = serde_json::from_str(ran.stdout.trim_end()).unwrap();
    assert_eq!(event["recipient"], "hanako@outlook.example.jp");
}
