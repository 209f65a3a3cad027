//! Pages for the tests, and what they read of them: tags and text.

use std::net::{IpAddr, Ipv6Addr};

use chrono::TimeDelta;

use crate::check::{Answer, Names, Owner, Ptr};
use crate::event::{Event, FolderRef, Gap, ListId, Place, Source, Uid, UidValidity};
use crate::ledger::{Mail, Note, Recorded};
use crate::report::html::{evidence, html};
use crate::report::samples::{self, Case, story};

const FOLDER: &str = "INBOX";

/// The page of a case whose bounces lie on a server; what the case does not keep of them, one story tells for all.
pub(super) fn page(case: &Case) -> String {
    let report = case.report();
    let recorded: Vec<Recorded> = evidence(&report)
        .into_iter()
        .map(|id| recorded(case, id))
        .collect();
    html(&report, &recorded)
}

fn recorded(case: &Case, id: i64) -> Recorded {
    let bounces = &case.history.bounces;
    let bounce = bounces.iter().find(|bounce| bounce.id == id).unwrap();
    let mut event = story("postfix-gmo-rbl-late.eml");
    event.times = bounce.times;
    event.verdict = (*bounce.verdict).clone();
    event.reply = bounce.reply.as_deref().map(str::to_owned);
    event.message_id = Some(format!("20261122.{id}@sv77.hosting.example.jp"));
    event.original.message_id = Some(format!("a{id}@shop.example.jp"));
    event.recipient = format!("info@{}", bounce.receiving_domain.as_str());
    in_folder(event, id, FOLDER)
}

fn in_folder(event: Event, uid: i64, folder: &str) -> Recorded {
    let folder = FolderRef {
        implicit_tls: true,
        user: "postmaster".into(),
        host: "mail.hosting.example.jp".into(),
        port: 993,
        folder: folder.into(),
    };
    let uid = u32::try_from(uid).unwrap().try_into().unwrap();
    let validity = UidValidity(1_690_000_001.try_into().unwrap());
    Recorded {
        recorded_at: event.times.bounced_at.unwrap(),
        event,
        sources: vec![Source::Imap(folder, validity, Uid(uid))],
    }
}

/// A page on which this text stands wherever a stranger, a server, a list or the user can put one.
pub(super) fn page_full_of(text: &str) -> String {
    let mut event = story("pasted-masked-s3150.eml");
    event.times = story("postfix-gmo-rbl-late.eml").times;
    event.reply = Some(text.to_owned());
    event.recipient = format!("{text}@portal.example.jp");
    event.reporting_mta = Some(text.to_owned());
    event.remote_host = Some(text.to_owned());
    event.message_id = Some(text.to_owned());
    event.original.message_id = Some(text.to_owned());
    event.original.subject = Some(text.to_owned());
    event.original.from = Some(format!("taro@{text}"));
    event.verdict.blocklist = Some(ListId(text.to_owned()));
    event.verdict.code = Some(text.to_owned());
    event.verdict.removal = Some(format!("https://evil.example/{text}"));
    let domain = serde_json::from_value(serde_json::Value::String(text.to_owned()));
    event.receiving_domain = domain.unwrap();
    let ip: IpAddr = [192, 0, 2, 7].into();
    let mut named = event.clone();
    named.verdict.blocked_ip = Some(ip);
    named.verdict.zone = Some(text.to_owned().into());
    let mut listless = named.clone();
    listless.verdict.blocklist = None;
    listless.verdict.zone = None;
    let events = [event, named, listless];
    let at = "2026-11-21T23:00:00+00:00";
    let error = Answer::Error(text.to_owned());
    let mut case = Case::of(events.clone()).answered("192.0.2.7", text, error, at);
    case.history.listings[0].meaning = Some(text.to_owned());
    case.history.listings[0].text = Some(text.to_owned());
    case.history.names = vec![Names {
        ip,
        ptr: Ptr::Unconfirmed(vec![text.to_owned()]),
        owner: Owner::NotAsked,
        checked_at: samples::at(at),
        ttl: None,
    }];
    case.history.notes = vec![Note {
        ip,
        remark: text.parse().unwrap(),
        noted_at: case.history.bounces[0].times.bounced_at.unwrap(),
    }];
    case.gaps = vec![Gap {
        at: Place::Folder {
            account: text.to_owned(),
            folder: text.to_owned(),
        },
        why: text.to_owned(),
    }];
    case.warnings = vec![text.to_owned()];
    case.history.not_understood = vec![samples::strange(text, text)];
    case.looked_at = vec![text.to_owned()];
    let report = case.report();
    let recorded: Vec<_> = events
        .into_iter()
        .zip(1..)
        .map(|(event, uid)| in_folder(event, uid, text))
        .collect();
    html(&report, &recorded)
}

/// A hundred thousand late bounces of fifty addresses that flap twice a day.
pub(super) fn busy() -> Case {
    let begin = samples::at("2026-09-01T00:00:00+00:00");
    let ip = |n: u128| Ipv6Addr::from(0x2001_0db8_1234_5678_9abc_def0_1234_0000 + n);
    let of_ip = |n: u128| {
        let mut event = story("postfix-gmo-rbl-late.eml");
        event.verdict.blocked_ip = Some(ip(n).into());
        samples::bounce(&event)
    };
    let of_ips: Vec<_> = (0..50).map(of_ip).collect();
    let bounces = (0..100_000_i64).zip(of_ips.iter().cycle()).map(|(n, bounce)| {
        let mut bounce = bounce.clone();
        let sent = begin + TimeDelta::seconds(n * 60 % (80 * 24 * 60 * 60));
        bounce.id = n;
        bounce.recorded_at = sent + TimeDelta::days(6);
        bounce.mail = Mail::Original(n.unsigned_abs());
        bounce.times.sent_at = Some(sent);
        bounce.times.bounced_at = Some(sent + TimeDelta::hours(48 + n % 72));
        bounce
    });
    let mut case = Case::of([]);
    case.history.bounces = bounces.collect();
    for n in 0..40_u128 {
        let ip = ip(n).to_string();
        for check in 0..300 {
            let answer = if check % 2 == 0 {
                Answer::Listed(vec![[127, 0, 0, 2].into()])
            } else {
                Answer::NotListed
            };
            let when = (begin + TimeDelta::hours(check * 6)).to_rfc3339();
            case = case.answered(&ip, "gmo-rbl.jp", answer, &when);
        }
    }
    case
}

/// A tag as it stands on the page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tag {
    /// `/p` for the end of a `p`.
    pub(super) name: String,
    pub(super) attributes: Vec<(String, String)>,
}

impl Tag {
    pub(super) fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// What a page is made of: tags, and the text before each.
pub(super) fn tokens(page: &str) -> Vec<(String, Tag)> {
    let mut tokens = Vec::new();
    let mut rest = page.strip_prefix("<!DOCTYPE html>").unwrap();
    while let Some((text, after)) = rest.split_once('<') {
        let (tag, behind) = tag(after);
        assert!(tag.name == "/style" || !text.contains('>'), "a bare > in {text}");
        tokens.push((text.to_owned(), tag));
        rest = behind;
    }
    assert_eq!(rest, "");
    tokens
}

/// The strict form that the page has: a name, then attributes in double quotes.
fn tag(text: &str) -> (Tag, &str) {
    let end = text.find([' ', '>']).unwrap();
    let (name, mut rest) = text.split_at(end);
    let is_name = |c: char| c.is_ascii_alphanumeric() || "/-:".contains(c);
    assert!(!name.is_empty() && name.chars().all(is_name), "<{name}");
    let mut attributes = Vec::new();
    while let Some(attribute) = rest.strip_prefix(' ') {
        let (key, value) = attribute.split_once("=\"").unwrap();
        assert!(key.chars().all(is_name), "{key}= in <{name}");
        let (value, behind) = value.split_once('"').unwrap();
        assert!(!value.contains(['<', '>']), "{value} in <{name}");
        attributes.push((key.to_owned(), value.to_owned()));
        rest = behind;
    }
    let rest = rest.strip_prefix('>').unwrap();
    let name = name.to_owned();
    (Tag { name, attributes }, rest)
}

/// What a reader reads, a line for each block.
pub(super) fn text(page: &str) -> String {
    const INLINE: [&str; 3] = ["a", "span", "svg"];
    let mut shown = String::new();
    for (text, tag) in tokens(page) {
        let name = tag.name.trim_start_matches('/');
        let is_style = tag.name == "/style";
        shown += if is_style { "" } else { &text };
        if tag.name.starts_with('/') && !INLINE.contains(&name) {
            shown += "\n";
        }
    }
    let decoded = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")];
    let text = decoded
        .into_iter()
        .fold(shown, |text, (from, to)| text.replace(from, to));
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines.join("\n")
}
