//! dma, the DragonFly Mail Agent.
//!
//! Words of `mail.c` (bounce(), 0.9 to 0.13) around those of `net.c`. It writes no report; the lines of a reply keep their
//! own line ends, so that empty lines stand between them.
//! ```text
//! This is the DragonFly Mail Agent v0.13 at mx.example.org.
//! There was an error delivering your mail to <a@example.net>.
//! mx.example.net [192.0.2.1] did not like our RCPT TO:
//! 552 5.2.3 …
//! Message headers follow.
//! ```

use crate::bounce::address::{self, Host};
use crate::bounce::mail::Bounce;
use crate::bounce::reply::{self, Reply};
use crate::bounce::told::{Finding, Told};
use crate::event::{Action, SmtpCommand};

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let (above, below) = bounce
        .words()
        .split_once("There was an error delivering your mail to ")?;
    let version = above
        .split_once("This is the ")
        .map(|(_, rest)| rest.lines().next().unwrap_or(rest));
    let (named, below) = below.split_once('\n').unwrap_or((below, ""));
    let recipient = address::first(named)?;
    let words = below.split("Message headers follow.").next().unwrap_or(below);
    let words = words.split("Original message follows.").next().unwrap_or(words);
    let told = Finding {
        action: Some(Action::Failed),
        ..finding(words, recipient)
    };
    Some(Told {
        reporting_mta: version
            .and_then(|line| line.rsplit_once(" at "))
            .and_then(|(_, host)| Host::read(host).name),
        recipients: vec![told],
        ..Told::default()
    })
}

fn finding(words: &str, recipient: String) -> Finding {
    let Some((before, rest)) = words.split_once(" did not like our ") else {
        return Finding {
            reply: Reply::read(words),
            ..Finding::to(recipient)
        };
    };
    let host = Host::read(before.trim());
    let (what, said) = rest.split_once(":\n").unwrap_or((rest, ""));
    // `final DATA`
    let command = match what {
        "connect" => Some(SmtpCommand::Conn),
        _ => reply::command(what.strip_prefix("final ").unwrap_or(what)),
    };
    Finding {
        remote_host: host.name,
        remote_ip: host.ip,
        command,
        reply: Reply::read(said),
        ..Finding::to(recipient)
    }
}
