//! `bounceaudit classify`: the events of mails in files.

use std::io::{self, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, bail};

use crate::bounce;
use crate::catalogue::Catalogue;
use crate::cli::{ClassifyArgs, Console};
use crate::commands::masking::Masking;
use crate::commands::{Outcome, console, outputs};
use crate::config::Config;
use crate::event::{Event, Gap, Message, Place};
use crate::mailbox;
use crate::report::{self, Clock, Color, CsvEncoding, OutputFormat};

pub(crate) fn run(args: &ClassifyArgs, console: Console) -> anyhow::Result<Outcome> {
    refuse_what_is_not_there(args)?;
    let config = Config::load(args.config.config.as_deref())?;
    let catalogue = Catalogue::load(args.catalogue.clone().or(config.catalogue).file.as_deref())?;
    let terminal = io::stdout().is_terminal();
    let format = args.format.unwrap_or(if terminal {
        OutputFormat::Table
    } else {
        OutputFormat::Ndjson
    });
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    let mut masking = Masking::of(args.mask || config.report.mask, &catalogue)?;
    // A table needs all of its rows, and whoever hides people has to know all of them; else NDJSON goes out mail by mail,
    // so that a large mbox needs no memory.
    let at_once = format == OutputFormat::Ndjson && !masking.is_wanted();
    let (mut events, mut gaps, mut named) = (Vec::new(), Vec::new(), 0);
    for read in args.paths.iter().flat_map(|path| mailbox::files(path)) {
        match read {
            Ok(message) => {
                let read = classify(&message, &catalogue);
                gaps.extend(not_understood(&message, &read));
                events.extend(read);
            }
            Err(gap) => gaps.push(gap),
        }
        if !masking.is_wanted() {
            named += name(&mut gaps);
        }
        if at_once {
            report::ndjson(&events, &mut stdout).context("stdout")?;
            events.clear();
        }
    }
    let events = masking.events(events);
    named += name(&mut masking.gaps(gaps));
    match format {
        OutputFormat::Ndjson => report::ndjson(&events, &mut stdout),
        OutputFormat::Csv => {
            let destination = outputs::on_stdout(CsvEncoding::Utf8);
            report::events_csv(&events, Clock::Local, &mut stdout, destination).map(drop)
        }
        OutputFormat::Table => {
            let lang = outputs::lang(args.lang, config.report.lang);
            let table = report::events_table(&events, outputs::look(Color::Auto, console), lang)?;
            stdout.write_all(table.as_bytes())
        }
    }
    .and_then(|()| stdout.flush())
    .context("stdout")?;
    Ok(if named == 0 {
        Outcome::Complete
    } else {
        Outcome::Partial
    })
}

fn classify(message: &Message, catalogue: &Catalogue) -> Vec<Event> {
    bounce::read(message)
        .into_iter()
        .map(|event| catalogue.classify(event))
        .collect()
}

/// A bounce that was cut, or that no format fits, is not the same as no bounce.
fn not_understood(message: &Message, events: &[Event]) -> Option<Gap> {
    let strange = events.is_empty() && bounce::not_understood(message).is_some();
    strange.then(|| Gap {
        at: Place::Message(message.source.clone()),
        why: "looks like a bounce, and no recipient could be found in it".to_owned(),
    })
}

/// Says on stderr what is missing, and counts it.
fn name(gaps: &mut Vec<Gap>) -> usize {
    console::name_gaps(gaps);
    gaps.drain(..).count()
}

/// A mistyped path is no gap in what was read: with nothing to read, nothing was done.
fn refuse_what_is_not_there(args: &ClassifyArgs) -> anyhow::Result<()> {
    let there = |path: &Path| path.as_os_str() == "-" || path.symlink_metadata().is_ok();
    match args.paths.iter().find(|path| !there(path)) {
        Some(missing) if !args.paths.iter().any(|path| there(path)) => {
            bail!("{}: no such file or folder", missing.display())
        }
        Some(_) | None => Ok(()),
    }
}
