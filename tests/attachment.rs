//! What is attached to a request: a bounce without anybody's body, every address in it hidden, and still a bounce.

#![expect(clippy::unwrap_used, reason = "a test may stop at once")]

#[path = "support/corpus.rs"]
mod corpus;

use std::collections::BTreeSet;
use std::fs;

use bounceaudit::bounce;
use bounceaudit::catalogue::Catalogue;
use bounceaudit::event::Event;
use bounceaudit::report::masked_mail;
use corpus::{mails, message};
use mail_parser::{MessageParser, MimeHeaders, PartType};
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;

/// A mark for whatever stands before an at sign, the same for the same name, so that recipients stay apart.
fn hide(text: &str) -> String {
    let mut hidden = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('@') {
        let is_local = |c: char| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.\\".contains(c);
        let kept = match before.strip_suffix('"').and_then(|quoted| quoted.rfind('"')) {
            Some(at) => &before[..at],
            None => before.trim_end_matches(is_local),
        };
        let local = &before[kept.len()..];
        let is_address = !local.is_empty() && after.starts_with(|c: char| c.is_alphanumeric() || c == '[');
        let is_nobody = local.eq_ignore_ascii_case("mailer-daemon") || local.starts_with("hidden-");
        match is_address && !is_nobody {
            true => {
                let name = local
                    .trim_start_matches(['.', '\'', '`', '/', '='])
                    .to_lowercase();
                let mark = name
                    .bytes()
                    .fold(7_u32, |mark, byte| mark.wrapping_mul(31) ^ u32::from(byte));
                hidden.push_str(&format!("{kept}hidden-{mark:08x}z"));
            }
            false => hidden.push_str(before),
        }
        hidden.push('@');
        rest = after;
    }
    hidden + rest
}

fn masked(raw: &[u8]) -> Vec<u8> {
    masked_mail(raw, &mut |text| hide(text))
}

/// Everything that somebody who opens the mail can read: fields, texts, files.
fn shown(mail: &mail_parser::Message<'_>) -> String {
    let mut shown = String::new();
    for part in &mail.parts {
        for header in &part.headers {
            shown.push_str(&format!("{}: {:?}\n", header.name(), header.value()));
        }
        let raw = &mail.raw_message[part.offset_header as usize..part.offset_body as usize];
        shown.push_str(&String::from_utf8_lossy(raw));
        match &part.body {
            PartType::Text(text) | PartType::Html(text) => shown.push_str(text),
            PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                shown.push_str(&String::from_utf8_lossy(bytes))
            }
            PartType::Message(mail) => shown.push_str(&self::shown(mail)),
            PartType::Multipart(_) => {}
        }
    }
    shown
}

/// The decoded texts of its parts.
fn texts(mail: &mail_parser::Message<'_>) -> Vec<String> {
    let text = |part: &mail_parser::MessagePart<'_>| match &part.body {
        PartType::Text(text) | PartType::Html(text) => vec![text.to_string()],
        PartType::Message(mail) => texts(mail),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
            vec![String::from_utf8_lossy(bytes).into_owned()]
        }
        PartType::Multipart(_) => Vec::new(),
    };
    mail.parts.iter().flat_map(text).collect()
}

/// The types of all parts, in their order.
fn structure(mail: &mail_parser::Message<'_>) -> Vec<String> {
    let mut kinds = Vec::new();
    for part in &mail.parts {
        let kind = part.content_type();
        kinds.push(kind.map_or("text/plain".to_owned(), |kind| {
            format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default()).to_lowercase()
        }));
        if let PartType::Message(mail) = &part.body {
            kinds.extend(structure(mail));
        }
    }
    kinds
}

fn told(catalogue: &Catalogue, bytes: &[u8]) -> BTreeSet<String> {
    let events = bounce::read(&message("x.eml", bytes.to_vec())).into_iter();
    let told = |event: Event| {
        let event = catalogue.classify(event);
        let reply = event.reply.as_deref().map(hide).unwrap_or_default();
        let reply: String = reply.split_whitespace().collect();
        let verdict = event.verdict;
        format!(
            "{} {} {reply} {} {:?} {:?} {:?} {:?}",
            event.receiving_domain.as_str(),
            event.action,
            verdict.reason,
            verdict.blocked_ip,
            verdict.blocklist,
            event.times,
            event.original.message_id.as_deref().map(hide)
        )
    };
    events.map(told).collect()
}

#[test]
fn a_masked_bounce_says_the_same_and_names_nobody() {
    let catalogue = Catalogue::built_in().unwrap();
    let mut wrong = Vec::new();
    for path in mails() {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let whole = message(&name, fs::read(&path).unwrap());
        let kept = bounce::without_body(&whole);
        let mail = masked(&kept);
        let is_line = |line: &[u8]| line.len() <= 998 && line.is_ascii() && !line.contains(&b'\n');
        let text = String::from_utf8(mail.clone()).unwrap();
        assert!(
            text.ends_with("\r\n") && text.split("\r\n").all(|line| is_line(line.as_bytes())),
            "{name}"
        );
        let parsed = MessageParser::default().parse(&mail).unwrap();
        let shown = shown(&parsed);
        for event in bounce::read(&whole) {
            for address in [Some(event.recipient), event.original.from].into_iter().flatten() {
                if shown.contains(&address) {
                    wrong.push(format!("{name}: {address} is shown"));
                }
            }
        }
        let (want, got) = (told(&catalogue, &kept), told(&catalogue, &mail));
        // of an mbox only the first mail is written
        let is_some_of_it = kept.starts_with(b"From ") && !got.is_empty() && got.is_subset(&want);
        if want != got && !is_some_of_it {
            wrong.push(format!("{name}:\n  {want:#?}\n  {got:#?}"));
        }
        let before = structure(&MessageParser::default().parse(kept.trim_ascii_start()).unwrap());
        let after = structure(&parsed);
        if before.len() != after.len() && !name.contains("-cut-") {
            wrong.push(format!("{name}: {before:?} became {after:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), wrong.len());
}

/// Where an address may stand so that a reader finds it, and a search for it in the bytes does not.
#[expect(clippy::too_many_lines, reason = "a table of the forms")]
#[test]
fn an_address_is_hidden_in_whatever_form_it_stands() {
    const TARO: &str = "taro.yamada@shop.example.jp";
    let base64 = |bytes: &[u8]| {
        let text = base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);
        let lines = text
            .as_bytes()
            .chunks(76)
            .map(|line| String::from_utf8_lossy(line).into_owned());
        lines.collect::<Vec<_>>().join("\n")
    };
    let (japanese, ..) = encoding_rs::ISO_2022_JP.encode("山田太郎 <taro.yamada@shop.example.jp> 様");
    let (sjis, ..) = encoding_rs::SHIFT_JIS.encode("宛先 taro.yamada@shop.example.jp 拒否");
    let long = base64(format!("{{\"recipient\":\"{TARO}\",\"and\":\"so on and so on\"}}").as_bytes());
    let fields = [
        format!(
            "Subject: =?utf-8?B?{}?=",
            base64(format!("お見積り {TARO}").as_bytes())
        ),
        "To: =?iso-8859-1?Q?taro=2Eyamada=40shop=2Eexample=2Ejp?=\n <taro.yamada@shop.example.jp>".to_owned(),
        format!("From: =?ISO-2022-JP?B?{}?=", base64(&japanese)),
        format!("Received: from x by y with ESMTP\n\tfor <{TARO}>; Fri, 19 Oct 2018 16:36:20 +0900"),
        format!("DKIM-Signature: v=1; d=shop.example.jp; i={TARO}; b={long}"),
        format!("X-MS-Exchange-CrossTenant-Info: {}", long.replace('\n', "\n ")),
        "List-Unsubscribe: <https://lists.example.org/?who=taro.yamada%40shop.example.jp>".to_owned(),
        format!("X-{TARO}: 1"),
    ];
    let parts = [
        format!("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: base64\n\n{}", base64(format!("Dear {TARO}").as_bytes())),
        "Content-Type: text/plain\nContent-Transfer-Encoding: quoted-printable\n\nto taro=2Eyam=\nada=40shop.example.jp".to_owned(),
        format!("Content-Type: text/plain; charset=shift_jis\nContent-Transfer-Encoding: base64\n\n{}", base64(&sjis)),
        "Content-Type: text/html\n\n<p>taro.yamada&#64;shop.example.jp, <b>taro.yamada</b>@shop.example.jp</p>".to_owned(),
        format!("Content-Type: application/pdf; name=\"{TARO}.pdf\"\nContent-Disposition: attachment; filename=\"{TARO}.pdf\"\nContent-Transfer-Encoding: base64\n\n{}", base64(format!("\u{0}\u{1}{TARO}").as_bytes())),
        format!("Content-Type: message/rfc822\nContent-Transfer-Encoding: base64\n\n{}", base64(format!("To: {TARO}\n\n{TARO}").as_bytes())),
        format!("Content-Type: text/rfc822-headers\n\nTo: {TARO}\nSubject: =?utf-8?Q?{}?=", TARO.replace('@', "=40")),
        format!("Content-Type: multipart/mixed\n\n--lost\nContent-Transfer-Encoding: base64\n\n{long}\n{long}"),
        format!("Content-Type: multipart/mixed; boundary=\"{TARO}\"\n\n{TARO}\n--{TARO}\n\nx {TARO}\n--{TARO}--\n{TARO}"),
        format!("Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822;{TARO}\nDiagnostic-Code: smtp; 550 拒否 <{TARO}>"),
        format!("\nSubject: =?utf-8?B?{}?=\n", base64(TARO.as_bytes())),
    ];
    let whole = |fields: &[String], parts: &[String]| {
        let parts: String = parts.iter().map(|part| format!("--zz\n{part}\n")).collect();
        format!(
            "{}\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=zz\n\n{TARO}\n{parts}--zz--\n{TARO}\n",
            fields.join("\n")
        )
    };
    let mut mails = vec![whole(&fields, &parts)];
    mails.extend(fields.iter().map(|field| whole(std::slice::from_ref(field), &[])));
    mails.extend(
        parts
            .iter()
            .map(|part| whole(&fields[..1], std::slice::from_ref(part))),
    );
    mails.extend(parts.iter().map(|part| format!("From: {TARO}\n{part}\n")));
    for mail in &mails {
        let masked = masked(mail.as_bytes());
        let parsed = MessageParser::default().parse(&masked).unwrap();
        let shown = shown(&parsed);
        let text = String::from_utf8(masked.clone()).unwrap();
        for trace in ["taro.yamada", "taro=2E", "dGFyby55YW1hZGF"] {
            assert!(
                !shown.contains(trace) && !text.contains(trace),
                "{trace}:\n{mail}\n=====\n{text}"
            );
        }
    }
    let all = String::from_utf8(masked(mails[0].as_bytes())).unwrap();
    let shown = shown(&MessageParser::default().parse(&all).unwrap());
    for stays in [
        "お見積り",
        "山田太郎",
        "宛先",
        "拒否",
        "shop.example.jp",
        "[removed: application/pdf, 29 bytes]",
    ] {
        assert!(shown.contains(stays), "{stays}:\n{all}");
    }
}

proptest! {
    #[test]
    fn any_change_of_a_bounce_is_survived(sample in 0..SAMPLES.len(), at: Index, byte: u8, cut: Index) {
        let mut mail = SAMPLES[sample].to_vec();
        let place = at.index(mail.len());
        mail[place] = byte;
        mail.truncate(cut.index(mail.len()) + 1);
        let masked = masked(&mail);
        prop_assert!(masked.is_ascii());
        prop_assert!(masked.split(|byte| *byte == b'\n').all(|line| line.len() <= 999));
        let parsed = MessageParser::default().parse(&masked).unwrap();
        for text in texts(&parsed) {
            prop_assert_eq!(hide(&text), text);
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes: Vec<u8>) {
        prop_assert!(masked(&bytes).is_ascii());
    }
}

const SAMPLES: [&[u8]; 4] = [
    include_bytes!("corpus/postfix-gmo-rbl-late.eml"),
    include_bytes!("corpus/qmail-greeting-late.eml"),
    include_bytes!("corpus/pasted-masked-s3150.eml"),
    include_bytes!("corpus/debian-postfix-ja-iso2022jp-japanese-reply.eml"),
];
