//! Notifications of Amazon SES that came by mail: JSON in a text part.
//!
//! <https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html>, read 2026-11-22. Event publishing writes
//! `eventType` where notifications write `notificationType`.

use serde::Deserialize;

use crate::bounce::address::{self, Host};
use crate::bounce::date;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::{Reply, leading_status};
use crate::bounce::told::{Finding, Told};
use crate::event::{Action, Original};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Notification {
    #[serde(alias = "eventType")]
    notification_type: String,
    mail: Option<Mail>,
    bounce: Option<Bounced>,
    complaint: Option<Complaint>,
    delivery: Option<Delivery>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Mail {
    timestamp: Option<String>,
    common_headers: Option<CommonHeaders>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommonHeaders {
    #[serde(default)]
    from: Vec<String>,
    date: Option<String>,
    message_id: Option<String>,
    subject: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounced {
    #[serde(default)]
    bounced_recipients: Vec<Recipient>,
    #[serde(rename = "reportingMTA")]
    reporting_mta: Option<String>,
    remote_mta_ip: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
    action: Option<String>,
    status: Option<String>,
    diagnostic_code: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    #[serde(default)]
    complained_recipients: Vec<Recipient>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivery {
    #[serde(default)]
    recipients: Vec<String>,
    smtp_response: Option<String>,
    #[serde(rename = "reportingMTA")]
    reporting_mta: Option<String>,
    remote_mta_ip: Option<String>,
}

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let words = bounce.words();
    let at = words
        .find("{\"notificationType\"")
        .or_else(|| words.find("{\"eventType\""))?;
    // sendmail breaks lines that are too long for SMTP: `…"na!` and ` me":…` (`sendmail/mime.c`, `putline()`)
    let json = words.get(at..)?.replace("!\n ", "");
    let mut values = serde_json::Deserializer::from_str(&json).into_iter::<Notification>();
    let notification = values.next()?.ok()?;
    let mail = notification.mail;
    let mut told = match notification.notification_type.as_str() {
        "Bounce" => bounced(notification.bounce?),
        "Complaint" => complained(notification.complaint?),
        "Delivery" => delivered(notification.delivery?),
        _ => return None,
    };
    let common = mail.as_ref().and_then(|mail| mail.common_headers.as_ref());
    let sent = common
        .and_then(|common| common.date.as_deref())
        .and_then(date::read);
    told.sent_at = sent.or_else(|| date::read(mail.as_ref()?.timestamp.as_deref()?));
    if let Some(common) = common {
        told.original = Original {
            message_id: common
                .message_id
                .as_deref()
                .map(|id| id.trim_matches(['<', '>']).to_owned()),
            from: common.from.first().and_then(|from| address::first(from)),
            subject: common.subject.clone(),
            helos: Vec::new(),
        };
    }
    Some(told)
}

fn bounced(bounce: Bounced) -> Told {
    let ip = bounce.remote_mta_ip.and_then(|ip| ip.parse().ok());
    let told = |recipient: Recipient| {
        let diagnostic = recipient.diagnostic_code.unwrap_or_default();
        let words = diagnostic
            .split_once(';')
            .filter(|(kind, _)| kind.len() < 20)
            .map_or(diagnostic.as_str(), |(_, words)| words);
        Some(Finding {
            action: recipient.action.and_then(|action| action.parse().ok()),
            status: recipient.status.as_deref().and_then(leading_status),
            remote_ip: ip,
            reply: Reply::read(words),
            ..Finding::to(address::first(&recipient.email_address)?)
        })
    };
    Told {
        reporting_mta: bounce.reporting_mta.as_deref().and_then(reporting),
        recipients: bounce.bounced_recipients.into_iter().filter_map(told).collect(),
        ..Told::default()
    }
}

fn complained(complaint: Complaint) -> Told {
    let told = |recipient: Recipient| {
        Some(Finding {
            action: Some(Action::Delivered),
            ..Finding::to(address::first(&recipient.email_address)?)
        })
    };
    Told {
        recipients: complaint
            .complained_recipients
            .into_iter()
            .filter_map(told)
            .collect(),
        ..Told::default()
    }
}

fn delivered(delivery: Delivery) -> Told {
    let reply = delivery.smtp_response.as_deref().and_then(Reply::read);
    let ip = delivery.remote_mta_ip.and_then(|ip| ip.parse().ok());
    let told = |recipient: String| {
        let recipient = address::first(&recipient)?;
        Some(Finding {
            action: Some(Action::Delivered),
            remote_ip: ip,
            reply: reply.clone(),
            ..Finding::to(recipient)
        })
    };
    Told {
        reporting_mta: delivery.reporting_mta.as_deref().and_then(reporting),
        recipients: delivery.recipients.into_iter().filter_map(told).collect(),
        ..Told::default()
    }
}

/// `dsn; a27-23.smtp-out.us-west-2.amazonses.com`, or the name alone.
fn reporting(value: &str) -> Option<String> {
    Host::read(value.split_once(';').map_or(value, |(_, host)| host)).name
}
