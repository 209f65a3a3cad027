//! Gmail and Google Workspace.
//!
//! Words of `Delivery Status Notification` until about 2016 (`The error that the other server returned was: …`) and of
//! the newer report's first part (`The response from the remote server was:`, `The response was:`), in English; what
//! they say in other languages stands in the report, too (<https://support.google.com/a/answer/3726730>).

use crate::bounce::address;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::Reply;
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

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let words = bounce.words();
    let opening = || {
        OPENINGS
            .iter()
            .find_map(|(opening, action)| Some((words.split_once(opening)?.1, *action)))
    };
    // other systems use the same words; Gmail has technical details below them
    let is_gmails = words.contains("Technical details of ");
    let by_report = || {
        bounce
            .report
            .as_ref()
            .is_some_and(|report| report.reporting_mta.as_deref() == Some("googlemail.com"))
    };
    let (list, action) = match is_gmails.then(opening).flatten() {
        Some(opening) => opening,
        None if by_report() => ("", Action::Failed),
        None => return None,
    };
    let (text, command) = said(words);
    let reply = Reply::read(text);
    let told = |recipient| Finding {
        action: Some(action),
        command,
        reply: reply.clone(),
        ..Finding::to(recipient)
    };
    let lines = list.lines().map(str::trim).skip_while(|line| line.is_empty());
    let listed = lines
        .take_while(|line| !line.is_empty())
        .filter_map(address::only);
    Some(Told {
        recipients: listed.map(told).collect(),
        ..Told::default()
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
    use crate::bounce::gmail::said;
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
}
