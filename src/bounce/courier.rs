//! Courier.
//!
//! Words of `courier/module.dsn/dsn.c` and its templates (0.65 to 1.2): the session below each recipient, cut at 512 bytes.
//! ```text
//! <a@example.net>:
//!     mx.example.net [192.0.2.1]:
//! >>> DATA
//! <<< 550 Unknown user
//! ```

use crate::bounce::address::{self, Host};
use crate::bounce::date;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::{self, Reply};
use crate::bounce::told::{Finding, Told};
use crate::event::{Action, SmtpCommand};

/// Title of `dsndelayed.txt`; `UNDELIVERABLE MAIL` is that of `dsnfailed.txt`.
const DELAYS: &str = "DELAYS IN DELIVERING YOUR MESSAGE";

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let words = bounce.words();
    if !(words.contains("running the Courier mail server") || words.contains("courier"))
        || !["MAIL", DELAYS].iter().any(|title| words.contains(title))
    {
        return None;
    }
    let (_, opening) = words.split_once("This is a delivery status notification from ")?;
    let delayed = ["DELAYED MAIL", DELAYS]
        .iter()
        .any(|title| words.contains(title))
        .then_some(Action::Delayed);
    let recipients = findings(words);
    (!recipients.is_empty()).then(|| Told {
        reporting_mta: Host::read(opening).name,
        sent_at: words
            .split_once("The original message was received on ")
            .and_then(|(_, rest)| date::read(rest.lines().next()?)),
        recipients: recipients
            .into_iter()
            .map(|one| Finding {
                action: delayed,
                ..one
            })
            .collect(),
        ..Told::default()
    })
}

fn findings(words: &str) -> Vec<Finding> {
    let mut found: Vec<Finding> = Vec::new();
    let mut said = String::new();
    let mut open = false;
    for line in words.lines().map(str::trim).chain(std::iter::once("")) {
        let recipient = line
            .strip_suffix(':')
            .filter(|head| head.starts_with('<'))
            .and_then(address::only);
        if recipient.is_some() || line.is_empty() {
            if let (true, Some(last)) = (open, found.last_mut()) {
                last.reply = last.reply.take().or_else(|| Reply::read(&said));
            }
            said.clear();
            open = recipient.is_some() || (open && found.last().is_some_and(|last| last.reply.is_none()));
            found.extend(recipient.map(Finding::to));
            continue;
        }
        let (true, Some(last)) = (open, found.last_mut()) else {
            continue;
        };
        if let Some(sent) = line.strip_prefix(">>>") {
            // `>>> (initial greeting)` where the host refused before any command
            last.command = match sent.trim() {
                "(initial greeting)" => Some(SmtpCommand::Conn),
                sent => reply::command(sent),
            };
        } else if let Some(host) = line.strip_suffix("]:").filter(|host| host.contains('[')) {
            let host = Host::read(&format!("{host}]"));
            (last.remote_host, last.remote_ip) = (host.name, host.ip);
        } else {
            said.push_str(line.trim_start_matches("<<<").trim_start());
            said.push('\n');
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use crate::bounce::courier::findings;
    use crate::event::SmtpCommand;

    #[test]
    fn each_recipient_has_its_session() {
        let words = "<a@x.example>:\n    mx.x.example [192.0.2.1]:\n>>> RCPT TO:<a@x.example>\n<<< 550-5.1.1 no\n<<< 550 5.1.1 such user\n\n<b@x.example>:\n    DNS lookup failure.\n";
        let found = findings(words);
        assert_eq!(found[0].command, Some(SmtpCommand::Rcpt));
        assert_eq!(found[0].reply.as_ref().unwrap().text, "550 5.1.1 no such user");
        assert_eq!(found[1].reply.as_ref().unwrap().text, "DNS lookup failure.");
    }
}
