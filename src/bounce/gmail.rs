//! Gmail and Google Workspace.
//!
//! Words of `Delivery Status Notification` until about 2016 (`The error that the other server returned was: …`) and of
//! the newer report's first part, which is the same in every language by its form only: a title between asterisks, a
//! sentence with the recipient, and below a line that ends with a colon what the other server said
//! (<https://support.google.com/a/answer/3726730>).

use crate::bounce::address::{self, Host};
use crate::bounce::clues::is_delay;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::{Reply, leading_code};
use crate::bounce::told::{Finding, Told};
use crate::event::{Action, SmtpCommand};

const OPENINGS: [(&str, Action); 4] = [
    (
        "Delivery to the following recipient failed permanently:",
        Action::Failed,
    ),
    (
        "Delivery to the following recipients failed permanently:",
        Action::Failed,
    ),
    (
        "Delivery to the following recipient has been delayed:",
        Action::Delayed,
    ),
    (
        "Delivery to the following recipients has been delayed:",
        Action::Delayed,
    ),
];

/// The words before the other server's reply.
const BEFORE_REPLY: [&str; 5] = [
    "The error that the other server returned was:",
    "The response from the remote server was:",
    "The response was:",
    "We tried to deliver your message, but the server returned:",
    "The error was:",
];

/// Recipients beyond this number are not read: each has a copy of the one reply.
const MAX_RECIPIENTS: usize = 1000;

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let words = bounce.words();
    // other systems use the same words; Gmail has technical details below them
    let details = words.find("Technical details of ");
    let opened = details.and_then(|at| opened(words.get(..at)?));
    let (recipients, action): (Vec<String>, _) = match opened {
        Some((list, action)) => (address::all(list).collect(), Some(action)),
        None if is_googles(bounce) => (named(bounce), is_delay(bounce).then_some(Action::Delayed)),
        None => return None,
    };
    let (text, command) = said(words);
    let reply = Reply::read(text).filter(|reply| opened.is_some() || reply.code.is_some());
    let reply = reply.or_else(|| Reply::read(quoted(words)?));
    // of its own refusals (a group, a wrong alias) all that Gmail writes is the reason
    let reply = reply.or_else(|| Reply::read(words).filter(|_| bounce.report.is_none()));
    let host = other_server(words).unwrap_or_default();
    let told = |recipient| Finding {
        action,
        command,
        remote_host: host.name.clone(),
        remote_ip: host.ip,
        reply: reply.clone(),
        ..Finding::to(recipient)
    };
    Some(Told {
        recipients: recipients.into_iter().take(MAX_RECIPIENTS).map(told).collect(),
        ..Told::default()
    })
}

fn opened(words: &str) -> Option<(&str, Action)> {
    let mut openings = OPENINGS.iter();
    openings.find_map(|(opening, action)| Some((words.split_once(opening)?.1, *action)))
}

fn is_googles(bounce: &Bounce<'_>) -> bool {
    const WRITERS: [&str; 2] = ["mailer-daemon@googlemail.com", "mailer-daemon@google.com"];
    let report = bounce.report.as_ref();
    let reporting = report.and_then(|report| report.reporting_mta.as_deref());
    let from = &bounce.head.from;
    reporting == Some("googlemail.com") || WRITERS.iter().any(|writer| from.eq_ignore_ascii_case(writer))
}

/// The recipient, where no report names it: in the header, or in the first sentence that has an address.
fn named(bounce: &Bounce<'_>) -> Vec<String> {
    if bounce.report.is_some() {
        return Vec::new();
    }
    if !bounce.head.failed_recipients.is_empty() {
        return bounce.head.failed_recipients.clone();
    }
    let sentences = bounce.words().lines().filter(|line| line.contains('@'));
    let mut recipients = sentences.flat_map(address::all);
    recipients
        .find(|one| *one != bounce.head.from && !bounce.head.to.contains(one))
        .into_iter()
        .collect()
}

/// What is quoted below a label, in any language: the first paragraph that begins with a code.
fn quoted(words: &str) -> Option<&str> {
    let mut at = 0;
    for line in words.split_inclusive('\n') {
        if leading_code(line).is_some() {
            let rest = words.get(at..)?;
            return rest.split("\n\n").next();
        }
        at += line.len();
    }
    None
}

/// `… by the server for the recipient domain example.net by mx.example.net. [192.0.2.1].`, `[(10) mx.example.net.
/// [192.0.2.1]:25: socket error]`
fn other_server(words: &str) -> Option<Host> {
    let mut before = "";
    words.split_whitespace().find_map(|word| {
        let name = std::mem::replace(&mut before, word);
        let is_name = name.ends_with('.') && word.starts_with('[');
        let host = is_name.then(|| Host::read(&format!("{name} {word}")))?;
        host.ip.map(|_| host)
    })
}

/// The reply, and the command as far as the state of Gmail's own client tells it: `… Mailbox Full (state 14).`
/// Seen: 14 where a recipient was refused, 18 behind the end of the data. The other states are left open.
fn said(words: &str) -> (&str, Option<SmtpCommand>) {
    let details = || {
        let (_, rest) = words.split_once("Technical details of ")?;
        Some(rest.split_once('\n')?.1)
    };
    let reply = BEFORE_REPLY
        .iter()
        .find_map(|before| Some(words.split_once(before)?.1));
    let reply = reply.or_else(details).unwrap_or("").trim_start();
    let reply = reply.split("\n\n").next().unwrap_or(reply).trim_end();
    let Some((text, state)) = reply.rsplit_once("(state ") else {
        return (reply, None);
    };
    let command = match state.trim_end_matches([')', '.']) {
        "14" => Some(SmtpCommand::Rcpt),
        "18" => Some(SmtpCommand::Data),
        _ => None,
    };
    (text.trim_end(), command)
}

#[cfg(test)]
mod tests {
    use crate::bounce::gmail::{other_server, quoted, said};
    use crate::event::SmtpCommand;

    #[test]
    fn the_state_is_gmails_and_the_words_are_the_other_servers() {
        let words = "… The error that the other server returned was: 450 450 4.2.2 <a@x.example>... Mailbox Full (state 14).\n\n";
        assert_eq!(
            said(words),
            (
                "450 450 4.2.2 <a@x.example>... Mailbox Full",
                Some(SmtpCommand::Rcpt)
            )
        );
    }

    #[test]
    fn the_other_server_and_its_reply_are_found_in_any_language() {
        let words = "** アドレス不明 **\n\nメールは a@x.example に配信されませんでした。\n\nリモート サーバーからの応答:\n\n550 5.1.1 no\nsuch user\n\nx";
        assert_eq!(quoted(words), Some("550 5.1.1 no\nsuch user"));
        let host =
            other_server("… for the recipient domain x.example by mx.x.example. [2001:db8::1].").unwrap();
        assert_eq!(
            (host.name.as_deref(), host.ip),
            (Some("mx.x.example"), Some("2001:db8::1".parse().unwrap()))
        );
        assert_eq!(
            other_server("550 5.7.1 [192.0.2.1] Our system has detected [192.0.2.2]."),
            None
        );
    }
}
