//! A mail taken apart: the words for people, the report for machines, the returned original, mails attached to it.

use std::borrow::Cow;

use mail_parser::{Message, MessagePart, MimeHeaders, PartType};

use crate::bounce::charset;
use crate::bounce::head::Head;
use crate::bounce::html;
use crate::bounce::original::{self, Returned};
use crate::bounce::rfc3464;
use crate::bounce::told::Told;
use crate::event::Timestamp;

/// Words beyond this many bytes are not read: no mail server writes that much about a failure.
const MAX_WORDS: usize = 1 << 20;

/// Attached files beyond this many bytes are not looked into for a report.
pub(super) const MAX_STRAY: usize = 64 * 1024;

/// A bounce, or what may be one.
#[derive(Debug)]
pub(super) struct Bounce<'m> {
    pub(super) head: Head,
    /// The text for people, decoded, lines ended by LF.
    pub(super) text: String,
    /// How many bytes of the text are the mail server's words; behind them come a report's fields, the original's copy.
    words: usize,
    pub(super) report: Option<Told>,
    /// The fields of a message/feedback-report (RFC 5965).
    pub(super) feedback: Option<String>,
    pub(super) returned: Returned,
    /// A read receipt (RFC 8098): it has a Final-Recipient, too, and is no bounce.
    pub(super) is_receipt: bool,
    /// Mails that came as parts, with their parts.
    pub(super) attached: Vec<&'m Message<'m>>,
    /// Files of mails (mbox) that came as parts.
    pub(super) mboxes: Vec<&'m [u8]>,
}

impl<'m> Bounce<'m> {
    /// Takes a mail apart; `received_at` stands in for a missing Date.
    pub(super) fn of(mail: &'m Message<'m>, received_at: Option<Timestamp>) -> Self {
        let mut parts = Parts::default();
        for part in &mail.parts {
            parts.take(part, &mail.raw_message);
        }
        if parts.reports.is_empty() {
            parts.reports.extend(rfc3464::in_header(mail));
        }
        let words = if parts.plain.trim().is_empty() {
            parts.html
        } else {
            parts.plain
        };
        let mut bounce = Self::pasted(Head::of(mail, received_at), &words);
        let told = rfc3464::read(&parts.reports);
        bounce.report = told
            .filter(|told| !told.recipients.is_empty() || bounce.report.is_none())
            .or(bounce.report);
        if let Some(returned) = parts.returned.filter(|returned| !returned.is_empty()) {
            bounce.returned = returned;
        }
        bounce.head.automatic |= !parts.reports.is_empty() || parts.feedback.is_some();
        bounce.feedback = parts.feedback;
        bounce.is_receipt = parts.is_receipt;
        bounce.attached = parts.attached;
        bounce.mboxes = parts.mboxes;
        bounce
    }

    /// The words without the copy of the original.
    pub(super) fn words(&self) -> &str {
        self.text.get(..self.words).unwrap_or(&self.text)
    }

    /// A bounce of which only words are left: what a mail server wrote, a report among it, a copy below it.
    pub(super) fn pasted(head: Head, text: &str) -> Self {
        let (words, copy) = original::split(text);
        let (words, report) = match rfc3464::begins_at(words) {
            Some(at) => words.split_at_checked(at).unwrap_or((words, "")),
            None => (words, ""),
        };
        let returned = copy.and_then(Returned::read).unwrap_or_default();
        Self {
            head,
            words: words.len(),
            text: text.to_owned(),
            report: (!report.is_empty())
                .then(|| rfc3464::read(&[report.to_owned()]))
                .flatten(),
            feedback: None,
            returned,
            is_receipt: false,
            attached: Vec::new(),
            mboxes: Vec::new(),
        }
    }
}

#[derive(Default)]
struct Parts<'m> {
    plain: String,
    html: String,
    reports: Vec<String>,
    feedback: Option<String>,
    is_receipt: bool,
    returned: Option<Returned>,
    attached: Vec<&'m Message<'m>>,
    mboxes: Vec<&'m [u8]>,
}

impl<'m> Parts<'m> {
    fn take(&mut self, part: &'m MessagePart<'m>, raw: &[u8]) {
        match (&part.body, kind_of(part).as_str()) {
            (PartType::Multipart(_), _) => {}
            (PartType::Message(message), _) => {
                if self.returned.is_none() {
                    self.returned = Some(Returned::of(message));
                }
                self.attached.push(message);
            }
            (_, "message/delivery-status" | "message/global-delivery-status") => {
                self.reports.extend(text_of(part, raw).map(Cow::into_owned));
            }
            (_, "message/feedback-report") => self.feedback = text_of(part, raw).map(Cow::into_owned),
            (
                _,
                "text/rfc822-headers"
                | "text/rfc822-header"
                | "message/rfc822-headers"
                | "message/global-headers"
                | "text/rfc822"
                | "message/rfc822",
            ) => {
                if self.returned.is_none() {
                    self.returned = text_of(part, raw).and_then(|text| Returned::read(&text));
                }
            }
            (_, "message/disposition-notification") => self.is_receipt = true,
            (PartType::Text(text), _) if is_mbox(text.as_bytes()) && part.attachment_name().is_some() => {
                self.mboxes.push(text.as_bytes());
            }
            (PartType::Html(html), _) => {
                append(&mut self.html, &html::text(&charset::of_part(part, html, raw)))
            }
            (PartType::Text(text), _) => append(&mut self.plain, &charset::of_part(part, text, raw)),
            (PartType::Binary(bytes) | PartType::InlineBinary(bytes), _) if is_mbox(bytes) => {
                self.mboxes.push(bytes);
            }
            (PartType::Binary(bytes) | PartType::InlineBinary(bytes), _) if bytes.len() <= MAX_STRAY => {
                // a gateway that does not know the type of the report calls it application/octet-stream
                let text = charset::of_bytes(bytes);
                self.reports
                    .extend(rfc3464::begins_at(&text).map(|_| text.into_owned()));
            }
            (PartType::Binary(_) | PartType::InlineBinary(_), _) => {}
        }
    }
}

/// The type of a part in lower case; that of RFC 2045 §5.2 where it names none.
pub(super) fn kind_of(part: &MessagePart<'_>) -> String {
    part.content_type().map_or_else(
        || "text/plain".to_owned(),
        |kind| format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or("")).to_ascii_lowercase(),
    )
}

/// What a part says, decoded; `raw` is the mail that its offsets are of.
pub(super) fn text_of<'m>(part: &'m MessagePart<'_>, raw: &[u8]) -> Option<Cow<'m, str>> {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => Some(charset::of_part(part, text, raw)),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => Some(charset::of_bytes(bytes)),
        PartType::Message(_) | PartType::Multipart(_) => None,
    }
}

/// Attached mails in one file: they begin with a line of the mbox format (RFC 4155).
pub(super) fn is_mbox(bytes: &[u8]) -> bool {
    bytes.starts_with(b"From ")
}

fn append(words: &mut String, text: &str) {
    if !words.is_empty() {
        words.push_str("\n\n");
    }
    let room = MAX_WORDS.saturating_sub(words.len());
    if text.len() <= room {
        words.push_str(text);
        return;
    }
    let cut = (room..text.len()).find(|at| text.is_char_boundary(*at));
    words.push_str(cut.and_then(|cut| text.get(..cut)).unwrap_or(text));
}
