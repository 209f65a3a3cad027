//! What `bounceaudit classify` prints for a person: a block for each event, its fields under their names.

use std::fmt::Display;

use serde::Deserialize;

use crate::event::{Action, Event, Timestamp};
use crate::report::Error;
use crate::report::lang::Lang;
use crate::report::layout::{Page, Tone, cells};
use crate::report::settings::Clock;
use crate::report::table::Look;
use crate::report::words::{Words, fill};

/// `[event]`: the names of an event's fields, for people.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventWords {
    headline: String,
    action: ActionWords,
    blocked_ip: String,
    blocklist: String,
    zone: String,
    code: String,
    removal: String,
    remote_host: String,
    remote_ip: String,
    smtp_command: String,
    status: String,
    reply: String,
    sent_at: String,
    bounced_at: String,
    delay_seconds: String,
    format: String,
    reporting_mta: String,
    original_message_id: String,
    source: String,
}

/// `[event.action]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ActionWords {
    failed: String,
    delayed: String,
    delivered: String,
    relayed: String,
    expanded: String,
}

impl ActionWords {
    fn of(&self, action: Action) -> &str {
        match action {
            Action::Failed => &self.failed,
            Action::Delayed => &self.delayed,
            Action::Delivered => &self.delivered,
            Action::Relayed => &self.relayed,
            Action::Expanded => &self.expanded,
        }
    }
}

/// The events, each with its verdict first, then who said what when, and the reply whole.
///
/// # Errors
/// When the program's own texts cannot be read.
pub fn events_table(events: &[Event], look: Look, lang: Lang) -> Result<String, Error> {
    let words = Words::of(lang)?;
    let mut page = Page::new(look.width, look.color);
    for event in events {
        page.gap();
        let reason = event.verdict.reason;
        let tone = if reason.is_block() {
            Tone::Bad
        } else {
            Tone::Strong
        };
        let headline: [(&str, &dyn Display); 3] = [
            ("recipient", &event.recipient),
            ("action", &words.event.action.of(event.action)),
            ("reason", &words.reasons.of(reason)),
        ];
        page.paragraph(tone, 0, 2, &fill(&words.event.headline, &headline));
        let fields = fields(event, &words.event);
        let width = fields.iter().map(|(name, _)| cells(name)).max().unwrap_or(0);
        for (name, value) in fields {
            if let Some(value) = value {
                page.field(Tone::Plain, name, width, &value);
            }
        }
        page.field(Tone::Faint, &words.event.source, width, &event.source.to_string());
    }
    Ok(page.finish())
}

/// What is worth a line.
fn fields<'w>(event: &Event, words: &'w EventWords) -> [(&'w str, Option<String>); 16] {
    let second = |time: Timestamp| {
        Clock::Local
            .show(time)
            .format("%Y-%m-%d %H:%M:%S %:z")
            .to_string()
    };
    let verdict = &event.verdict;
    let smtp_command = event.smtp_command.map(|command| command.to_string());
    let delay = event.times.delay();
    [
        (&words.blocked_ip, verdict.blocked_ip.map(|ip| ip.to_string())),
        (
            &words.blocklist,
            verdict.blocklist.as_ref().map(ToString::to_string),
        ),
        (&words.zone, verdict.zone.as_ref().map(ToString::to_string)),
        (&words.code, verdict.code.clone()),
        (&words.removal, verdict.removal.clone()),
        (&words.remote_host, event.remote_host.clone()),
        (&words.remote_ip, event.remote_ip.map(|ip| ip.to_string())),
        (&words.smtp_command, smtp_command),
        (&words.status, event.status.map(|status| status.to_string())),
        (&words.reply, event.reply.clone()),
        (&words.sent_at, event.times.sent_at.map(second)),
        (&words.bounced_at, event.times.bounced_at.map(second)),
        (
            &words.delay_seconds,
            delay.map(|delay| delay.num_seconds().to_string()),
        ),
        (&words.format, Some(event.format.to_string())),
        (&words.reporting_mta, event.reporting_mta.clone()),
        (&words.original_message_id, event.original.message_id.clone()),
    ]
    .map(|(name, value)| (name.as_str(), value))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use crate::report::event_table::events_table;
    use crate::report::lang::Lang;
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
        let text = events_table(std::slice::from_ref(&event), look, Lang::En).unwrap();
        assert!(text.contains("  blocked_ip           192.0.2.99\n"), "{text}");
        assert!(
            text.contains("  reply                550 5.7.1 \\x1b[2Jgone\n"),
            "{text}"
        );
        assert!(!text.contains('\u{1b}'));

        let text = events_table(&[event], look, Lang::Ja).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].ends_with("  配送失敗 (送信元 IP の拒否)"), "{text}");
        assert_eq!(lines[1], "  ブロックIP               192.0.2.99", "{text}");
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
            for line in events_table(&[event], Look { width, color: false, verbose: false }, Lang::En).unwrap().lines() {
                prop_assert!(!line.chars().any(steers), "{line:?}");
                prop_assert!(cells(line) <= width.max(60) || !line.trim_start().contains(' '), "{line:?}");
            }
        }
    }
}
