//! Automatic answers of people (RFC 3834): out of office and the like.

use crate::bounce::address;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::Reply;
use crate::bounce::told::{Finding, Told};
use crate::event::Action;

/// How the subjects of such answers begin, in lower case.
const SUBJECTS: [&str; 16] = [
    "automatic reply",
    "auto reply",
    "auto-reply",
    "autoreply",
    "auto response",
    "autoresponse",
    "auto:",
    "out of office",
    "out of the office",
    "away from",
    "abwesenheit",
    "automatische antwort",
    "réponse automatique",
    "respuesta automática",
    "自動応答",
    "自動返信",
];

/// Characters of an answer that are kept: it may quote a whole thread.
const MAX_REPLY: usize = 1000;

/// The one who answers is the recipient that our mail reached.
pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let head = &bounce.head;
    let subject = head.subject.to_lowercase();
    let says_so = head.auto_replied || SUBJECTS.iter().any(|opening| subject.starts_with(opening));
    if !says_so || head.daemon || bounce.report.is_some() {
        return None;
    }
    let recipient = address::only(&head.from)?;
    let words: String = bounce.words().chars().take(MAX_REPLY).collect();
    let told = Finding {
        action: Some(Action::Delivered),
        reply: Reply::read(&words).map(Reply::without_numbers),
        ..Finding::to(recipient)
    };
    Some(Told {
        recipients: vec![told],
        ..Told::default()
    })
}
