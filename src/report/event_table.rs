//! What `bounceaudit classify` prints for a person: a block for each event, its fields under their names.

use crate::event::{Event, Timestamp};
use crate::report::layout::{Page, Tone};
use crate::report::settings::Clock;
use crate::report::table::Look;

/// Cells of the longest name.
const NAME: usize = "original_message_id".len();

/// The events, each with its verdict first, then who said what when, and the reply whole.
#[must_use]
pub fn events_table(events: &[Event], look: Look) -> String {
    let mut page = Page::new(look.width, look.color);
    for event in events {
        page.gap();
        let reason = event.verdict.reason;
        let tone = if reason.is_block() {
            Tone::Bad
        } else {
            Tone::Strong
        };
        page.paragraph(
            tone,
            0,
            2,
            &format!("{}  {}, {reason}", event.recipient, event.action),
        );
        for (name, value) in fields(event) {
            if let Some(value) = value {
                page.field(Tone::Plain, name, NAME, &value);
            }
        }
        page.field(Tone::Faint, "source", NAME, &event.source.to_string());
    }
    page.finish()
}

/// What is worth a line, under the names of the event's fields.
fn fields(event: &Event) -> [(&'static str, Option<String>); 16] {
    let second = |time: Timestamp| {
        Clock::Local
            .show(time)
            .format("%Y-%m-%d %H:%M:%S %:z")
            .to_string()
    };
    let verdict = &event.verdict;
    [
        ("blocked_ip", verdict.blocked_ip.map(|ip| ip.to_string())),
        ("blocklist", verdict.blocklist.as_ref().map(ToString::to_string)),
        ("zone", verdict.zone.as_ref().map(ToString::to_string)),
        ("code", verdict.code.clone()),
        ("removal", verdict.removal.clone()),
        ("remote_host", event.remote_host.clone()),
        ("remote_ip", event.remote_ip.map(|ip| ip.to_string())),
        (
            "smtp_command",
            event.smtp_command.map(|command| command.to_string()),
        ),
        ("status", event.status.map(|status| status.to_string())),
        ("reply", event.reply.clone()),
        ("sent_at", event.times.sent_at.map(second)),
        ("bounced_at", event.times.bounced_at.map(second)),
        (
            "delay_seconds",
            event.times.delay().map(|delay| delay.num_seconds().to_string()),
        ),
        ("format", Some(event.format.to_string())),
        ("reporting_mta", event.reporting_mta.clone()),
        ("original_message_id", event.original.message_id.clone()),
    ]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use crate::report::event_table::events_table;
    use crate::report::layout::cells;
    use crate::report::safe::steers;
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
        assert!(text.contains("  blocked_ip           192.0.2.99\n"), "{text}");
        assert!(
            text.contains("  reply                550 5.7.1 \\x1b[2Jgone\n"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'));
    }

    proptest! {
        #[test]
        fn no_text_of_an_event_reaches_the_terminal_raw(
            text in ".{0,80}|[\\x00-\\xff\u{202a}-\u{202e} ]{0,80}|([a-z]{1,90} ){0,5}",
            width in 0usize..150,
        ) {
            let mut event = samples::story("postfix-s3150.eml");
            event.recipient = text.clone();
            event.reporting_mta = Some(text.clone());
            event.verdict.code = Some(text.clone());
            event.reply = Some(text);
            for line in events_table(&[event], Look { width, color: false, verbose: false }).lines() {
                prop_assert!(!line.chars().any(steers), "{line:?}");
                prop_assert!(cells(line) <= width.max(60) || !line.trim_start().contains(' '), "{line:?}");
            }
        }
    }
}
