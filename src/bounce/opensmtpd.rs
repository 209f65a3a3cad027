//! OpenSMTPD.
//!
//! Words of `usr.sbin/smtpd/bounce.c` (5.4 to 7.5): `a@example.net: 550 5.1.1 …`, one line a recipient. Its report has
//! no Diagnostic-Code and Status 5.0.0, so the words are all there is.

use std::borrow::Cow;

use crate::bounce::address;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::{self, Reply};
use crate::bounce::told::{Finding, Told};
use crate::event::{Action, Status};

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let (_, words) = bounce
        .words()
        .split_once("This is the MAILER-DAEMON, please DO NOT REPLY to this e")?;
    let action = if words.contains("A message is delayed for more than") {
        Action::Delayed
    } else {
        Action::Failed
    };
    let recipients: Vec<Finding> = words.lines().filter_map(|line| finding(line, action)).collect();
    (!recipients.is_empty()).then(|| Told {
        recipients,
        ..Told::default()
    })
}

/// `Envelope expired` ends a message that the same words and the report call delayed (`queue.c`).
fn finding(line: &str, action: Action) -> Option<Finding> {
    let (head, said) = line.split_once(": ")?;
    let recipient = address::only(head)?;
    let action = if said.trim() == "Envelope expired" {
        Action::Failed
    } else {
        action
    };
    Some(Finding {
        action: Some(action),
        reply: Reply::read(&unglued(said)),
        ..Finding::to(recipient)
    })
}

/// The lines of a reply are put together without a blank (`mta_session.c`, mta_io()), their enhanced status left out only
/// where it has five characters: `550-5.7.606 sending IP is listed5.7.606 by …`.
fn unglued(said: &str) -> Cow<'_, str> {
    let status = said.trim_start().split_once('-').and_then(|(code, rest)| {
        let status = rest.split(' ').next()?;
        (reply::reply_code(code).is_some() && status.parse::<Status>().is_ok()).then_some(status)
    });
    let Some((first, rest)) = status.and_then(|status| said.split_once(status)) else {
        return Cow::Borrowed(said);
    };
    let status = status.unwrap_or_default();
    Cow::Owned(format!(
        "{first}{status}{}",
        rest.replace(&format!("{status} "), " ")
    ))
}

#[cfg(test)]
mod tests {
    use crate::bounce::opensmtpd::unglued;

    #[test]
    fn lines_that_were_put_together_come_apart_at_their_status() {
        // OpenSMTPD 6.8
        assert_eq!(
            unglued(
                "550-5.7.606 sending IP [192.0.2.10] is listed5.7.606 by b.x.example; see5.7.606 http://x.example"
            ),
            "550-5.7.606 sending IP [192.0.2.10] is listed by b.x.example; see http://x.example"
        );
        assert_eq!(unglued("550 5.1.1 no 5.1.1 "), "550 5.1.1 no 5.1.1 ");
    }
}
