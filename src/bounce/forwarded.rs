//! Bounces that a person passes on in the words of a mail: forwarded inline, quoted, pasted.
//!
//! The header fields that the person's mail program writes above the bounce become its header; the person never
//! becomes a recipient, and the dates are the bounce's own.

use crate::bounce::address;
use crate::bounce::date;
use crate::bounce::head::{Head, is_daemon};
use crate::bounce::header::field;
use crate::bounce::mail::Bounce;

/// The fields that mail programs show above a forwarded mail, in the languages they do it in, by what they are.
const FIELDS: [(&str, Kind); 100] = [
    ("from", Kind::From),
    ("sender", Kind::From),
    ("von", Kind::From),
    ("de", Kind::From),
    ("da", Kind::From),
    ("van", Kind::From),
    ("od", Kind::From),
    ("från", Kind::From),
    ("fra", Kind::From),
    ("lähettäjä", Kind::From),
    ("от", Kind::From),
    ("kimden", Kind::From),
    ("差出人", Kind::From),
    ("送信者", Kind::From),
    ("送信元", Kind::From),
    ("发件人", Kind::From),
    ("寄件者", Kind::From),
    ("보낸 사람", Kind::From),
    ("date", Kind::Date),
    ("sent", Kind::Date),
    ("gesendet", Kind::Date),
    ("gesendet am", Kind::Date),
    ("datum", Kind::Date),
    ("envoyé", Kind::Date),
    ("envoyé le", Kind::Date),
    ("enviado", Kind::Date),
    ("enviado el", Kind::Date),
    ("enviada em", Kind::Date),
    ("enviada", Kind::Date),
    ("fecha", Kind::Date),
    ("data", Kind::Date),
    ("inviato", Kind::Date),
    ("verzonden", Kind::Date),
    ("wysłano", Kind::Date),
    ("odesláno", Kind::Date),
    ("skickat", Kind::Date),
    ("sendt", Kind::Date),
    ("lähetetty", Kind::Date),
    ("päiväys", Kind::Date),
    ("отправлено", Kind::Date),
    ("дата", Kind::Date),
    ("送信日時", Kind::Date),
    ("日時", Kind::Date),
    ("日付", Kind::Date),
    ("发送时间", Kind::Date),
    ("发送日期", Kind::Date),
    ("日期", Kind::Date),
    ("寄件日期", Kind::Date),
    ("보낸 날짜", Kind::Date),
    ("날짜", Kind::Date),
    ("subject", Kind::Subject),
    ("betreff", Kind::Subject),
    ("objet", Kind::Subject),
    ("sujet", Kind::Subject),
    ("asunto", Kind::Subject),
    ("assunto", Kind::Subject),
    ("oggetto", Kind::Subject),
    ("onderwerp", Kind::Subject),
    ("temat", Kind::Subject),
    ("předmět", Kind::Subject),
    ("ämne", Kind::Subject),
    ("emne", Kind::Subject),
    ("aihe", Kind::Subject),
    ("тема", Kind::Subject),
    ("件名", Kind::Subject),
    ("主题", Kind::Subject),
    ("主旨", Kind::Subject),
    ("제목", Kind::Subject),
    ("message-id", Kind::Id),
    ("to", Kind::To),
    ("an", Kind::To),
    ("à", Kind::To),
    ("pour", Kind::To),
    ("para", Kind::To),
    ("a", Kind::To),
    ("aan", Kind::To),
    ("do", Kind::To),
    ("komu", Kind::To),
    ("till", Kind::To),
    ("til", Kind::To),
    ("vastaanottaja", Kind::To),
    ("кому", Kind::To),
    ("宛先", Kind::To),
    ("送信先", Kind::To),
    ("收件人", Kind::To),
    ("收件者", Kind::To),
    ("받는 사람", Kind::To),
    ("cc", Kind::Other),
    ("ccn", Kind::Other),
    ("kopie", Kind::Other),
    ("copia", Kind::Other),
    ("копия", Kind::Other),
    ("抄送", Kind::Other),
    ("副本", Kind::Other),
    ("참조", Kind::Other),
    ("reply-to", Kind::Other),
    ("return-path", Kind::Other),
    ("importance", Kind::Other),
    ("priority", Kind::Other),
    ("x-mailer", Kind::Other),
];

/// Under whose name a mail program shows a bounce beside those of [`is_daemon`]: Exchange's, in Outlook.
const OF_OUTLOOK: [&str; 6] = [
    "microsoft outlook",
    "system administrator",
    "systemadministrator",
    "administrateur système",
    "システム管理者",
    "系统管理员",
];

/// Quoted lines that make a quotation beside more words of the person's own.
const MIN_QUOTED: usize = 3;

/// Levels of quoting that are taken off.
const MAX_QUOTES: usize = 4;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    From,
    To,
    Date,
    Subject,
    Id,
    Other,
}

/// The bounce inside the words of a mail, where a header block of one stands in them.
pub(super) fn inside(words: &str) -> Option<Bounce<'static>> {
    let mut text = words.to_owned();
    for _ in 0..MAX_QUOTES {
        if let Some((head, rest)) = below_a_header(&text) {
            return Some(Bounce::pasted(head, without_signature(rest)));
        }
        text = unquoted(&text)?;
    }
    None
}

/// What stands below `-- ` is the person's own.
fn without_signature(words: &str) -> &str {
    let mut at = 0;
    for line in words.split_inclusive('\n') {
        if line.trim_end() == "--" {
            return words.get(..at).unwrap_or(words);
        }
        at += line.len();
    }
    words
}

/// The words of a mail without the marks of quoting: a bounce may stand there without its header. Where most lines are
/// quoted the others are ends of lines that a mail program wrapped, else only the quoted ones count. A few such lines are
/// a session's (`>>> DATA`).
pub(super) fn quoted(words: &str) -> Option<Bounce<'static>> {
    let mut text = if mostly_quoted(words) {
        words.to_owned()
    } else {
        quotations(words)?
    };
    for _ in 0..MAX_QUOTES {
        if !mostly_quoted(&text) {
            break;
        }
        text = unquoted(&text)?;
    }
    Some(Bounce::pasted(Head::default(), &text))
}

fn is_quoted(line: &str) -> bool {
    line.starts_with('>') && !line.starts_with(">>> ")
}

fn mostly_quoted(text: &str) -> bool {
    let written = text.lines().filter(|line| !line.trim().is_empty());
    let (quoted, plain): (Vec<&str>, Vec<&str>) = written.partition(|line| is_quoted(line));
    quoted.len() > plain.len()
}

/// The quoted lines alone, an empty one for what stood between them.
fn quotations(words: &str) -> Option<String> {
    let lines = words.lines().map(|line| if is_quoted(line) { line } else { "" });
    let text = lines.collect::<Vec<_>>().join("\n");
    let count = text.lines().filter(|line| !line.is_empty()).count();
    (count >= MIN_QUOTED).then_some(text)
}

/// One level of `> ` taken off; `None` where nothing is quoted. `>>>> DATA` behind `> ` is sendmail's `>>> DATA`.
fn unquoted(text: &str) -> Option<String> {
    let mut any = false;
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        match line.strip_prefix('>') {
            Some(rest) => {
                any = true;
                out.push_str(rest.strip_prefix(' ').unwrap_or(rest));
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    any.then_some(out)
}

/// The first run of lines that shows a bounce's header, and what follows it.
fn below_a_header(text: &str) -> Option<(Head, &str)> {
    let mut block = Block::default();
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        at += line.len();
        if let Some((kind, value)) = shown(line) {
            block.set(kind, value);
            continue;
        }
        // a folded value, or the empty lines that HTML leaves between the fields
        let goes_on = block.fields > 0 && (line.starts_with([' ', '\t']) || line.trim().is_empty());
        if goes_on && line.trim().is_empty() && !next_is_field(text.get(at..)) {
            if let Some(head) = block.head() {
                return Some((head, text.get(at..)?));
            }
            block = Block::default();
        } else if !goes_on {
            let other_field = block.fields > 0 && field(line).is_some_and(|(name, _)| name.contains('-'));
            if !other_field {
                if let Some(head) = block.head() {
                    return Some((head, text.get(at - line.len()..)?));
                }
                block = Block::default();
            }
        }
    }
    None
}

fn next_is_field(rest: Option<&str>) -> bool {
    rest.and_then(|rest| rest.lines().take(3).find(|line| !line.trim().is_empty()))
        .is_some_and(|line| shown(line).is_some())
}

/// Whether a line, quoted or not, is one of the fields that mail programs show.
pub(super) fn shows_field(line: &str) -> bool {
    shown(line.trim_start_matches(['>', ' '])).is_some()
}

/// `From: …`, `*From:* …`, `差出人： …`
fn shown(line: &str) -> Option<(Kind, &str)> {
    let line = line.trim().trim_start_matches('*');
    let at = line.find([':', '：'])?;
    let name = line.get(..at)?.trim().trim_end_matches('*').to_lowercase();
    let value = line.get(at..)?.trim_start_matches([':', '：', '*']).trim();
    let kind = FIELDS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, kind)| *kind)?;
    Some((kind, value))
}

#[derive(Default)]
struct Block<'a> {
    fields: usize,
    from: &'a str,
    date: &'a str,
    subject: &'a str,
    id: &'a str,
    to: &'a str,
}

impl<'a> Block<'a> {
    fn set(&mut self, kind: Kind, value: &'a str) {
        self.fields += 1;
        match kind {
            Kind::From => self.from = value,
            Kind::To => self.to = value,
            Kind::Date => self.date = value,
            Kind::Subject => self.subject = value,
            Kind::Id => self.id = value.trim_matches(['<', '>']),
            Kind::Other => {}
        }
    }

    /// The header, if it is that of a bounce.
    fn head(&self) -> Option<Head> {
        let from = self.from.to_lowercase();
        let is_server = is_daemon(self.from) || OF_OUTLOOK.iter().any(|name| from.contains(name));
        let is_bounce = self.fields >= 2 && is_server;
        is_bounce.then(|| Head {
            message_id: (!self.id.is_empty()).then(|| self.id.to_owned()),
            bounced_at: date::read(self.date),
            subject: self.subject.to_owned(),
            from: address::first(self.from).unwrap_or_default(),
            to: address::all(self.to).collect(),
            automatic: true,
            daemon: true,
            ..Head::default()
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::bounce::forwarded::{inside, quoted};

    #[test]
    fn the_header_of_the_bounce_is_read_in_the_language_of_the_mail_program() {
        for block in [
            "-----Original Message-----\n差出人: MAILER-DAEMON@mx.example.org\n送信日時: 2023年3月13日 10:02\n宛先: a@x.example\n件名: failure notice\n\nHi.\n",
            "Von: Microsoft Outlook\nGesendet: Montag, 13. März 2023 10:02\nAn: a@x.example\nBetreff: failure notice\n\nHi.\n",
            "Begin forwarded message:\n\n> От: MAILER-DAEMON@mx.example.org\n> Тема: failure notice\n> Кому: a@x.example\n> \n> Hi.\n",
            " From:    MAILER-DAEMON@mx.example.org\n To:      a@x.example\n Subject: failure notice\n----\n\nHi.\n-- \nme@x.example\n",
        ] {
            let bounce = inside(&format!("Please look.\n\n{block}")).unwrap();
            assert_eq!(bounce.head.subject, "failure notice", "{block}");
            assert_eq!(bounce.head.to, ["a@x.example"], "{block}");
            assert!(
                bounce.text.trim_start_matches(['-', '\n']).starts_with("Hi.\n"),
                "{block}"
            );
            assert!(!bounce.text.contains("me@x.example"));
        }
        assert!(inside("From: Bob <bob@x.example>\nSubject: bounce\n\nHi.\n").is_none());
    }

    #[test]
    fn of_a_few_quoted_lines_only_they_count() {
        let own = "my own words\n".repeat(9);
        let bounce = quoted(&format!("{own}> <a@x.example>:\n> 550 no\n> \n> bye\n{own}")).unwrap();
        assert_eq!(bounce.text.trim(), "<a@x.example>:\n550 no\n\nbye");
        assert!(quoted(&format!("{own}> yes\n{own}")).is_none());
    }
}
