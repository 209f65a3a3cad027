//! What is left when no reader knows the words: recipients, replies and codes where they can be found all the same.

use crate::bounce::address::{self, Host};
use crate::bounce::mail::Bounce;
use crate::bounce::reply::{Reply, in_reply_to, leading_code};
use crate::bounce::told::{Finding, Told};

/// Lines of words that are looked at.
const MAX_LINES: usize = 2000;

/// A report whose writer is not known: the words add what they say of its recipients.
pub(super) fn read_beside_report(bounce: &Bounce<'_>) -> Option<Told> {
    bounce
        .report
        .as_ref()
        .filter(|report| !report.recipients.is_empty())?;
    Some(Told::default())
}

/// No report, no known words. A mail that shows no outer sign of a bounce must at least quote a reply with its code.
pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let lines: Vec<&str> = bounce.words().lines().take(MAX_LINES).map(str::trim).collect();
    let mut recipients = recipients(&lines);
    if recipients.is_empty() {
        recipients = bounce
            .head
            .failed_recipients
            .iter()
            .map(|one| (one.clone(), 0))
            .collect();
    }
    let findings = recipients
        .into_iter()
        .map(|(recipient, at)| finding(recipient, at, &lines));
    let told: Vec<Finding> = findings
        .filter(|one| {
            one.reply
                .as_ref()
                .is_some_and(|reply| bounce.head.automatic || reply.code.is_some())
        })
        .collect();
    (!told.is_empty()).then(|| Told {
        recipients: told,
        ..Told::default()
    })
}

/// Lines that are an address and nothing else, or begin with one in brackets: `<a@example.net>: …`, `a@example.net`.
fn recipients(lines: &[&str]) -> Vec<(String, usize)> {
    let opens = |line: &str| {
        let line = line.trim_start_matches(['*', '-', '>', ' ', '"']);
        let word = line.split_whitespace().next()?;
        let alone = address::only(line);
        let opening = word.starts_with('<') || word.ends_with(':');
        alone.or_else(|| opening.then(|| address::only(word)).flatten())
    };
    lines
        .iter()
        .enumerate()
        .filter_map(|(at, line)| Some((opens(line)?, at)))
        .collect()
}

/// The first line with a reply code from the recipient's line on (up to the end of its paragraph), else in all words.
fn finding(recipient: String, at: usize, lines: &[&str]) -> Finding {
    let paragraph = || {
        lines
            .iter()
            .skip(at)
            .enumerate()
            .take_while(|(n, line)| *n == 0 || !line.is_empty())
    };
    let own: String = paragraph().map(|(_, line)| *line).collect::<Vec<_>>().join(" ");
    let own = own.trim_start_matches(|c: char| !c.is_whitespace()).trim();
    let has_code = |line: &&str| leading_code(line).is_some_and(|code| code.class() >= 4);
    let elsewhere = || {
        let from = lines.iter().position(has_code)?;
        let block = lines.iter().skip(from).take_while(|line| !line.is_empty());
        Some(block.copied().collect::<Vec<_>>().join("\n"))
    };
    let own_reply = Reply::read(own).filter(|reply| reply.code.is_some() || reply.status.is_some());
    let reply = own_reply
        .or_else(|| Reply::read(&elsewhere()?))
        .or_else(|| Reply::read(own));
    let text = reply.as_ref().map(|reply| reply.text.clone()).unwrap_or_default();
    let (text, command) = in_reply_to(&text);
    let host = text
        .split_once("host ")
        .map(|(_, rest)| Host::read(rest))
        .filter(|host| host.ip.is_some());
    let host = host.unwrap_or_default();
    Finding {
        command,
        remote_host: host.name,
        remote_ip: host.ip,
        reply: Reply::read(text),
        ..Finding::to(recipient)
    }
}
