//! Delivery status reports (RFC 3464), as they are written in the wild.
//!
//! Tolerated, because seen: recipients without an empty line between them, an empty line inside a recipient's fields,
//! `Action` before `Final-Recipient` (Exim), folds without their blank, missing types (`Final-Recipient: <a@b>`),
//! a report in the words of the mail instead of a part of its own.

use std::borrow::Cow;

use mail_parser::Message;

use crate::bounce::address::{self, Host};
use crate::bounce::charset;
use crate::bounce::date;
use crate::bounce::header::field;
use crate::bounce::reply::{Reply, in_reply_to, leading_status};
use crate::bounce::told::{Finding, Told};
use crate::event::{Action, Format};

/// Recipients beyond this number are not read from one report.
const MAX_RECIPIENTS: usize = 10_000;

/// Reads the reports of a mail. The recipients stand in their order; a recipient without any address is left out.
pub(super) fn read(reports: &[String]) -> Option<Told> {
    let mut told = Told::default();
    for report in reports {
        let mut group = Group::default();
        for line in unfolded(report) {
            let Some(line) = line else {
                group.gap = true;
                continue;
            };
            let Some((name, value)) = field(&line) else {
                continue;
            };
            let name = name.to_ascii_lowercase();
            if of_the_message(&mut told, &name, value) {
                continue;
            }
            let Some(slot) = Slot::of(&name) else { continue };
            if group.begins_another(slot) {
                told.recipients.extend(std::mem::take(&mut group).finding());
            }
            if slot == Slot::Diagnostic && typed(value).0.eq_ignore_ascii_case("x-postfix") {
                told.writer = Some(Format::Postfix);
            }
            group.gap = false;
            group.set.push((slot, value.to_owned()));
            if told.recipients.len() >= MAX_RECIPIENTS {
                break;
            }
        }
        told.recipients.extend(group.finding());
    }
    let said = !told.recipients.is_empty() || told.reporting_mta.is_some();
    said.then_some(told)
}

/// The report's fields that stand in a mail's own header, as a report: some gateways write no part for them.
pub(super) fn in_header(mail: &Message<'_>) -> Option<String> {
    ["Final-Recipient", "Original-Recipient"]
        .iter()
        .find_map(|name| mail.header_raw(*name))?;
    let is_of_a_report = |name: &str| {
        let name = name.to_ascii_lowercase();
        name == "reporting-mta" || name == "arrival-date" || Slot::of(&name).is_some()
    };
    let fields = mail.headers_raw().filter(|(name, _)| is_of_a_report(name));
    Some(fields.map(|(name, value)| format!("{name}:{value}\n")).collect())
}

/// Whether a text holds a report's fields: `Final-Recipient: rfc822; a@b` at the start of a line.
pub(super) fn begins_at(text: &str) -> Option<usize> {
    const OPENING: [&str; 4] = [
        "reporting-mta:",
        "final-recipient:",
        "original-recipient:",
        "original-envelope-id:",
    ];
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let opens = |name: &&str| {
            line.get(..name.len())
                .is_some_and(|head| head.eq_ignore_ascii_case(name))
        };
        if OPENING.iter().any(opens) {
            let rest = text.get(at..).unwrap_or("").to_ascii_lowercase();
            return rest.contains("final-recipient:").then_some(at);
        }
        at += line.len();
    }
    None
}

/// Lines put together again; `None` is an empty one. What looks like a boundary ends the report.
fn unfolded(report: &str) -> Vec<Option<String>> {
    let mut lines: Vec<Option<String>> = Vec::new();
    for line in report.lines() {
        let folded = line.starts_with([' ', '\t']);
        if line.trim().is_empty() {
            lines.push(None);
        } else if line.starts_with("--") {
            break;
        } else if let (true, Some(Some(last))) = (folded || !is_field(line), lines.last_mut()) {
            last.push(' ');
            last.push_str(line.trim());
        } else {
            lines.push(Some(line.trim().to_owned()));
        }
    }
    lines
}

/// `https://…` and `Client host [192.0.2.1]: …` at the start of a line are words, no fields.
fn is_field(line: &str) -> bool {
    field(line).is_some_and(|(name, value)| {
        !value.starts_with("//")
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    })
}

/// The fields of RFC 3464 §2.2; whether it was one.
fn of_the_message(told: &mut Told, name: &str, value: &str) -> bool {
    match name {
        "reporting-mta" => {
            if told.reporting_mta.is_none() {
                let host = Host::read(typed(value).1.trim_start_matches(['[', '<']));
                told.reporting_mta = host.name.or(host.ip.map(|ip| ip.to_string()));
            }
        }
        "arrival-date" => told.sent_at = told.sent_at.or_else(|| date::read(value)),
        "received-from-mta" | "original-envelope-id" | "dsn-gateway" => {}
        "x-postfix-queue-id" | "x-postfix-sender" => told.writer = Some(Format::Postfix),
        _ => return false,
    }
    true
}

/// The fields of a recipient (RFC 3464 §2.3) that an event needs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Original,
    Final,
    Actual,
    Action,
    Status,
    Remote,
    Diagnostic,
}

impl Slot {
    fn of(name: &str) -> Option<Self> {
        Some(match name {
            "original-recipient" => Self::Original,
            "final-recipient" => Self::Final,
            "x-actual-recipient" => Self::Actual,
            "action" => Self::Action,
            "status" => Self::Status,
            "remote-mta" => Self::Remote,
            "diagnostic-code" => Self::Diagnostic,
            _ => return None,
        })
    }
}

#[derive(Default)]
struct Group {
    gap: bool,
    set: Vec<(Slot, String)>,
}

impl Group {
    fn value(&self, slot: Slot) -> Option<&str> {
        self.set
            .iter()
            .find(|(one, _)| *one == slot)
            .map(|(_, value)| value.as_str())
    }

    /// A field that is there already, or a recipient behind an empty line, begins the next recipient.
    fn begins_another(&self, slot: Slot) -> bool {
        let recipient = matches!(slot, Slot::Original | Slot::Final);
        self.value(slot).is_some() || (self.gap && recipient && self.value(Slot::Final).is_some())
    }

    fn finding(self) -> Option<Finding> {
        let recipient = [Slot::Final, Slot::Original, Slot::Actual]
            .into_iter()
            .find_map(|slot| address_in(self.value(slot)?))?;
        let (kind, words) = self.value(Slot::Diagnostic).map(typed).unwrap_or_default();
        let words = unescaped(words);
        let (words, command) = in_reply_to(&words);
        let reply = Reply::read(words);
        let host = self.value(Slot::Remote).map(remote).unwrap_or_default();
        Some(Finding {
            original: self.value(Slot::Original).and_then(address_in),
            action: self.value(Slot::Action).and_then(action),
            status: self
                .value(Slot::Status)
                .and_then(|value| leading_status(value.trim_start_matches(['#', '(', ' ']))),
            remote_host: host.name,
            remote_ip: host.ip,
            command,
            // `Diagnostic-Code: X-Unix; 77` (sendmail) is an exit status
            reply: reply.filter(|reply| !(kind.eq_ignore_ascii_case("x-unix") && reply.text.len() <= 4)),
            ..Finding::to(recipient)
        })
    }
}

/// `type; value` (RFC 3464 §2.1.2), the type empty where there is none.
fn typed(value: &str) -> (&str, &str) {
    match value.split_once(';') {
        Some((kind, rest))
            if kind
                .trim()
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') =>
        {
            (kind.trim(), rest.trim())
        }
        _ => ("", value.trim()),
    }
}

/// The address of a recipient's field; of type `utf-8` (RFC 6533 §3) it may be escaped.
fn address_in(value: &str) -> Option<String> {
    address::first(&charset::without_unicode_escapes(typed(value).1))
}

/// Words as they were said: encoded words (RFC 3464 §2.1 allows them), the octal escapes of Exim.
fn unescaped(words: &str) -> Cow<'_, str> {
    if words.contains("=?") {
        return Cow::Owned(charset::of_field(words.as_bytes()));
    }
    charset::without_octal(words).map_or(Cow::Borrowed(words), Cow::Owned)
}

fn action(value: &str) -> Option<Action> {
    let word = value
        .trim_start()
        .split(|c: char| !c.is_ascii_alphabetic())
        .next()?;
    // seen: `Action: Failure`, `Action: delay`, `Action: expired`
    if let Ok(action) = word.parse() {
        return Some(action);
    }
    match word.to_ascii_lowercase().as_str() {
        "failure" | "fail" | "expired" | "error" => Some(Action::Failed),
        "delay" | "deferred" | "transient" => Some(Action::Delayed),
        "deliverable" => Some(Action::Delivered),
        _ => None,
    }
}

/// `dns; mx.example.net`, `dns; [192.0.2.1]`, `dns; mx.example.net. (192.0.2.1, the server for the domain …)` (Gmail).
fn remote(value: &str) -> Host {
    let value = typed(value).1;
    Host::read(value).or(Host::read(value.trim_start_matches(['[', '('])))
}

#[cfg(test)]
mod tests {
    use crate::bounce::rfc3464::read;

    #[test]
    fn recipients_without_an_empty_line_between_them_are_two() {
        let report = "Reporting-MTA: DNS;mx.example.jp\nFinal-Recipient:rfc822;a@x.example\nAction:failed\nStatus:5.2.0\nFinal-Recipient: <b@x.example>\nAction: delayed\n".to_owned();
        let told = read(&[report]).unwrap();
        assert_eq!(told.reporting_mta.as_deref(), Some("mx.example.jp"));
        let seen: Vec<_> = told
            .recipients
            .iter()
            .map(|one| (one.recipient.as_str(), one.action.unwrap().to_string()))
            .collect();
        assert_eq!(
            seen,
            [
                ("a@x.example", "failed".to_owned()),
                ("b@x.example", "delayed".to_owned())
            ]
        );
    }

    #[test]
    fn an_action_before_its_recipient_belongs_to_it() {
        let report = "Reporting-MTA: dns; x.example\n\nAction: failed\nFinal-Recipient: rfc822;a@x.example\nStatus: 5.0.0\n\nAction: delayed\nFinal-Recipient: rfc822;b@x.example\n".to_owned();
        let told = read(&[report]).unwrap();
        assert_eq!(told.recipients.len(), 2);
        assert_eq!(told.recipients[1].action.unwrap().to_string(), "delayed");
    }
}
