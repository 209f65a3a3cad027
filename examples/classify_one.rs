//! Says what a reply means: `echo '550 5.7.1 … blocked using …' | cargo run --example classify_one [HOST]`.
//!
//! Each line of stdin is a reply of HOST, or an event as NDJSON, which is classified anew.

use std::io::{BufRead, Write};

use anyhow::Context;
use bounceaudit::catalogue::Catalogue;
use bounceaudit::event::{Action, Event, Format, Original, ReceivingDomain, Source, Times, Verdict};

fn main() -> anyhow::Result<()> {
    let catalogue = Catalogue::built_in()?;
    let host = std::env::args().nth(1);
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        if line.starts_with('{') {
            let event: Event = serde_json::from_str(&line).context("a line is no event")?;
            serde_json::to_writer(&mut out, &catalogue.classify(event))?;
        } else {
            serde_json::to_writer_pretty(&mut out, &catalogue.classify(around(line, host.clone())?).verdict)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// An event that knows the reply and the host alone.
fn around(reply: String, remote_host: Option<String>) -> anyhow::Result<Event> {
    let recipient = "user@receiver.example".to_owned();
    Ok(Event {
        source: Source::File("-".into()),
        message_id: None,
        times: Times::default(),
        format: Format::Generic,
        reporting_mta: None,
        original: Original::default(),
        receiving_domain: ReceivingDomain::of(&recipient).context("no domain")?,
        recipient,
        remote_host,
        remote_ip: None,
        action: Action::Failed,
        status: None,
        smtp_code: None,
        smtp_command: None,
        reply: Some(reply),
        verdict: Verdict::default(),
    })
}
