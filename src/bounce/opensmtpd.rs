//! OpenSMTPD.
//!
//! Words of `usr.sbin/smtpd/bounce.c` (5.4 to 7.5): `a@example.net: 550 5.1.1 …`, one line a recipient. Its report has
//! no Diagnostic-Code and Status 5.0.0, so the words are all there is.

use crate::bounce::address;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::Reply;
use crate::bounce::told::{Finding, Told};
use crate::event::Action;

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
        reply: Reply::read(said),
        ..Finding::to(recipient)
    })
}
