//! NDJSON: one event a line, under the names and in the order of the event's fields.

use std::io::{self, Write};

use serde::Serialize;

use crate::event::{Event, Source, Timestamp};
use crate::ledger::Recorded;
use crate::report::safe::steers;

/// Writes the events, each on a line. Non-ASCII is kept; what steers a terminal stands as `\u001b` and the like, which
/// every JSON reader turns back.
///
/// # Errors
/// When `out` cannot be written to.
pub fn ndjson<'a>(events: impl IntoIterator<Item = &'a Event>, mut out: impl Write) -> io::Result<()> {
    for event in events {
        if event.original.helos.is_empty() {
            json_line(event, &mut out)?;
        } else {
            let mut event = event.clone();
            event.original.helos.clear();
            json_line(&event, &mut out)?;
        }
    }
    out.flush()
}

/// Writes bounces of the ledger as [`ndjson`] does, each with all the places where it lies and when it was recorded.
///
/// # Errors
/// When `out` cannot be written to.
pub fn recorded_ndjson(bounces: &[Recorded], mut out: impl Write) -> io::Result<()> {
    for bounce in bounces {
        json_line(&Line::of(bounce), &mut out)?;
    }
    Ok(())
}

/// A bounce of the ledger as JSON has it.
#[derive(Serialize)]
pub(super) struct Line<'a> {
    #[serde(flatten)]
    event: Event,
    sources: &'a [Source],
    recorded_at: Timestamp,
}

impl<'a> Line<'a> {
    pub(super) fn of(bounce: &'a Recorded) -> Self {
        let mut event = bounce.event.clone();
        event.original.helos.clear();
        Self {
            event,
            sources: &bounce.sources,
            recorded_at: bounce.recorded_at,
        }
    }
}

/// One value on a line of its own.
pub(super) fn json_line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    json(value, out)?;
    out.write_all(b"\n")
}

/// One value, with everything escaped that steers a terminal.
pub(super) fn json(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let line = serde_json::to_string(value)?;
    if line.chars().any(steers) {
        out.write_all(escaped(&line).as_bytes())
    } else {
        out.write_all(line.as_bytes())
    }
}

/// serde_json escapes the C0 controls; DEL, C1 and bidirectional overrides it leaves raw. They can only stand inside
/// strings, where RFC 8259 §7 allows the escape for every character.
fn escaped(line: &str) -> String {
    let mut text = String::with_capacity(line.len() + 32);
    for c in line.chars() {
        if steers(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                text.push_str(&format!("\\u{unit:04x}"));
            }
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use crate::event::Event;
    use crate::report::ndjson::ndjson;
    use crate::report::safe::steers;
    use crate::report::samples;

    fn written(events: &[Event]) -> String {
        let mut out = Vec::new();
        ndjson(events, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn japanese_is_kept_and_null_is_written() {
        let mut event = samples::story("postfix-s3150.eml");
        event.original.subject = Some("お見積りの件".into());
        event.verdict.zone = None;
        let line = written(&[event]);
        assert!(line.contains(r#""original_subject":"お見積りの件""#), "{line}");
        assert!(line.contains(r#""zone":null"#) && line.ends_with("}\n"), "{line}");
    }

    proptest! {
        #[test]
        fn a_line_reads_back_and_steers_nothing(reply in ".*|[\\x00-\\xff\u{202a}-\u{202e}\u{e0001}]*") {
            let mut event = samples::story("postfix-s3150.eml");
            event.reply = Some(reply);
            let line = written(std::slice::from_ref(&event));
            prop_assert!(!line.trim_end_matches('\n').chars().any(steers));
            prop_assert_eq!(serde_json::from_str::<Event>(&line).unwrap(), event);
        }
    }
}
