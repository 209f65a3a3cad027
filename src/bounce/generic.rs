//! What is left when no reader knows the words: recipients, replies, hosts and commands where they can be found all the
//! same. Most gateways write one of few forms, whatever their language:
//! ```text
//! <a@example.net>: 550 5.1.1 …                               Delivery to … failed: a@example.net
//! Server mx.example.net[192.0.2.1] failed with: 550 …         SMTP error from remote server after RCPT command:
//! ```

use crate::bounce::address;
use crate::bounce::clues::{command_in, host_in, is_delay, quoted, speaks_of_failure};
use crate::bounce::header::field;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::{Reply, in_reply_to};
use crate::bounce::told::{Finding, Told};
use crate::event::Action;

/// Lines of words that are looked at.
const MAX_LINES: usize = 2000;

/// Recipients beyond this number are not read where no format says which lines name them.
const MAX_RECIPIENTS: usize = 200;

/// Lines of one paragraph that are looked at.
const MAX_PARAGRAPH: usize = 40;

/// Characters of words that are taken for the reply where none has a code.
const MAX_WORDS: usize = 1000;

/// A report whose writer is not known: the words add what the report does not say.
pub(super) fn read_beside_report(bounce: &Bounce<'_>) -> Option<Told> {
    let report = bounce
        .report
        .as_ref()
        .filter(|report| !report.recipients.is_empty())?;
    let told = |mut finding: Finding| {
        // the report's reply is the better one: what words hold a code may be advice
        let has_reply = report
            .recipients
            .iter()
            .any(|one| one.reply.is_some() && one.recipient == finding.recipient);
        finding.reply = finding.reply.filter(|reply| reply.code.is_some() && !has_reply);
        finding.action = None;
        finding
    };
    let known = |finding: &Finding| {
        report
            .recipients
            .iter()
            .any(|one| one.recipient.eq_ignore_ascii_case(&finding.recipient))
    };
    let recipients = findings(bounce).into_iter().filter(known).map(told).collect();
    Some(Told {
        recipients,
        ..Told::default()
    })
}

/// No report, no known words. A mail that shows no outer sign of a bounce must at least quote a reply with its code, one
/// that a program sent must say that something failed.
pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let failed = bounce.head.automatic && speaks_of_failure(bounce);
    let convinces = |one: &Finding| {
        one.reply
            .as_ref()
            .is_some_and(|reply| reply.code.is_some() || failed)
    };
    let told: Vec<Finding> = findings(bounce).into_iter().filter(convinces).collect();
    (!told.is_empty()).then(|| Told {
        recipients: told,
        ..Told::default()
    })
}

/// The last hint at a recipient: the original was to one address alone, and a program sent it back.
pub(super) fn read_hint(bounce: &Bounce<'_>) -> Option<Told> {
    let [recipient] = bounce.returned.to.as_slice() else {
        return None;
    };
    if !speaks_of_failure(bounce) {
        return None;
    }
    let lines: Vec<&str> = bounce.words().lines().take(MAX_LINES).map(str::trim).collect();
    let action = is_delay(bounce).then_some(Action::Delayed);
    let told = Finding {
        action,
        ..finding(recipient.clone(), 0, &lines, Reach::All)
    };
    told.reply.is_some().then(|| Told {
        recipients: vec![told],
        ..Told::default()
    })
}

fn findings(bounce: &Bounce<'_>) -> Vec<Finding> {
    let words = bounce.words();
    let lines: Vec<&str> = words.lines().take(MAX_LINES).map(str::trim).collect();
    let is_senders = |address: &str| {
        let same = |other: &str| other.eq_ignore_ascii_case(address);
        is_daemons(address)
            || same(&bounce.head.from)
            || bounce.returned.fields.from.as_deref().is_some_and(same)
            || bounce.head.to.iter().any(|to| same(to))
    };
    let by_program = bounce.head.automatic || bounce.report.is_some();
    let mut named = if by_program {
        recipients(&lines)
    } else {
        with_their_reply(&lines, &bounce.head.from)
    };
    let failed = &bounce.head.failed_recipients;
    // one may write to oneself, but then the line begins with the address
    let to_oneself = failed.is_empty()
        && named.iter().all(|(address, at)| {
            is_senders(address) && lines.get(*at).is_some_and(|line| opens_with(line).is_some())
        });
    if !to_oneself {
        named.retain(|(address, _)| !is_senders(address));
    }
    if named.is_empty() {
        named = failed.iter().map(|one| (one.clone(), 0)).collect();
    }
    let mut seen = std::collections::HashSet::new();
    named.retain(|(address, _)| seen.insert(address.to_ascii_lowercase()));
    named.truncate(MAX_RECIPIENTS);
    let reach = match (bounce.head.automatic, named.as_slice()) {
        (true, [_]) => Reach::All,
        (true, _) => Reach::Words,
        (false, _) => Reach::Paragraph,
    };
    let action = is_delay(bounce).then_some(Action::Delayed);
    let finding = |(recipient, at): (String, usize)| Finding {
        action,
        ..finding(recipient, at, &lines, reach)
    };
    named.into_iter().map(finding).collect()
}

/// How far the reply to one recipient is looked for: a person's mail may quote anything beside its own paragraph.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Paragraph,
    Words,
    All,
}

fn is_daemons(address: &str) -> bool {
    let (local, _) = address.split_once('@').unwrap_or((address, ""));
    local.eq_ignore_ascii_case("mailer-daemon")
}

/// What a person, or a program that writes no bounces, quotes: an address, a colon and a reply with its code, on one line
/// or the next (`<a@example.net>: 550 …`). An address alone above a number is a signature or a statistic; one of the
/// author's own domain is a way to reach the author.
fn with_their_reply(lines: &[&str], author: &str) -> Vec<(String, usize)> {
    let domain = |address: &str| {
        let (_, domain) = address.rsplit_once('@')?;
        Some(domain.to_ascii_lowercase())
    };
    let own = domain(author);
    let named = lines.iter().enumerate().filter_map(|(at, line)| {
        let (head, rest) = line.split_once(':')?;
        let recipient = address::only(head).filter(|_| !head.contains(' '))?;
        let said = match rest.trim() {
            "" => lines.get(at + 1).copied().unwrap_or(""),
            said => said,
        };
        let has_code = Reply::read(said).is_some_and(|reply| reply.code.is_some());
        (has_code && domain(&recipient) != own).then_some((recipient, at))
    });
    named.collect()
}

/// The lines that name recipients, by the first of these forms that any line has: a line that is an address or begins
/// with one; a session's `RCPT TO`; a line that ends with one; a line that has one in brackets.
fn recipients(lines: &[&str]) -> Vec<(String, usize)> {
    let forms: [fn(&str) -> Option<String>; 4] = [opens_with, in_session, ends_with, has_in_brackets];
    let of_form = |form: &fn(&str) -> Option<String>| {
        let named = lines
            .iter()
            .enumerate()
            .filter_map(|(at, line)| Some((form(line)?, at)));
        Some(named.collect::<Vec<_>>()).filter(|named| !named.is_empty())
    };
    forms.iter().find_map(of_form).unwrap_or_default()
}

/// `a@example.net`, `* a@example.net`, `<a@example.net>: …`, `a@example.net: …`, `a@example.net [User unknown]`
fn opens_with(line: &str) -> Option<String> {
    let line = line.trim_start_matches(['*', '-', '>', '•', '·', ' ', '"', '\'']);
    if let Some(alone) = address::only(line.trim_end_matches(['"', '\'', ':'])) {
        return Some(alone);
    }
    let word = line.split_whitespace().next()?;
    let marked = word.starts_with('<')
        || word.ends_with(':')
        || line
            .get(word.len()..)?
            .trim_start()
            .starts_with(['[', '(', '<', ':']);
    let word = word
        .split("<mailto:")
        .next()
        .filter(|word| !word.is_empty())
        .unwrap_or(word);
    if marked {
        address::only(word.trim_end_matches(['"', ':']))
    } else {
        address::only(word).filter(|_| line.split_whitespace().count() > 2)
    }
}

/// `>>> RCPT TO:<a@example.net>`
fn in_session(line: &str) -> Option<String> {
    let at = line.to_ascii_lowercase().find("rcpt to:")?;
    address::first(line.get(at + "rcpt to:".len()..)?)
}

/// `Unable to deliver message to: <a@example.net>`, `Unknown user: a@example.net`; not `From: …`
fn ends_with(line: &str) -> Option<String> {
    if is_of_a_header(line) {
        return None;
    }
    let word = line.rsplit([' ', '\t', ':']).next()?;
    address::only(word)
}

/// `SMTP Server <mx.example.net> rejected recipient <a@example.net> (…)`, `Address: <a@example.net>, …`
fn has_in_brackets(line: &str) -> Option<String> {
    if is_of_a_header(line) || line.to_ascii_uppercase().contains("MAIL FROM") {
        return None;
    }
    line.split('<')
        .skip(1)
        .find_map(|rest| address::only(rest.split_once('>')?.0))
}

/// Lines such as `From: …` and `Original Sender: …` name the sender.
fn is_of_a_header(line: &str) -> bool {
    let name = field(line)
        .map(|(name, _)| name)
        .or_else(|| Some(line.split_once(':')?.0))
        .unwrap_or("");
    let name = name.to_ascii_lowercase();
    [
        "from",
        "sender",
        "reply-to",
        "return-path",
        "message-id",
        "cc",
        "contact",
        "postmaster",
        "subject",
    ]
    .iter()
    .any(|of| name.ends_with(of))
}

/// What is said of one recipient: its own paragraph where that has a code, else the first code in all words (of one
/// recipient), else its paragraph's words, else all of them.
fn finding(recipient: String, at: usize, lines: &[&str], reach: Reach) -> Finding {
    let own = paragraph(lines, at);
    let own_words = without_opening(&own, &recipient);
    let own_reply = || quoted(&own).or_else(|| quoted(&own_words));
    let elsewhere = || {
        let from = lines.iter().position(|line| {
            Reply::read(line)
                .and_then(|reply| reply.code)
                .is_some_and(|code| code.class() >= 4)
        })?;
        let block: Vec<&str> = lines
            .iter()
            .skip(from)
            .take(MAX_PARAGRAPH)
            .take_while(|line| !line.is_empty())
            .copied()
            .collect();
        quoted(&block.join("\n"))
    };
    let says_something = own_words.split_whitespace().count() > 2;
    let plain = || {
        let all = lines.join(" ");
        let all: String = all.chars().take(MAX_WORDS).collect();
        Reply::read(if says_something { &own_words } else { &all })
    };
    let reply = own_reply()
        .or_else(|| elsewhere().filter(|_| reach == Reach::All))
        .or_else(|| plain().filter(|_| reach != Reach::Paragraph));
    let around = if reach == Reach::All {
        lines.join("\n")
    } else {
        own
    };
    let host = host_in(&around).unwrap_or_default();
    let (text, command) = reply
        .as_ref()
        .map_or(("", None), |reply| in_reply_to(&reply.text));
    let reply = if command.is_some() {
        Reply::read(text)
    } else {
        reply
    };
    Finding {
        command: command.or_else(|| command_in(&around)),
        remote_host: host.name,
        remote_ip: host.ip,
        reply,
        ..Finding::to(recipient)
    }
}

/// The words behind an address that opens them, and behind a gateway's own lines about the session (GMX, 1&1:
/// `SMTP error from remote server after RCPT command:`, `host: mx.example.net`).
fn without_opening(own: &str, recipient: &str) -> String {
    let words = own.trim_start_matches(['<', ' ', '*', '-', '"']);
    let words = words
        .strip_prefix(recipient)
        .map_or(own, |rest| rest.trim_start_matches(['>', '"', ':', ' ', '\n']));
    let is_of_session = |line: &&str| {
        !(line.starts_with("SMTP error from remote server") && line.ends_with(':')
            || line.starts_with("host: ")
            || line.starts_with("Remote system: "))
    };
    words.lines().filter(is_of_session).collect::<Vec<_>>().join("\n")
}

/// The lines from one on, up to the next empty one.
fn paragraph(lines: &[&str], at: usize) -> String {
    let rest = lines
        .iter()
        .skip(at)
        .take(MAX_PARAGRAPH)
        .take_while(|line| !line.is_empty());
    rest.copied().collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use crate::bounce::generic::with_their_reply;

    #[test]
    fn a_person_quotes_a_recipient_only_with_its_reply() {
        let named = |lines: &[&str]| with_their_reply(lines, "me@x.example").len();
        assert_eq!(named(&["<a@y.example>: 550 5.1.1 no"]), 1);
        assert_eq!(named(&["a@y.example:", "550 5.1.1 no"]), 1);
        for lines in [
            &["a@y.example", "550 5.1.1: 1 Time(s)"][..],
            &["<shop@x.example>: 550 ways to reach us"],
            &["Write to a@y.example: 550 5.1.1 no"],
            &["a@y.example: please call"],
        ] {
            assert_eq!(named(lines), 0, "{lines:?}");
        }
    }
}
