//! qmail and its children (netqmail, notqmail, indimail, s/qmail).
//!
//! Words of qmail-send 1.03 (`qmail-send.c`, addbounce) around those of `qmail-remote.c`, `qmail-local.c`, vpopmail:
//! ```text
//! <a@example.net>:
//! Connected to 192.0.2.1 but sender was rejected.
//! Remote host said: 550 5.7.1 …
//! ```

use std::borrow::Cow;

use crate::bounce::address::{self, Host};
use crate::bounce::mail::Bounce;
use crate::bounce::reply::{Reply, in_reply_to};
use crate::bounce::told::{Finding, Told};
use crate::event::{Action, SmtpCommand};

/// Words by which qmail is known, also where the greeting of its bounces was rewritten.
const SIGNS: [&str; 4] = [
    "This is the qmail-send program at",
    "Remote host said: ",
    "this message has been in the queue too long.",
    "wasn't able to deliver your message to the following",
];

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let words = with_apostrophes(bounce.words());
    let words = words.as_ref();
    SIGNS.iter().find(|sign| words.contains(**sign))?;
    let mut recipients: Vec<Finding> = paragraphs(words).into_iter().map(finding).collect();
    if recipients.is_empty() {
        recipients.extend(unnamed(bounce, words));
    }
    (!recipients.is_empty()).then(|| Told {
        reporting_mta: writer(words),
        recipients,
        ..Told::default()
    })
}

/// `Hi. This is the qmail-send program at mx.example.org.`, `This is the qmail program at …`, and what copies qmail's
/// words (`This is the Haraka Mailer program at …`).
fn writer(words: &str) -> Option<String> {
    let (_, rest) = words.split_once("This is the ")?;
    let (program, host) = rest.split_once(" program at ")?;
    (program.len() <= 40).then(|| Host::read(host).name).flatten()
}

/// Outlook and Apple Mail make `I'm` and `wasn't` typographic where a person pastes.
fn with_apostrophes(words: &str) -> Cow<'_, str> {
    match words.contains('\u{2019}') {
        true => Cow::Owned(words.replace('\u{2019}', "'")),
        false => Cow::Borrowed(words),
    }
}

/// A web page or an HTML mail swallows `<a@example.net>:` as an element: the one whom the original was to is left.
fn unnamed(bounce: &Bounce<'_>, words: &str) -> Option<Finding> {
    let [recipient] = bounce.returned.to.as_slice() else {
        return None;
    };
    let mut lines = words.lines().map(str::trim);
    let first = lines.find(|line| stage(line).is_some())?;
    let lines = std::iter::once(first).chain(lines.take_while(|line| !line.is_empty()));
    Some(finding((recipient.clone(), lines.collect())))
}

/// `<a@example.net>:` on a line of its own, and the lines up to the next empty one; one between the address and the words
/// is the paste's.
fn paragraphs(words: &str) -> Vec<(String, Vec<&str>)> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    let mut open = false;
    for line in words.lines().map(str::trim) {
        // a person's paste may lack the brackets
        let recipient = line.strip_suffix(':').filter(|head| !head.contains(' '));
        if let Some(recipient) = recipient.and_then(address::only) {
            found.push((recipient, Vec::new()));
            open = true;
        } else if line.is_empty() {
            open &= found.last().is_some_and(|(_, lines)| lines.is_empty());
        } else if let (true, Some((_, lines))) = (open, found.last_mut()) {
            lines.push(line);
        }
    }
    found
}

fn finding((recipient, lines): (String, Vec<&str>)) -> Finding {
    let mut told = Finding {
        action: Some(Action::Failed),
        ..Finding::to(recipient)
    };
    let mut said: Vec<&str> = Vec::new();
    let mut remote = false;
    for line in lines {
        if let Some((host, command)) = stage(line) {
            told.remote_host = host.name;
            told.remote_ip = host.ip;
            told.command = command;
            // `Connected to 192.0.2.1 but connection died. (#4.4.2)`: nothing else is said
            if said.is_empty() {
                said.push(line);
            }
        } else if let Some(reply) = line.strip_prefix("Remote host said: ") {
            said = vec![reply];
            remote = true;
        } else if !is_qmails_own(line) {
            if told.command.is_some() && !remote {
                said.clear();
            }
            said.push(line);
        }
    }
    let said = said.join("\n");
    let (said, command) = in_reply_to(&said);
    told.reply = Reply::read(said);
    told.command = told.command.or(command);
    told
}

/// `Giving up on 192.0.2.1.` and `I'm not going to try again; …` are added to any reply.
fn is_qmails_own(line: &str) -> bool {
    line.starts_with("Giving up on ") || line.starts_with("I'm not going to try again")
}

/// What qmail-remote was doing (`qmail-remote.c`, smtp()).
fn stage(line: &str) -> Option<(Host, Option<SmtpCommand>)> {
    const AFTER_CONNECTED: [(&str, Option<SmtpCommand>); 4] = [
        (" but greeting failed", Some(SmtpCommand::Conn)),
        (" but my name was rejected", Some(SmtpCommand::Helo)),
        (" but sender was rejected", Some(SmtpCommand::Mail)),
        (" but connection died", None),
    ];
    const AFTER_HOST: [(&str, SmtpCommand); 3] = [
        (" does not like recipient", SmtpCommand::Rcpt),
        (" failed on DATA command", SmtpCommand::Data),
        (" failed after I sent the message", SmtpCommand::Data),
    ];
    if let Some((_, rest)) = line.split_once("Connected to ") {
        let stage = AFTER_CONNECTED.iter().find(|(words, _)| rest.contains(words))?;
        return Some((Host::read(rest), stage.1));
    }
    let (at, command) = AFTER_HOST
        .iter()
        .find_map(|(words, command)| Some((line.find(words)?, *command)))?;
    // indimail: `From: <a@x> RCPT: <b@y> 192.0.2.1 does not like recipient.`
    let host = line.get(..at)?.rsplit(' ').next()?;
    Some((Host::read(host), Some(command)))
}

#[cfg(test)]
mod tests {
    use crate::bounce::qmail::{finding, paragraphs, stage, with_apostrophes, writer};
    use crate::event::SmtpCommand;

    #[test]
    fn the_words_of_qmail_remote_say_what_was_refused() {
        for (line, command) in [
            ("Connected to 192.0.2.1 but greeting failed.", SmtpCommand::Conn),
            (
                "Connected to 192.0.2.1 but my name was rejected.",
                SmtpCommand::Helo,
            ),
            (
                "Connected to 192.0.2.1 but sender was rejected.",
                SmtpCommand::Mail,
            ),
            ("192.0.2.1 does not like recipient.", SmtpCommand::Rcpt),
            (
                "From: <a@x.example> RCPT: <b@y.example> 192.0.2.1 does not like recipient.",
                SmtpCommand::Rcpt,
            ),
            ("192.0.2.1 failed after I sent the message.", SmtpCommand::Data),
        ] {
            let (host, seen) = stage(line).unwrap();
            assert_eq!(
                (host.ip, seen),
                (Some("192.0.2.1".parse().unwrap()), Some(command)),
                "{line}"
            );
        }
    }

    #[test]
    fn the_reply_is_the_remote_hosts_and_nothing_of_qmails() {
        let lines = vec![
            "192.0.2.1 does not like recipient.",
            "Remote host said: 550-5.7.1 Service unavailable;",
            "550 5.7.1 Client host [192.0.2.44] blocked",
            "Giving up on 192.0.2.1.",
        ];
        let told = finding(("a@x.example".to_owned(), lines));
        assert_eq!(
            told.reply.unwrap().text,
            "550 5.7.1 Service unavailable; Client host [192.0.2.44] blocked"
        );
        let told = finding((
            "a@x.example".to_owned(),
            vec!["Sorry, no mailbox here by that name. (#5.1.1)"],
        ));
        assert_eq!(
            told.reply.unwrap().text,
            "Sorry, no mailbox here by that name. (#5.1.1)"
        );
    }

    #[test]
    fn a_paste_may_have_an_empty_line_below_the_address() {
        let found = paragraphs("<a@x.example>:\n\nSorry, no mailbox here by that name. (#5.1.1)\n\nBye\n");
        assert_eq!(found[0].1, ["Sorry, no mailbox here by that name. (#5.1.1)"]);
        let words = with_apostrophes("I’m not going to try again");
        assert_eq!(words, "I'm not going to try again");
    }

    #[test]
    fn the_writer_is_whichever_program_greets_like_qmail() {
        for program in ["qmail-send", "qmail", "Haraka Mailer"] {
            let words = format!("Hi. This is the {program} program at mx.x.example.\nI'm afraid");
            assert_eq!(writer(&words).as_deref(), Some("mx.x.example"));
        }
    }
}
