//! Feedback reports (ARF, RFC 5965): a receiver tells that its user called a mail spam.

use crate::bounce::address;
use crate::bounce::header::field;
use crate::bounce::mail::Bounce;
use crate::bounce::told::{Finding, Told};
use crate::event::Action;

/// The recipients are those that the report names (RFC 5965 §3.2 Original-Rcpt-To), else the original's.
///
/// The mail had arrived, so the action is `delivered`; Source-IP is our own address and no remote host.
pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let feedback = bounce.feedback.as_deref()?;
    let mut told = Told::default();
    for (name, value) in feedback.lines().filter_map(field) {
        let name = name.to_ascii_lowercase();
        match name.as_str() {
            "original-rcpt-to" | "removal-recipient" | "redacted-address" => {
                told.recipients.extend(address::all(value).map(Finding::to));
            }
            "reporting-mta" => {
                let host = value.split_once(';').map_or(value, |(_, host)| host).trim();
                told.reporting_mta = (!host.is_empty()).then(|| host.to_owned());
            }
            _ => {}
        }
    }
    if told.recipients.is_empty() {
        told.recipients
            .extend(bounce.returned.to.iter().cloned().map(Finding::to));
    }
    for one in &mut told.recipients {
        one.action = Some(Action::Delivered);
    }
    Some(told)
}
