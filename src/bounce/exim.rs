//! Exim 4, and what is built on it (mail.ru).
//!
//! Words of `src/deliver.c` (Exim 4.69 to 4.97): the address indented by two blanks, what became of it by four.
//! ```text
//!   a@example.net
//!     host mx.example.net [192.0.2.1]
//!     SMTP error from remote mail server after RCPT TO:<a@example.net>:
//!     550 5.1.1 …
//! ```
//! Until 4.82 the host stands behind the error: `    host mx.example.net [192.0.2.1]: 550 5.1.1 …`.

use crate::bounce::address::{self, Host};
use crate::bounce::charset;
use crate::bounce::date;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::{self, Reply};
use crate::bounce::told::{Finding, Told};
use crate::event::{Action, SmtpCommand};

/// Sentences that the list of addresses follows, as far as they stand on one line.
const OPENINGS: [&str; 6] = [
    "following address(es) failed:",
    "address(es) failed:",
    "has not yet been delivered is:",
    "have not yet been delivered are:",
    "has not yet been delivered to",
    "incorrectly constructed:",
];

/// What a program wrote that mail was piped to stands below this, between lines of dashes.
const GENERATED: &str = "The following text was generated during the delivery attempt";

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let words = bounce.words();
    let mut openings = OPENINGS.iter();
    let opened = openings.find_map(|opening| Some((*opening, words.split_once(opening)?.1)));
    // quoted by a person, the list stands deeper
    let listed = || {
        words
            .lines()
            .any(|line| line.starts_with("    ") && stage(line.trim_start()).is_some())
    };
    if !(opened.is_some() || words.contains("\n    host ") || listed()) {
        return None;
    }
    // the opening says so, a refused host's words may say anything
    let (opening, list) = opened.unwrap_or(("", words));
    let delayed = opening.contains("yet been delivered").then_some(Action::Delayed);
    let failed = &bounce.head.failed_recipients;
    let recipients: Vec<Finding> = blocks(list)
        .iter()
        .filter_map(|block| finding(block, failed, delayed.is_some()))
        .map(|one| Finding {
            action: delayed,
            ..one
        })
        .collect();
    let generated = || Reply::read(words.split_once(GENERATED)?.1.split("------\n").nth(1)?);
    let recipients: Vec<Finding> = recipients
        .into_iter()
        .map(|one| Finding {
            reply: one.reply.or_else(generated),
            ..one
        })
        .collect();
    (!recipients.is_empty()).then(|| Told {
        // `… after more than 24 hours on the queue on mx.example.org.`
        reporting_mta: words
            .split_once(" on the queue on ")
            .and_then(|(_, rest)| Host::read(rest).name),
        sent_at: words
            .split_once("The date of the message is:")
            .and_then(|(_, rest)| date::read(rest.lines().next()?)),
        recipients,
        ..Told::default()
    })
}

struct Block<'a> {
    head: &'a str,
    lines: Vec<&'a str>,
}

/// The line that opens a recipient stands as deep as the first one below the opening, deeper ones belong to it; an empty
/// line, or one that stands less deep, ends it. Where a paste lost the depth, an address opens a recipient.
fn blocks(words: &str) -> Vec<Block<'_>> {
    let mut found: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    let mut own_depth = None;
    for line in words.lines() {
        let text = line.trim();
        let depth = line.len() - line.trim_start_matches([' ', '\t']).len();
        if text.is_empty() {
            open = false;
            continue;
        }
        let names_one = address::only(text.split(": ").next().unwrap_or(text)).is_some();
        let opens = match own_depth {
            Some(0) => names_one,
            Some(own) => depth == own && !line.starts_with('\t'),
            None => names_one || (1..=3).contains(&depth) && !line.starts_with('\t'),
        };
        if opens && !text.starts_with("generated ") {
            own_depth = own_depth.or(Some(depth));
            found.push(Block {
                head: text,
                lines: Vec::new(),
            });
            open = true;
        } else if own_depth.is_some_and(|own| depth < own) {
            open = false;
        } else if let (true, Some(last)) = (open, found.last_mut()) {
            last.lines.push(text);
        }
    }
    found
}

/// An address alone is one where the header names it, too; a warning (`delayed`) has no such header, and often no reason.
fn finding(block: &Block<'_>, failed: &[String], delayed: bool) -> Option<Finding> {
    // `  b@x.example <a@x.example>: malformed address: …` is all on one line
    if let Some((named, why)) = block
        .head
        .split_once(": ")
        .filter(|(named, _)| named.contains('@'))
    {
        let recipient = named
            .rsplit_once('<')
            .and_then(|(_, inner)| address::first(inner))
            .or_else(|| address::first(named))?;
        return Some(Finding {
            reply: Reply::read(why),
            ..Finding::to(recipient)
        });
    }
    let parent = block.lines.iter().find_map(|line| {
        let line = line.trim_start_matches('(');
        line.strip_prefix("ultimately generated from ")
            .or_else(|| line.strip_prefix("generated from "))
            .or_else(|| line.strip_prefix("generated by "))
    });
    let recipient = recipient(block.head, failed)
        .or_else(|| parent.and_then(address::first))
        .or_else(|| failed.first().cloned())?;
    let alone = block.lines.is_empty() && !(delayed && address::only(block.head).is_some());
    if alone && !failed.contains(&recipient) {
        return None;
    }
    let told = told(&block.lines);
    let original = parent
        .and_then(address::first)
        .filter(|parent| *parent != recipient);
    Some(Finding {
        recipient,
        original,
        ..told
    })
}

/// The address, or the local part alone where the domain is Exim's own: `X-Failed-Recipients` has it whole.
fn recipient(head: &str, failed: &[String]) -> Option<String> {
    let word = head.trim_end_matches(':');
    address::only(word).or_else(|| {
        let is_whole = |whole: &&String| whole.split_once('@').is_some_and(|(local, _)| local == word);
        failed.iter().find(is_whole).cloned()
    })
}

/// What the lines of one recipient say.
fn told(lines: &[&str]) -> Finding {
    let mut host = Host::default();
    let mut command = None;
    let mut said: Vec<&str> = Vec::new();
    for line in lines {
        let line = line.strip_prefix("Delay reason: ").unwrap_or(line);
        if let Some(at) = stage(line) {
            command = at;
            said.clear();
        } else if let Some((seen, reply)) = host_line(line) {
            host = seen;
            said.extend((!reply.is_empty()).then_some(reply));
        } else if !line.starts_with("(generated from")
            && !line.starts_with("(ultimately generated")
            && !line.starts_with("generated by ")
        {
            said.push(line);
        }
    }
    let said = said.join("\n");
    let reply = Reply::read(&charset::without_octal(&said).unwrap_or(said));
    Finding {
        remote_host: host.name,
        remote_ip: host.ip,
        command,
        reply,
        ..Finding::default()
    }
}

/// `host mx.example.net [192.0.2.1]`, with the reply behind a colon in older versions.
fn host_line(line: &str) -> Option<(Host, &str)> {
    let rest = line.strip_prefix("host ")?;
    let host = Host::read(rest);
    host.ip?;
    let reply = rest
        .split_once(']')
        .map_or("", |(_, rest)| rest.strip_prefix(':').unwrap_or("").trim());
    Some((host, reply))
}

/// `SMTP error from remote mail server after RCPT TO:<a@example.net>:` (`src/transports/smtp.c`, check_response())
fn stage(line: &str) -> Option<Option<SmtpCommand>> {
    let line = line.trim_end();
    if line.starts_with("while waiting for the greeting") {
        return Some(Some(SmtpCommand::Conn));
    }
    // `remote mailer` until 4.60
    let (_, rest) = line.split_once(" error from remote mail")?;
    let (_, what) = rest.split_once(' ')?;
    let what = what.trim_start().strip_prefix("server ").unwrap_or(what);
    let what = what.trim_start().strip_prefix("after ")?;
    let what = what.strip_prefix("pipelined ").unwrap_or(what);
    if what.starts_with("initial connection") {
        return Some(Some(SmtpCommand::Conn));
    }
    // `after sending data block`, `after end of data`
    Some(if what.contains("data") {
        Some(SmtpCommand::Data)
    } else {
        reply::command(what)
    })
}

#[cfg(test)]
mod tests {
    use crate::bounce::exim::{blocks, finding, told};
    use crate::event::SmtpCommand;

    #[test]
    fn host_and_error_come_in_either_order() {
        // Exim 4.96, Exim 4.72
        let new = [
            "host mx.x.example [192.0.2.1]",
            "SMTP error from remote mail server after end of data:",
            "550 5.7.1 no",
            "more",
        ];
        let old = [
            "SMTP error from remote mail server after end of data:",
            "host mx.x.example [192.0.2.1]: 550 5.7.1 no",
            "more",
        ];
        for lines in [&new[..], &old[..]] {
            let told = told(lines);
            assert_eq!(told.command, Some(SmtpCommand::Data));
            assert_eq!(told.remote_host.as_deref(), Some("mx.x.example"));
            assert_eq!(told.reply.unwrap().text, "550 5.7.1 no more");
        }
    }

    #[test]
    fn a_local_part_alone_is_completed_from_the_header() {
        let words = "The following address(es) failed:\n\n  neko\n    SMTP error from remote mail server after initial connection:\n    host mx.x.example [192.0.2.1]: 554 no\n\n";
        let told = finding(&blocks(words)[0], &["neko@x.example".to_owned()], false).unwrap();
        assert_eq!(
            (told.recipient.as_str(), told.command),
            ("neko@x.example", Some(SmtpCommand::Conn))
        );
    }

    #[test]
    fn a_list_is_read_at_whatever_depth_it_was_pasted() {
        // older Exim, a paste without its blanks, a quotation in a person's mail
        for (words, command) in [
            (
                "  a@x.example\n    SMTP error from remote mailer after RCPT TO:<a@x.example>:\n    host mx.x.example [192.0.2.1]: 550 no\n",
                Some(SmtpCommand::Rcpt),
            ),
            (
                "a@x.example\nhost mx.x.example [192.0.2.1]\nSMTP error from remote mail server after end of data:\n550 no\n\nb@y.example wrote\n",
                Some(SmtpCommand::Data),
            ),
            (
                "   a@x.example\n      host mx.x.example [192.0.2.1]\n      SMTP error from remote mail server after pipelined DATA:\n      550 no\nBye\n",
                Some(SmtpCommand::Data),
            ),
        ] {
            let blocks = blocks(words);
            let told = finding(&blocks[0], &[], false).unwrap();
            assert_eq!(
                (told.recipient.as_str(), told.command),
                ("a@x.example", command),
                "{words}"
            );
            assert_eq!(told.reply.unwrap().text, "550 no", "{words}");
            assert_eq!(blocks.len(), 1, "{words}");
        }
    }
}
