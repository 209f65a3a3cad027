//! What `bounceaudit classify` prints for a person: a block for each event, the fields under their names.

use crate::event::{Event, Verdict};
use crate::report::layout::{Page, Tone};
use crate::report::settings::Clock;
use crate::report::table::Look;

/// The events, each with its verdict, its times and the reply whole.
#[must_use]
pub fn events_table(events: &[Event], look: Look) -> String {
    let mut page = Page::new(look.width, look.color);
    for event in events {
        page.gap();
        let tone = if event.verdict.reason.is_block() {
            Tone::Bad
        } else {
            Tone::Plain
        };
        let (recipient, reason) = (&event.recipient, event.verdict.reason);
        page.paragraph(tone, 0, 2, &format!("{recipient}  {}, {reason}", event.action));
        for line in [
            verdict(&event.verdict),
            receiver(event),
            times(event),
            original(event),
        ] {
            if !line.is_empty() {
                page.paragraph(Tone::Plain, 2, 2, &line);
            }
        }
        page.paragraph(Tone::Plain, 2, 2, event.reply.as_deref().unwrap_or_default());
        page.paragraph(Tone::Faint, 2, 2, &event.source.to_string());
    }
    page.finish()
}

/// `name: value, name: value` for what is there.
fn fields(pairs: &[(&str, Option<String>)]) -> String {
    let said = pairs
        .iter()
        .filter_map(|(name, value)| Some(format!("{name}: {}", value.as_deref()?)));
    said.collect::<Vec<_>>().join(", ")
}

fn verdict(verdict: &Verdict) -> String {
    fields(&[
        ("blocked_ip", verdict.blocked_ip.map(|ip| ip.to_string())),
        ("blocklist", verdict.blocklist.as_ref().map(ToString::to_string)),
        ("zone", verdict.zone.as_ref().map(ToString::to_string)),
        ("code", verdict.code.clone()),
        ("removal", verdict.removal.clone()),
    ])
}

fn receiver(event: &Event) -> String {
    fields(&[
        ("remote_host", event.remote_host.clone()),
        ("remote_ip", event.remote_ip.map(|ip| ip.to_string())),
        (
            "smtp_command",
            event.smtp_command.map(|command| command.to_string()),
        ),
        ("smtp_code", event.smtp_code.map(|code| code.to_string())),
        ("status", event.status.map(|status| status.to_string())),
    ])
}

fn times(event: &Event) -> String {
    let minute = |time| {
        Clock::Local
            .show(time)
            .format("%Y-%m-%d %H:%M:%S %:z")
            .to_string()
    };
    fields(&[
        ("sent_at", event.times.sent_at.map(minute)),
        ("bounced_at", event.times.bounced_at.map(minute)),
        (
            "delay_seconds",
            event.times.delay().map(|delay| delay.num_seconds().to_string()),
        ),
    ])
}

fn original(event: &Event) -> String {
    fields(&[
        ("format", Some(event.format.to_string())),
        ("reporting_mta", event.reporting_mta.clone()),
        ("original_message_id", event.original.message_id.clone()),
    ])
}

#[cfg(test)]
mod tests {
    use crate::report::event_table::events_table;
    use crate::report::samples;
    use crate::report::table::Look;

    #[test]
    fn an_event_shows_its_verdict_and_its_reply_and_no_escape_sequence() {
        let mut event = samples::story("postfix-s3150.eml");
        event.reply = Some("550 5.7.1 \u{1b}[2Jgone".into());
        let look = Look {
            width: 80,
            color: false,
            verbose: false,
        };
        let text = events_table(&[event], look);
        assert!(
            text.contains("blocked_ip: 192.0.2.99, blocklist: microsoft-outlook"),
            "{text}"
        );
        assert!(text.contains("550 5.7.1 \\x1b[2Jgone"), "{text}");
        assert!(!text.contains('\u{1b}'));
    }
}
