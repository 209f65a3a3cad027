//! Postfix, and what is built on it.
//!
//! Words of bounce(8), Postfix 2.0 to 3.9 (`src/bounce/bounce_notify_util.c`, `conf/bounce.cf.default`):
//! `<a@example.net>: host mx.example.net[192.0.2.1] said: 550 5.1.1 … (in reply to RCPT TO command)`.

use crate::bounce::address::{self, Host};
use crate::bounce::clues::is_delay;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::{self, Reply, in_reply_to, one_line};
use crate::bounce::told::{Finding, Told};
use crate::event::{Action, Format, SmtpCommand};

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let by_report = bounce
        .report
        .as_ref()
        .is_some_and(|report| report.writer == Some(Format::Postfix));
    let words = bounce.words();
    let by_words = OPENINGS.iter().any(|opening| words.contains(opening))
        || (words.contains("(in reply to ") && words.contains(" said: "))
        || words.contains("] said: ")
        || refuses_to_talk(words);
    if !(by_report || by_words) {
        return None;
    }
    // the template may be in any language, the warning may not
    let delayed = is_delay(bounce).then_some(Action::Delayed);
    let findings = paragraphs(words)
        .into_iter()
        .filter_map(|paragraph| finding(&paragraph));
    Some(Told {
        reporting_mta: host_of_the_writer(words),
        recipients: findings
            .map(|one| Finding {
                action: one.action.or(delayed),
                ..one
            })
            .collect(),
        ..Told::default()
    })
}

/// `This is the Postfix program at host` until 2.2, `This is the mail system at host` since 2.3.
const OPENINGS: [&str; 2] = [
    "This is the mail system at host",
    "This is the Postfix program at host",
];

/// `host mx.example.net[192.0.2.1] refused to talk to me: 554 …`, wherever the line was folded
fn refuses_to_talk(words: &str) -> bool {
    let mut words = words.split_whitespace();
    while words.any(|word| word == "refused") {
        if words.clone().take(4).eq(["to", "talk", "to", "me:"]) {
            return true;
        }
    }
    false
}

fn host_of_the_writer(words: &str) -> Option<String> {
    let opening = OPENINGS.iter().find_map(|opening| words.split_once(opening))?;
    Host::read(opening.1).name
}

/// A recipient's words begin with its address at the start of a line and go on until an empty line; inside them an
/// address at the start of a line is the reply's (`550 5.7.1\n    <a@example.net>: Recipient address rejected`).
fn paragraphs(words: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open = false;
    for line in words.lines() {
        open &= !line.trim().is_empty();
        if !open && head(line).is_some() {
            found.push(String::new());
            open = true;
        }
        if let (true, Some(last)) = (open, found.last_mut()) {
            last.push_str(line.trim());
            last.push('\n');
        }
    }
    found
}

/// `<a@example.net>: …`, `<a@example.net> (expanded from <b@example.net>): …`; a person's paste may lack the brackets.
fn head(line: &str) -> Option<(String, Option<String>, &str)> {
    let line = line.trim_start_matches(' ');
    if let Some(inner) = line.strip_prefix('<') {
        let end = inner.find('>')?;
        let (name, rest) = (inner.get(..end)?, inner.get(end + 1..)?);
        let recipient = address::first(name)?;
        if let Some(rest) = rest.strip_prefix(':') {
            return Some((recipient, None, rest));
        }
        let (alias, rest) = rest
            .trim_start()
            .strip_prefix("(expanded from ")?
            .split_once("):")?;
        return Some((recipient, address::first(alias), rest));
    }
    let (word, rest) = line.split_once(": ")?;
    Some((address::only(word)?, None, rest))
}

fn finding(paragraph: &str) -> Option<Finding> {
    let joined = paragraph.replace('\n', " ");
    let (recipient, original, rest) = head(&joined)?;
    let told = diagnosis(&one_line(rest));
    Some(Finding {
        recipient,
        original,
        ..told
    })
}

/// The diagnosis of smtp(8) (`src/smtp/smtp_proto.c`, `smtp_connect.c`) or of another delivery agent.
fn diagnosis(text: &str) -> Finding {
    let text = text
        .strip_prefix("delivery temporarily suspended: ")
        .unwrap_or(text);
    let (text, command) = in_reply_to(text);
    let (host, reply, stage) = if let Some((before, reply)) = text.split_once(" said: ") {
        (before.strip_prefix("host "), reply, None)
    } else if let Some((before, reply)) = text.split_once(" refused to talk to me: ") {
        (before.strip_prefix("host "), reply, Some(SmtpCommand::Conn))
    } else if let Some(rest) = text.strip_prefix("connect to ") {
        (Some(rest), text, Some(SmtpCommand::Conn))
    } else if let Some(rest) = text
        .strip_prefix("lost connection with ")
        .or_else(|| text.strip_prefix("conversation with "))
    {
        (Some(rest), text, stage(text))
    } else {
        (None, text, None)
    };
    let host = host.map(Host::read).unwrap_or_default();
    Finding {
        remote_host: host.name,
        remote_ip: host.ip,
        command: command.or(stage),
        reply: Reply::read(reply),
        ..Finding::default()
    }
}

/// `… while receiving the initial server greeting`, `… while sending RCPT TO`, `… while performing the EHLO handshake`.
fn stage(text: &str) -> Option<SmtpCommand> {
    let (_, what) = text.rsplit_once(" while ")?;
    if what.contains("greeting") {
        return Some(SmtpCommand::Conn);
    }
    if what.contains("message body") || what.contains("end of data") {
        return Some(SmtpCommand::Data);
    }
    let what = what
        .strip_prefix("performing the ")
        .or_else(|| what.strip_prefix("sending "))?;
    reply::command(what)
}

#[cfg(test)]
mod tests {
    use crate::bounce::postfix::{diagnosis, finding, refuses_to_talk};
    use crate::event::SmtpCommand;

    #[test]
    fn a_refused_greeting_answers_no_command() {
        // Postfix 3.4
        let told = diagnosis(
            "host mx.receiver.example.net[203.0.113.80] refused to talk to me: 554 5.7.1 Service unavailable",
        );
        assert_eq!(told.command, Some(SmtpCommand::Conn));
        assert_eq!(told.remote_ip, Some("203.0.113.80".parse().unwrap()));
        assert_eq!(told.reply.unwrap().text, "554 5.7.1 Service unavailable");
    }

    #[test]
    fn a_refusal_to_talk_is_known_wherever_it_is_folded() {
        for words in [
            "mx.x.example[192.0.2.1] refused to talk to\n    me: 554 no",
            "refused\nto talk to me: 554 no",
        ] {
            assert!(refuses_to_talk(words), "{words}");
        }
        assert!(!refuses_to_talk("he refused to talk to the postmaster"));
    }

    #[test]
    fn an_alias_keeps_the_address_that_was_written_to() {
        let told = finding("<a@x.example> (expanded from\n<b@y.example>): host mx.x.example[192.0.2.1] said:\n550 no (in reply to\nend of DATA command)").unwrap();
        assert_eq!(
            (told.recipient.as_str(), told.original.as_deref()),
            ("a@x.example", Some("b@y.example"))
        );
        assert_eq!(told.command, Some(SmtpCommand::Data));
    }

    #[test]
    fn a_connection_that_breaks_off_says_where() {
        let told =
            diagnosis("lost connection with mx.x.example[192.0.2.1] while performing the EHLO handshake");
        assert_eq!(told.command, Some(SmtpCommand::Ehlo));
        assert_eq!(
            diagnosis("connect to x.example[192.0.2.1]:25: Connection timed out")
                .remote_host
                .as_deref(),
            Some("x.example")
        );
    }
}
