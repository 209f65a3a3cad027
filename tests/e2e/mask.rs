//! `--mask`: forty people, planted wherever an output could name them, and looked for in every byte of every output.

use std::collections::BTreeSet;
use std::fs;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use encoding_rs::{Encoding, ISO_2022_JP, SHIFT_JIS, UTF_16LE};

use crate::office::{Office, Ran};
use crate::support::dovecot::Dovecot;

/// What an output shows without `--mask`, in lower case.
const SHOWN: [&str; 45] = [
    "hanako.mori",
    "ichiro.kondo",
    "jiro sakamoto",
    "小林三郎",
    "shiro+news",
    "a.very.long.name.of.somebody.who.likes.dots.hara",
    "09012345678",
    "momoko.abe",
    "yamato.from",
    "rin.from",
    "mid.of.kaede",
    "goro.hayashi",
    "mutsuko.ueda",
    "nanao.fujii",
    "yae.okada",
    "kiku.entity",
    "juzo.quoted-printable",
    "sayuri.wide",
    "tamaki.route",
    "ume.mailto",
    "wakana.cc",
    "ranmaru.double",
    "kanna.encoded",
    "makoto.sjis",
    "chiyo.jis",
    "botan.base64",
    "satsuki.path",
    "kazuo nakano",
    "renji.json",
    "haruto.imap",
    "mio.removal",
    "naoki.desk",
    "fumi.bare",
    "tetsuo.subject",
    "rokuro.note",
    "ayame-folder",
    "sumire.file",
    "tsubaki.mbox",
    "nadeshiko.gap",
    "sasaki.rei",
    "akane.hidden",
    "kohaku.subject",
    "minato.two",
    "hotaru.login",
    "aoi.xn",
];
/// What no output shows: fields that nobody needs.
const NEVER_SHOWN: [&str; 4] = ["yuzu.to", "natsume.cc", "kurumi.header", "hiiragi.received"];
/// What stays, wherever it stood.
const KEPT: [&str; 14] = [
    "canary0.example.com",
    "canary7.example.com",
    "shop.example.jp",
    "mx.hosting.example.jp",
    "mx.canary3.example.com",
    "198.51.100.77",
    "203.0.113.9",
    "list.example.jp",
    "rbl.example.net",
    "2026-11-20T10:00:",
    "2026-11-15T09:00:",
    "User unknown in virtual mailbox table",
    "https://list.example.net/remove",
    "For more info see",
];

const SCAN: &str = "scan --config accounts.toml --no-dns --ledger ledger.db";
const REPORT: &str = "report --ledger ledger.db";
const TABLES: [&str; 3] = ["g.csv", "e.csv", "c.csv"];
/// How reports are called for.
const REPORTS: [&str; 6] = [
    "-v",
    "-v --lang ja",
    "--csv g.csv --events-csv e.csv --checks-csv c.csv --csv-encoding utf-8",
    "--csv g.csv --events-csv e.csv --checks-csv c.csv --csv-encoding shift_jis",
    "--format csv",
    "--format ndjson",
];

struct Plant {
    recipient: &'static str,
    from: &'static str,
    subject: String,
    reply: String,
}

fn base64(text: &str) -> String {
    BASE64_STANDARD.encode(text)
}

fn word(charset: &str, encoding: &'static Encoding, text: &str) -> String {
    format!(
        "=?{charset}?B?{}?=",
        BASE64_STANDARD.encode(encoding.encode(text).0)
    )
}

fn plants() -> Vec<Plant> {
    let plant = |recipient, from, subject: &str, reply: String| Plant {
        recipient,
        from,
        subject: subject.to_owned(),
        reply,
    };
    let blocked = "Client host [198.51.100.77] blocked using Spamhaus;";
    vec![
        plant("hanako.mori", "yamato.from", "Hello tetsuo.subject, from us", format!(
            "550 5.7.1 <hanako.mori@canary0.example.com>: {blocked} ask momoko.abe@rbl.example.net, goro=x")),
        plant("Ichiro.KONDO", "rin.from", "=?utf-8?B?44GT44KT44Gr44Gh44Gv?=", format!(
            "554 5.7.1 {blocked} bounces+goro.hayashi=canary.example.com@list.example.jp SRS0=hash=tt=x.example.jp=mutsuko.ueda@fwd.example.jp")),
        plant("\"jiro sakamoto\"", "tetsuo.subject", "Re: nanao.fujii@x.example.jp", format!(
            "554 5.7.1 {blocked} orcpt=rfc822;nanao.fujii@x.example.jp yae.okada%40x.example.jp@relay.example.jp")),
        plant("小林三郎", "yamato.from", "見積書", format!(
            "554 5.7.1 {blocked} kiku.entity&#64;x.example.jp q=3Cjuzo.quoted-printable=40x.example.jp=3E 宛先：sayuri.wide＠x.example.jp 小林三郎様")),
        plant("shiro+news", "yamato.from", "kohaku.subject@x.example.jp wrote", format!(
            "554 5.7.1 {blocked} <@a.example.jp,@b.example.jp:tamaki.route@x.example.jp> mailto:ume.mailto@x.example.jp?cc=wakana.cc@y.example.jp ranmaru.double@@x.example.jp")),
        plant("a.very.long.name.of.somebody.who.likes.dots.hara", "yamato.from", "x", format!(
            "554 5.7.1 {blocked} {} {} {}",
            word("utf-8", encoding_rs::UTF_8, "かんな <kanna.encoded@x.example.jp>"),
            word("Shift_JIS", SHIFT_JIS, "誠 <makoto.sjis@x.example.jp>"),
            word("ISO-2022-JP", ISO_2022_JP, "千代 <chiyo.jis@x.example.jp>"))),
        plant("09012345678", "yamato.from", "x", format!(
            "554 5.7.1 {blocked} id={} https://h.example.net/leave/{} \"kazuo nakano\"@x.example.jp",
            base64("rcpt botan.base64@x.example.jp"), base64("satsuki.path@x.example.jp"))),
        plant("fumi.bare", "yamato.from", "x", format!(
            "550 5.7.1 {blocked} {{\\\"to\\\":\\\"renji.json@x.example.jp\\\"}} imaps://haruto.imap@imap.example.jp/INBOX")),
        plant("akane.hidden", "yamato.from", "x", format!(
            "550 5.7.1 {blocked} https://list.example.net/remove?email=mio.removal%40x.example.jp&n=1")),
        plant("minato.two", "yamato.from", "x", format!(
            "550 5.7.1 {blocked} to request removal from this list please forward this to naoki.desk@rbl.example.net")),
        plant("aoi.xn", "yamato.from", "x",
            "550 5.1.1 User fumi.bare: User unknown in virtual mailbox table; For more info see RCPT TO:<akane.hidden>".to_owned()),
    ]
}

/// A bounce of Postfix.
fn bounce(number: usize, plant: &Plant) -> String {
    let Plant {
        recipient,
        from,
        subject,
        reply,
    } = plant;
    let domain = format!("canary{number}.example.com");
    format!(
        "Return-Path: <>\r\nX-Original-To: kurumi.header@shop.example.jp\r\nDate: Fri, 20 Nov 2026 10:00:{number:02} +0000\r\n\
         From: MAILER-DAEMON@mx.hosting.example.jp (Mail Delivery System)\r\nTo: {from}@shop.example.jp\r\n\
         Message-ID: <mid.of.kaede.{number}@mx.hosting.example.jp>\r\nSubject: Undelivered Mail Returned to Sender\r\n\
         Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"B\"\r\n\r\n\
         --B\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nThis is the mail system at host mx.hosting.example.jp.\r\n\r\n\
         <{recipient}@{domain}>: host mx.{domain}[203.0.113.9] said: {reply}\r\n\r\n\
         --B\r\nContent-Type: message/global-delivery-status\r\n\r\nReporting-MTA: dns; mx.hosting.example.jp\r\n\
         X-Postfix-Sender: rfc822; {from}@shop.example.jp\r\nArrival-Date: Sun, 15 Nov 2026 09:00:{number:02} +0000\r\n\r\n\
         Final-Recipient: utf-8; {recipient}@{domain}\r\nOriginal-Recipient: utf-8;{recipient}@{domain}\r\n\
         Action: failed\r\nStatus: 5.7.1\r\nRemote-MTA: dns; mx.{domain}\r\nDiagnostic-Code: smtp; {reply}\r\n\r\n\
         --B\r\nContent-Type: message/global-headers\r\n\r\nReturn-Path: <{from}@shop.example.jp>\r\n\
         Received: from pc (pc.example.jp [198.51.100.77]) by mx.hosting.example.jp for <hiiragi.received@x.example.jp>; Sun, 15 Nov 2026 09:00:00 +0000\r\n\
         Date: Sun, 15 Nov 2026 09:00:{number:02} +0000\r\nFrom: Somebody <{from}@shop.example.jp>\r\n\
         To: yuzu.to@x.example.jp\r\nCc: natsume.cc@x.example.jp\r\nSubject: {subject}\r\n\
         Message-ID: <orig.mid.of.kaede.{number}@shop.example.jp>\r\n\r\n--B--\r\n"
    )
}

/// What looks like a bounce and cannot be read.
const MUTE: &str = "Return-Path: <>\r\nFrom: MAILER-DAEMON@gateway.example.net\r\nSubject: Undeliverable: figures\r\n\
     Date: Thu, 19 Nov 2026 11:00:00 +0000\r\n\r\nSorry.\r\n";

/// The mails on a server and in files, and a configuration of accounts, of which one answers.
fn furnished(office: &Office) -> Dovecot {
    let server = Dovecot::start(&office.certificate("localhost"));
    let put = |folder: &str, name: &str, mail: &str| {
        let folder = server.maildir().join(folder);
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        fs::write(folder.join("cur").join(format!("{name}:2,S")), mail).unwrap();
    };
    fs::create_dir_all(office.path("mails/tsubaki.mbox@x.example.jp")).unwrap();
    for (number, plant) in plants().iter().enumerate() {
        let mail = bounce(number, plant);
        put("", &format!("17950000{number:02}.mail"), &mail);
        fs::write(
            office.path(&format!("mails/{number:02}-sumire.file@x.example.jp.eml")),
            &mail,
        )
        .unwrap();
        let mbox = format!(
            "From MAILER-DAEMON Fri Nov 20 10:00:00 2026\n{}\n",
            mail.replace("\r\n", "\n")
        );
        fs::write(office.path("mails/tsubaki.mbox@x.example.jp/mbox"), mbox).unwrap();
    }
    fs::write(office.path("mails/nadeshiko.gap@x.example.jp.eml"), MUTE).unwrap();
    // A dot would part the name into two folders.
    let folder = ".ayame-folder@x-example";
    put(folder, "1795000099.mute", MUTE);
    let elsewhere = Plant {
        recipient: "minato.two",
        from: "yamato.from",
        subject: "x".to_owned(),
        reply: "550 5.1.1 unknown".to_owned(),
    };
    put(folder, "1795000100.mail", &bounce(42, &elsewhere));
    server.take_over();
    let accounts = format!(
        "[[account]]\nname = \"sasaki.rei@x.example.jp\"\nhost = \"localhost\"\nport = 1\nuser = \"a\"\n\
         password_file = \"password\"\n\
         [[account]]\nhost = \"localhost\"\nport = 1\nuser = \"hotaru.login@x.example.jp\"\npassword_file = \"password\"\n\
         [[account]]\nhost = \"localhost\"\nport = {}\nuser = \"postmaster@shop.example.jp\"\npassword_file = \"password\"\n\
         ca_file = \"ca.pem\"\nfolders = [\"INBOX\", \"ayame-folder@x-example\"]\n",
        server.port
    );
    fs::write(office.path("accounts.toml"), accounts).unwrap();
    server
}

/// What each output is called, and its bytes; the last of each run is stderr.
fn outputs(office: &Office, mask: bool) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut run = |line: &str| {
        let ran = office.bounceaudit(line.split(' ').chain(mask.then_some("--mask")));
        assert!([0, 3].contains(&ran.status), "{line}: {ran:#?}");
        for file in TABLES.into_iter().filter(|file| line.contains(file)) {
            all.push((format!("{line}: {file}"), fs::read(office.path(file)).unwrap()));
            fs::remove_file(office.path(file)).unwrap();
        }
        let Ran { stdout, stderr, .. } = ran;
        all.push((format!("{line}: stdout"), stdout.into_bytes()));
        all.push((format!("{line}: stderr"), stderr.into_bytes()));
    };
    for options in REPORTS {
        run(&format!("{SCAN} --all-reasons --utc {options}"));
        run(&format!("{REPORT} --all-reasons --utc {options}"));
    }
    for format in ["table", "csv", "ndjson"] {
        run(&format!("classify mails --format {format}"));
    }
    run("ledger export --ledger ledger.db --ndjson -");
    all
}

/// All that the bytes may be read as, in lower case.
fn readings(bytes: &[u8], depth: usize) -> Vec<String> {
    let mut texts = vec![
        String::from_utf8_lossy(bytes).into_owned(),
        SHIFT_JIS.decode(bytes).0.into_owned(),
        UTF_16LE.decode(bytes).0.into_owned(),
    ];
    let mut found: Vec<Vec<u8>> = Vec::new();
    for text in &texts {
        found.push(percent_encoding::percent_decode_str(text).collect());
        found.extend(mail_parser::decoders::quoted_printable::quoted_printable_decode(
            text.as_bytes(),
        ));
        found.push(mail_parser::decoders::html::html_to_text(text).into_bytes());
        // Lines of the table that go on.
        found.push(text.split_whitespace().collect::<String>().into_bytes());
        let runs = text
            .split(|c: char| !c.is_ascii_alphanumeric() && !"+/".contains(c))
            .flat_map(|run| [run].into_iter().chain(run.split('/')));
        for run in runs.filter(|run| run.len() >= 8).collect::<BTreeSet<_>>() {
            for shift in 0..4.min(run.len()) {
                let whole = &run[shift..shift + (run.len() - shift) / 4 * 4];
                found.extend(BASE64_STANDARD.decode(whole));
                found.extend(base64::prelude::BASE64_STANDARD_NO_PAD.decode(&run[shift..]));
            }
        }
    }
    if depth > 0 {
        let found: BTreeSet<Vec<u8>> = found
            .into_iter()
            .filter(|more| more.as_slice() != bytes)
            .collect();
        let shallow = depth - 1;
        texts.extend(found.iter().flat_map(|more| match shallow {
            0 => vec![
                String::from_utf8_lossy(more).into_owned(),
                SHIFT_JIS.decode(more).0.into_owned(),
                ISO_2022_JP.decode(more).0.into_owned(),
            ],
            _ => readings(more, shallow),
        }));
    }
    texts.into_iter().map(|text| text.to_lowercase()).collect()
}

fn found<'n>(names: &[&'n str], outputs: &[(String, Vec<u8>)]) -> BTreeSet<(&'n str, String)> {
    let mut found = BTreeSet::new();
    for (output, bytes) in outputs {
        let texts = readings(bytes, 2);
        for name in names {
            let joined = name.replace(' ', "");
            if texts
                .iter()
                .any(|text| text.contains(name) || text.contains(&joined))
            {
                found.insert((*name, output.clone()));
            }
        }
    }
    found
}

/// Messages and recipients of each group, and how many people bounces are about: in the report, and in the export.
fn counts(outputs: &[(String, Vec<u8>)]) -> (Vec<[String; 4]>, [usize; 2]) {
    let of = |command: &str, name: &str| {
        let is_it = |output: &str| output.starts_with(command) && output.ends_with(name);
        let (_, bytes) = outputs.iter().find(|(output, _)| is_it(output)).unwrap();
        bytes.as_slice()
    };
    let mut groups = csv::Reader::from_reader(of("report", "utf-8: g.csv"));
    let head = groups.headers().unwrap().clone();
    let columns = ["blocked_ip", "receiving_domain", "messages", "recipients"];
    let columns = columns.map(|name| head.iter().position(|column| column == name).unwrap());
    let rows = groups
        .records()
        .map(|row| columns.map(|column| row.as_ref().unwrap()[column].to_owned()))
        .collect();
    let people = |lines: &[u8]| {
        let recipient =
            |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["recipient"].to_string();
        let lines = std::str::from_utf8(lines).unwrap();
        lines.lines().map(recipient).collect::<BTreeSet<_>>().len()
    };
    let lines = [
        of("report", "--format ndjson: stdout"),
        of("ledger export", ": stdout"),
    ];
    (rows, lines.map(people))
}

#[test]
fn nobody_is_named_in_any_output_and_all_else_is_there() {
    assert!(SHOWN.len() + NEVER_SHOWN.len() >= 40);
    let office = Office::new();
    let _server = furnished(&office);
    let first = office.bounceaudit(SCAN.split(' '));
    assert_eq!(first.status, 3, "{first:#?}");
    let note = "asked rokuro.note@hosting.example.jp and hanako.mori, ticket 1234";
    let note = office.bounceaudit(["note", "198.51.100.77", note, "--ledger", "ledger.db"]);
    assert_eq!(note.status, 0, "{note:#?}");

    let (open, masked) = (outputs(&office, false), outputs(&office, true));

    let seen: BTreeSet<&str> = found(&SHOWN, &open).into_iter().map(|(name, _)| name).collect();
    let unseen: Vec<_> = SHOWN.iter().filter(|name| !seen.contains(*name)).collect();
    assert!(unseen.is_empty(), "this test could not fail over {unseen:?}");
    assert_eq!(found(&NEVER_SHOWN, &open), BTreeSet::new());

    let names: Vec<&str> = SHOWN.into_iter().chain(NEVER_SHOWN).collect();
    let named = found(&names, &masked);
    assert!(named.is_empty(), "{named:#?}");

    for ((name, open), (_, masked)) in open.iter().zip(&masked) {
        let (open, masked) = (String::from_utf8_lossy(open), String::from_utf8_lossy(masked));
        for kept in KEPT {
            assert!(
                !open.contains(kept) || masked.contains(kept),
                "{kept}: {name}\n{masked}"
            );
        }
    }
    for kept in KEPT {
        assert!(
            open.iter()
                .any(|(_, open)| String::from_utf8_lossy(open).contains(kept)),
            "{kept}"
        );
    }
    assert_eq!(counts(&open), counts(&masked));
}
