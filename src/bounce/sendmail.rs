//! sendmail, and what copies its transcript.
//!
//! Words of sendmail 8.x (`sendmail/savemail.c`, errbody()) and, without the list of recipients, of 5.x:
//! ```text
//!    ----- The following addresses had permanent fatal errors -----
//! <a@example.net>
//!     (reason: 550 5.7.1 Service unavailable, Client host [192.0.2.1] blocked using Spamhaus. To request remov...lasso)
//!    ----- Transcript of session follows -----
//! ... while talking to mx.example.net.:
//! >>> DATA
//! <<< 550 5.7.1 Service unavailable, …
//! 550 5.1.1 <a@example.net>... User unknown
//! <<< 503 5.5.2 Need rcpt command
//! ```
//! The `<<<` lines are the reply; the reason is cut in the middle, and the line without a mark is sendmail's own.

use std::borrow::Cow;

use crate::bounce::address::{self, Host};
use crate::bounce::date;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::{self, Reply, leading_code};
use crate::bounce::told::{Finding, Told};
use crate::event::{Action, SmtpCommand};

/// Recipients and lines of a session beyond these numbers are not read, so that time stays in bounds: each recipient is
/// looked for in the whole session.
const MAX_RECIPIENTS: usize = 1000;
const MAX_STEPS: usize = 10_000;

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    const MARKS: [&str; 2] = ["ession follows", "The following addresses had "];
    let words = bounce.words();
    MARKS.iter().find(|mark| words.contains(**mark))?;
    let words = as_written(words);
    let words = words.as_ref();
    let transcript_at = words.find("Transcript of session follows");
    let has_list = words.contains("----- The following addresses had ");
    if transcript_at.is_none() && !has_list {
        return None;
    }
    let (above, transcript) = transcript_at
        .and_then(|at| words.split_at_checked(at))
        .unwrap_or((words, ""));
    let exchanges = exchanges(transcript);
    let warning = transcript
        .contains("Warning: message still undelivered")
        .then_some(Action::Delayed);
    let list = if warning.is_some() { TRANSIENT } else { FATAL };
    let mut recipients: Vec<Finding> = listed(above, list)
        .into_iter()
        .take(MAX_RECIPIENTS)
        .map(|one| finding(one, &exchanges))
        .collect();
    if recipients.is_empty() && (!has_list || warning.is_some()) {
        recipients = named_by_sendmail(&exchanges, warning.is_some());
    }
    // a warning may have no list, its report names the recipient
    if let ([], Some([only])) = (
        recipients.as_slice(),
        bounce.report.as_ref().map(|report| report.recipients.as_slice()),
    ) {
        let listed = Listed {
            recipient: only.recipient.clone(),
            original: None,
            reason: None,
        };
        recipients.push(finding(listed, &exchanges));
    }
    Some(Told {
        sent_at: received(words),
        recipients: recipients
            .into_iter()
            .map(|one| Finding {
                action: one.action.or(warning),
                ..one
            })
            .collect(),
        ..Told::default()
    })
}

/// `The original message was received at Fri, 19 Oct 2018 16:36:24 +0900 (JST)`
fn received(words: &str) -> Option<crate::event::Timestamp> {
    let (_, rest) = words.split_once("The original message was received at ")?;
    date::read(rest.lines().next()?)
}

/// A recipient of the list: its address, the alias it was expanded from, the reason as far as it is not cut.
struct Listed {
    recipient: String,
    original: Option<String>,
    reason: Option<String>,
}

/// The words with sendmail's own marks, where a web page or a word processor made dashes and dots of them, and with the
/// end of the line that a paste lost behind a heading.
fn as_written(words: &str) -> Cow<'_, str> {
    const HEADINGS: [&str; 3] = [
        "fatal errors -----",
        "non-fatal errors -----",
        "session follows -----",
    ];
    let typographic = words.contains(['–', '—', '―', '…']) && !words.contains("----- ");
    let runs_on = || {
        HEADINGS
            .iter()
            .any(|heading| words.contains(&format!("{heading} ")))
    };
    if !(typographic || runs_on()) {
        return Cow::Borrowed(words);
    }
    let lines = words.lines().map(|line| {
        let dashed = line.trim().starts_with(['–', '—', '―', '-']);
        let line = line.replace('…', "...");
        match dashed {
            true => line.replace(['–', '—', '―'], "---").replace("------", "-----"),
            false => line,
        }
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    for heading in HEADINGS {
        text = text.replace(&format!("{heading} "), &format!("{heading}\n"));
    }
    Cow::Owned(text)
}

/// The two lists that sendmail 8 writes, by what stands in their headings.
const FATAL: &str = "permanent";
const TRANSIENT: &str = "transient";

/// The recipients under `had permanent fatal errors`; those under `had transient non-fatal errors` are still tried: a
/// warning is about them.
fn listed(above: &str, list: &str) -> Vec<Listed> {
    let mut found: Vec<Listed> = Vec::new();
    let mut wanted = false;
    for line in above.lines().map(str::trim) {
        if line.starts_with("-----") {
            let heading = line.split_once("The following addresses had ");
            wanted = heading
                .is_some_and(|(_, had)| had.contains(list) || !had.contains(TRANSIENT) && list == FATAL);
        } else if !wanted {
        } else if let Some(reason) = line.strip_prefix("(reason: ") {
            if let Some(last) = found.last_mut() {
                last.reason = Some(reason.strip_suffix(')').unwrap_or(reason).to_owned());
            }
        } else if let Some(alias) = line.strip_prefix("(expanded from: ") {
            if let Some(last) = found.last_mut() {
                last.original = address::first(alias);
                // `"|/path/to/program"` has no address of its own
                if let (true, Some(original)) = (last.recipient.is_empty(), &last.original) {
                    last.recipient.clone_from(original);
                }
            }
        } else if line.starts_with(['<', '"', '|', '/']) {
            found.push(Listed {
                recipient: address::first(line).unwrap_or_default(),
                original: None,
                reason: None,
            });
        } else if let Some(recipient) = address::only(line) {
            found.push(Listed {
                recipient,
                original: None,
                reason: None,
            });
        }
    }
    found.retain(|one| !one.recipient.is_empty());
    found
}

/// One step of the session: what the remote host said, or a line of sendmail's own.
struct Exchange {
    host: Host,
    command: Option<SmtpCommand>,
    /// Whether the remote host said it (`<<<`).
    remote: bool,
    text: String,
    /// The text in lower case, to find addresses in.
    lower: String,
}

fn exchanges(transcript: &str) -> Vec<Exchange> {
    let mut found: Vec<Exchange> = Vec::new();
    let mut host = Host::default();
    let mut command = None;
    let mut goes_on = false;
    for line in transcript.lines().skip(1).take(MAX_STEPS) {
        let line = line.trim();
        if let Some(talking) = talking_to(line) {
            host = Host::read(talking);
            command = Some(SmtpCommand::Conn);
        } else if let Some(sent) = line.strip_prefix(">>>") {
            command = reply::command(sent);
        } else if let Some(said) = line.strip_prefix("<<<").map(str::trim_start) {
            if let (true, Some(last)) = (goes_on, found.last_mut()) {
                last.text.push('\n');
                last.text.push_str(said);
            } else {
                found.push(Exchange {
                    host: host.clone(),
                    command,
                    remote: true,
                    lower: String::new(),
                    text: said.to_owned(),
                });
            }
            // RFC 5321 §4.2.1: a hyphen behind the code says that another line follows
            goes_on = said.as_bytes().get(3) == Some(&b'-');
            continue;
        } else if !line.is_empty() {
            found.push(Exchange {
                host: host.clone(),
                command,
                remote: false,
                lower: String::new(),
                text: line.to_owned(),
            });
        }
        goes_on = false;
    }
    for exchange in &mut found {
        exchange.lower = exchange.text.to_ascii_lowercase();
    }
    found
}

/// `... while talking to mx.example.net.:`, `While talking to mx.example.net:` (5.x)
fn talking_to(line: &str) -> Option<&str> {
    let at = line.find("hile talking to ")?;
    (at <= 5).then(|| line.get(at + "hile talking to ".len()..))?
}

fn finding(listed: Listed, exchanges: &[Exchange]) -> Finding {
    let Listed {
        recipient,
        original,
        reason,
    } = listed;
    let chosen = chosen(&recipient, reason.as_deref(), exchanges);
    let reason = reason.filter(|reason| reason.len() > 4);
    let (host, command, text) = match chosen {
        Some(exchange) if exchange.remote => (
            exchange.host.clone(),
            exchange.command,
            Some(exchange.text.clone()),
        ),
        Some(exchange) => {
            // sendmail's own line beside a reason: the one with a number says more
            let own = leading_code(&exchange.text).is_some() || reason.is_none();
            let host = Host {
                name: deferred_by(&exchange.text),
                ip: None,
            };
            (host, None, if own { Some(exchange.text.clone()) } else { reason })
        }
        None => (Host::default(), None, reason),
    };
    Finding {
        original,
        action: None,
        remote_host: host.name,
        remote_ip: host.ip,
        command,
        reply: text.and_then(|text| Reply::read(&text)),
        ..Finding::to(recipient)
    }
}

/// `<a@example.net>... Deferred: Connection timed out with mx.example.net.`, `… Connection refused by mx.example.net.`:
/// the host that sendmail could not reach (`sendmail/deliver.c`, giveresponse()).
fn deferred_by(text: &str) -> Option<String> {
    let (_, why) = text.split_once("... Deferred: ")?;
    let (_, host) = why.rsplit_once(" with ").or_else(|| why.rsplit_once(" by "))?;
    Host::read(host).name.filter(|host| host.contains('.'))
}

/// The step that decided about a recipient: the reply that the reason quotes, else the one that names the address, else
/// the one before sendmail's line about it, else the first refusal, else sendmail's own line.
fn chosen<'a>(recipient: &str, reason: Option<&str>, exchanges: &'a [Exchange]) -> Option<&'a Exchange> {
    let recipient = recipient.to_ascii_lowercase();
    let names = |exchange: &&Exchange| exchange.lower.contains(&recipient);
    let replies = || exchanges.iter().filter(|exchange| exchange.remote);
    let quoted = reason
        .map(|reason| reason.split("...").next().unwrap_or(reason).trim())
        .filter(|head| head.len() > 4);
    let by_reason = quoted.and_then(|head| {
        let first_line = |exchange: &&Exchange| {
            exchange
                .text
                .lines()
                .next()
                .is_some_and(|line| line.starts_with(head))
        };
        replies()
            .filter(names)
            .find(first_line)
            .or_else(|| replies().find(first_line))
    });
    let before_own = || {
        let own = exchanges
            .iter()
            .position(|exchange| !exchange.remote && names(&exchange))?;
        exchanges
            .get(own.checked_sub(1)?)
            .filter(|exchange| exchange.remote)
    };
    let refuses = |exchange: &&Exchange| leading_code(&exchange.text).is_some_and(|code| code.class() >= 4);
    let own = || {
        let own = || exchanges.iter().filter(|exchange| !exchange.remote);
        own()
            .find(names)
            .or_else(|| own().find(refuses))
            .or_else(|| own().next())
    };
    by_reason
        .or_else(|| replies().filter(refuses).find(names))
        .or_else(before_own)
        .or_else(|| replies().find(refuses))
        .or_else(own)
}

/// sendmail 5 has no list: `550 <a@example.org>... User unknown` and `554 <a@x>... Remote protocol error` name the
/// recipients, `421 … Deferred` is still tried. A warning is about just those: `<a@example.org>... Deferred: …`.
fn named_by_sendmail(exchanges: &[Exchange], warning: bool) -> Vec<Finding> {
    let mut found = Vec::new();
    for (at, exchange) in exchanges.iter().enumerate() {
        let fatal = leading_code(&exchange.text).is_some_and(|code| code.class() == 5);
        let deferred = warning && exchange.text.contains("... Deferred");
        if exchange.remote || !(fatal || deferred) {
            continue;
        }
        let Some((named, words)) = exchange.text.split_once("...") else {
            continue;
        };
        let Some(recipient) = address::first(named) else {
            continue;
        };
        let before = at
            .checked_sub(1)
            .and_then(|at| exchanges.get(at))
            .filter(|before| before.remote);
        let told = match before {
            Some(before) => Finding {
                remote_host: before.host.name.clone(),
                remote_ip: before.host.ip,
                command: before.command,
                reply: Reply::read(&before.text),
                ..Finding::to(recipient)
            },
            None => {
                let inner = leading_code(words.trim()).map(|_| words);
                Finding {
                    remote_host: deferred_by(&exchange.text),
                    reply: Reply::read(inner.unwrap_or(&exchange.text)),
                    ..Finding::to(recipient)
                }
            }
        };
        found.push(told);
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::bounce::sendmail::{
        FATAL, as_written, chosen, deferred_by, exchanges, listed, named_by_sendmail,
    };
    use crate::event::SmtpCommand;

    // sendmail 8.15, pipelined
    const TRANSCRIPT: &str = "Transcript of session follows -----\n\
        ... while talking to mx.example.org.:\n\
        >>> DATA\n\
        <<< 550 5.2.1 <b@example.org>... User Unknown\n\
        550 5.1.1 <b@example.org>... User unknown\n\
        <<< 550-5.7.1 Service unavailable;\n\
        <<< 550 5.7.1 Client host [192.0.2.1] blocked\n\
        550 5.1.1 <a@example.org>... User unknown\n\
        <<< 503 5.0.0 Need RCPT (recipient)\n";

    #[test]
    fn the_reply_is_the_remote_hosts_not_sendmails_own_line_nor_the_last_one() {
        let exchanges = exchanges(TRANSCRIPT);
        let for_a = chosen(
            "a@example.org",
            Some("550-5.7.1 Service unavailable;"),
            &exchanges,
        )
        .unwrap();
        assert_eq!(
            for_a.text,
            "550-5.7.1 Service unavailable;\n550 5.7.1 Client host [192.0.2.1] blocked"
        );
        assert_eq!(for_a.command, Some(SmtpCommand::Data));
        assert_eq!(
            chosen("a@example.org", None, &exchanges).unwrap().text,
            for_a.text
        );
        assert!(
            chosen("b@example.org", None, &exchanges)
                .unwrap()
                .text
                .starts_with("550 5.2.1")
        );
    }

    #[test]
    fn a_recipient_that_is_only_deferred_is_not_listed() {
        let above = "   ----- The following addresses had permanent fatal errors -----\n\"|/bin/x\"\n    (reason: 127)\n    (expanded from: <a@x.example>)\n\n   ----- The following addresses had transient non-fatal errors -----\n<b@x.example>\n";
        let listed = listed(above, FATAL);
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].recipient, "a@x.example");
    }

    #[test]
    fn a_warning_is_about_those_still_tried() {
        // sendmail 8.13
        let steps = exchanges(
            "Transcript of session follows -----\n<a@x.example>... Deferred: Connection refused by mx.x.example.\nWarning: message still undelivered after 4 hours\n",
        );
        let told = named_by_sendmail(&steps, true);
        assert_eq!(told[0].recipient, "a@x.example");
        assert_eq!(told[0].remote_host.as_deref(), Some("mx.x.example"));
        assert_eq!(
            told[0].reply.as_ref().unwrap().text,
            "<a@x.example>... Deferred: Connection refused by mx.x.example."
        );
        assert!(named_by_sendmail(&steps, false).is_empty());
        assert_eq!(deferred_by("<a@x.example>... Deferred"), None);
    }

    #[test]
    fn marks_that_a_web_page_made_typographic_are_sendmails_again() {
        let words = "—– The following addresses had permanent fatal errors —–\n<a@x.example>\n—– Transcript of session follows —–\n550 5.1.2 <a@x.example>… Host unknown\n";
        let words = as_written(words);
        assert_eq!(listed(&words, FATAL)[0].recipient, "a@x.example");
        assert!(words.ends_with("550 5.1.2 <a@x.example>... Host unknown"));
    }
}
