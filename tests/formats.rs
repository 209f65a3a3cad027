//! One reply, three mail servers: every reply of the catalogue's examples is wrapped into a bounce of Postfix, of qmail and of
//! Exim, read and judged. What a refusal means does not depend on whose bounce carries it.
//!
//! The forms are those of Postfix 3.7's bounce(8), of qmail 1.03's qmail-remote and qmail-send, and of Exim 4.96's deliver.c,
//! as the bounces of `tests/corpus` have them.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

use std::fs;
use std::path::Path;

use bounceaudit::bounce;
use bounceaudit::catalogue::Catalogue;
use bounceaudit::event::{Message, Source, Verdict};

const PEER: &str = "203.0.113.251";
const ORIGINAL: &str = "Date: Tue, 10 Nov 2026 09:59:20 +0900\nFrom: taro@shop.example.jp\nTo: hanako@receiver.example\n\
                        Subject: mitsumori\nMessage-ID: <1@shop.example.jp>\n";

/// A reply, and the host and domain that it came from.
struct Refusal {
    reply: String,
    host: String,
    domain: String,
}

/// The replies of all rules. Those that only mean something with a status, a command or a format of their own stay out, and
/// those that no server gave as an answer to RCPT: their first word is no reply code.
fn refusals() -> Vec<Refusal> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/catalogue/rules");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let tables = files.map(|file| fs::read_to_string(file).unwrap().parse::<toml::Table>().unwrap());
    let mut all: Vec<Refusal> = tables
        .flat_map(|table| ["rule", "name"].map(|kind| table.get(kind).cloned()))
        .flatten()
        .flat_map(|rules| rules.as_array().cloned().unwrap())
        .flat_map(|rule| ["examples", "near_misses"].map(|key| rule.get(key).cloned()))
        .flatten()
        .flat_map(|examples| examples.as_array().cloned().unwrap())
        .filter_map(|example| refusal(&example))
        .collect();
    all.sort_by(|one, other| one.reply.cmp(&other.reply));
    all
}

fn refusal(example: &toml::Value) -> Option<Refusal> {
    let field = |key| example.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    if ["command", "format", "status", "smtp"]
        .into_iter()
        .any(|key| example.get(key).is_some())
    {
        return None;
    }
    let reply = example.as_str().map(str::to_owned).or_else(|| field("reply"))?;
    let code = reply.get(..3)?;
    let answers = code.starts_with(['4', '5']) && code.bytes().all(|byte| byte.is_ascii_digit());
    let domain = field("domain").unwrap_or_else(|| "receiver.example".to_owned());
    let host = field("host").unwrap_or_else(|| format!("mx1.{domain}"));
    (answers && reply.as_bytes().get(3).is_some_and(|byte| b" -".contains(byte))).then_some(Refusal {
        reply,
        host,
        domain,
    })
}

fn postfix(refusal: &Refusal) -> String {
    let Refusal { reply, host, domain } = refusal;
    format!(
        "Return-Path: <>\nDate: Tue, 10 Nov 2026 10:00:00 +0900 (JST)\n\
         From: MAILER-DAEMON@sv1.hosting.example.jp (Mail Delivery System)\nTo: taro@shop.example.jp\n\
         Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"b\"\n\n\
         --b\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n\
         This is the mail system at host sv1.hosting.example.jp.\n\n\
         <hanako@{domain}>: host {host}[{PEER}] said: {reply} (in reply to RCPT TO command)\n\n\
         --b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; sv1.hosting.example.jp\n\n\
         Final-Recipient: rfc822; hanako@{domain}\nAction: failed\nStatus: {}.0.0\n\
         Remote-MTA: dns; {host}\nDiagnostic-Code: smtp; {reply}\n\n\
         --b\nContent-Type: text/rfc822-headers\n\n{ORIGINAL}\n--b--\n",
        &reply[..1]
    )
}

fn qmail(refusal: &Refusal) -> String {
    let Refusal { reply, domain, .. } = refusal;
    format!(
        "Return-Path: <>\nReceived: (qmail 12345 invoked for bounce); 10 Nov 2026 01:00:00 -0000\n\
         Date: 10 Nov 2026 01:00:00 -0000\nFrom: MAILER-DAEMON@sv1.hosting.example.jp\nTo: taro@shop.example.jp\n\
         Subject: failure notice\nContent-Type: text/plain; charset=utf-8\n\n\
         Hi. This is the qmail-send program at sv1.hosting.example.jp.\n\
         I'm afraid I wasn't able to deliver your message to the following addresses.\n\
         This is a permanent error; I've given up. Sorry it didn't work out.\n\n\
         <hanako@{domain}>:\n{PEER} does not like recipient.\nRemote host said: {reply}\nGiving up on {PEER}.\n\n\
         --- Below this line is a copy of the message.\n\nReturn-Path: <taro@shop.example.jp>\n{ORIGINAL}\nhonbun\n"
    )
}

fn exim(refusal: &Refusal) -> String {
    let Refusal { reply, host, domain } = refusal;
    format!(
        "Return-path: <>\nX-Failed-Recipients: hanako@{domain}\nAuto-Submitted: auto-replied\n\
         From: Mail Delivery System <Mailer-Daemon@sv1.hosting.example.jp>\nTo: taro@shop.example.jp\n\
         Subject: Mail delivery failed: returning message to sender\nDate: Tue, 10 Nov 2026 10:00:00 +0900\n\
         Content-Type: text/plain; charset=utf-8\n\n\
         This message was created automatically by mail delivery software.\n\n\
         A message that you sent could not be delivered to one or more of its\n\
         recipients. This is a permanent error. The following address(es) failed:\n\n\
         \x20 hanako@{domain}\n    host {host} [{PEER}]\n\
         \x20   SMTP error from remote mail server after RCPT TO:<hanako@{domain}>:\n    {reply}\n\n\
         ------ This is a copy of the message, including all the headers. ------\n\n\
         Return-path: <taro@shop.example.jp>\n{ORIGINAL}\nhonbun\n"
    )
}

/// The one verdict in a bounce.
fn judged(catalogue: &Catalogue, bounce: String) -> Result<Verdict, String> {
    let message = Message {
        source: Source::File("bounce.eml".into()),
        received_at: None,
        bytes: bounce.into_bytes(),
    };
    match <[_; 1]>::try_from(bounce::read(&message)) {
        Ok([event]) => Ok(catalogue.classify(event).verdict),
        Err(events) => Err(format!("{} events", events.len())),
    }
}

#[test]
fn a_reply_means_the_same_in_whosever_bounce_it_stands() {
    let catalogue = Catalogue::built_in().unwrap();
    let refusals = refusals();
    assert!(refusals.len() > 900, "only {} replies", refusals.len());
    let mut differing = Vec::new();
    for refusal in &refusals {
        let postfix = judged(&catalogue, postfix(refusal));
        let exim = judged(&catalogue, exim(refusal));
        let mut qmail = judged(&catalogue, qmail(refusal));
        // qmail names the host by its address alone, and with it goes the receiver whose own list it may be.
        if let (Ok(theirs), Ok(qmails)) = (&postfix, &mut qmail)
            && refusal.host != format!("mx1.{}", refusal.domain)
        {
            qmails.blocklist.clone_from(&theirs.blocklist);
            qmails.zone.clone_from(&theirs.zone);
        }
        if postfix.is_err() || postfix != exim || postfix != qmail {
            differing.push(format!(
                "{}\n  Postfix {postfix:?}\n  Exim    {exim:?}\n  qmail   {qmail:?}",
                refusal.reply
            ));
        }
    }
    assert!(
        differing.is_empty(),
        "{} of {} replies differ:\n{}",
        differing.len(),
        refusals.len(),
        differing.join("\n")
    );
}
