//! What `bounceaudit lists --test` prints: which lists can be believed through which resolver.

use std::io::{self, Write};

use serde::Serialize;

use crate::catalogue::Catalogue;
use crate::check::{Checked, Health, HealthVerdict};
use crate::event::Zone;
use crate::report::Error;
use crate::report::csv::{Destination, Table};
use crate::report::layout::{Page, Tone, cells, pad};
use crate::report::ndjson::json_line;
use crate::report::settings::Lang;
use crate::report::table::Look;
use crate::report::words::{Words, fill};

const COLUMNS: [&str; 6] = ["zone", "blocklist", "family", "resolver", "health", "meaning"];
/// A zone that was not asked has this in the column `health`.
const NOT_ASKED: &str = "not-asked";

/// A line for each zone and family, the zones that were not asked, and what the tests say of the resolvers.
///
/// # Errors
/// When the program's own texts cannot be read.
pub fn health_table(tested: &Checked, look: Look, lang: Lang) -> Result<String, Error> {
    let words = Words::of(lang)?;
    let mut page = Page::new(look.width, look.color);
    let zone = tested
        .health
        .iter()
        .map(|health| cells(health.zone.as_str()))
        .max();
    let zone = zone.unwrap_or_default().min(look.width / 2);
    for health in &tested.health {
        let word = format!("{:14}", health.verdict.word());
        let line = format!("  {}  {}", pad(health.zone.as_str(), zone), health.family);
        page.spans(&[(tone(&health.verdict), &word), (Tone::Plain, &line)]);
        if look.verbose || health.verdict != HealthVerdict::Healthy {
            let says = format!("{} ({})", health.verdict, health.resolver);
            page.paragraph(Tone::Faint, 16, 0, &says);
        }
    }
    let healthy = tested
        .health
        .iter()
        .filter(|health| health.verdict == HealthVerdict::Healthy);
    let (healthy, all) = (healthy.count(), tested.health.len());
    page.gap();
    page.paragraph(
        if healthy == all { Tone::Good } else { Tone::Warn },
        0,
        2,
        &fill(&words.check.believed, &[("n", &healthy), ("all", &all)]),
    );
    if look.verbose {
        for skipped in &tested.not_asked {
            let line = format!("{NOT_ASKED}  {}: {}", skipped.zone, skipped.why);
            page.paragraph(Tone::Faint, 0, 2, &line);
        }
    } else if !tested.not_asked.is_empty() {
        page.paragraph(
            Tone::Faint,
            0,
            2,
            &words.check.not_asked.of(tested.not_asked.len()),
        );
    }
    if !tested.warnings.is_empty() {
        page.gap();
        page.paragraph(Tone::Warn, 0, 0, &words.unseen.title);
        for warning in &tested.warnings {
            page.paragraph(Tone::Plain, 2, 2, warning);
        }
    }
    Ok(page.finish())
}

fn tone(verdict: &HealthVerdict) -> Tone {
    match verdict {
        HealthVerdict::Healthy => Tone::Good,
        HealthVerdict::NoTestEntry => Tone::Plain,
        HealthVerdict::NoTestAnswer
        | HealthVerdict::Refused(_)
        | HealthVerdict::Dead(_)
        | HealthVerdict::Failed(_) => Tone::Warn,
    }
}

/// One zone and family in the forms for programs.
#[derive(Serialize)]
struct Row {
    zone: String,
    blocklist: Option<String>,
    family: Option<String>,
    resolver: Option<String>,
    health: &'static str,
    meaning: String,
}

fn rows(tested: &Checked, catalogue: &Catalogue) -> Vec<Row> {
    let list = |zone: &Zone| catalogue.zone(zone).map(|facts| facts.list.to_string());
    let asked = |health: &Health| Row {
        zone: health.zone.to_string(),
        blocklist: list(&health.zone),
        family: Some(health.family.to_string()),
        resolver: Some(health.resolver.clone()),
        health: health.verdict.word(),
        meaning: health.verdict.to_string(),
    };
    let mut rows: Vec<Row> = tested.health.iter().map(asked).collect();
    rows.extend(tested.not_asked.iter().map(|skipped| Row {
        zone: skipped.zone.to_string(),
        blocklist: list(&skipped.zone),
        family: None,
        resolver: None,
        health: NOT_ASKED,
        meaning: skipped.why.to_string(),
    }));
    rows
}

/// Writes a row for each zone and family and gives the number of characters that the encoding could not hold.
///
/// # Errors
/// When `out` cannot be written to.
pub fn health_csv(
    tested: &Checked,
    catalogue: &Catalogue,
    out: impl Write,
    to: Destination,
) -> io::Result<u64> {
    let mut table = Table::new(out, to, &COLUMNS)?;
    for row in rows(tested, catalogue) {
        table.row([
            row.zone,
            row.blocklist.unwrap_or_default(),
            row.family.unwrap_or_default(),
            row.resolver.unwrap_or_default(),
            row.health.to_owned(),
            row.meaning,
        ])?;
    }
    table.finish()
}

/// Writes the same, one a line.
///
/// # Errors
/// When `out` cannot be written to.
pub fn health_ndjson(tested: &Checked, catalogue: &Catalogue, mut out: impl Write) -> io::Result<()> {
    for row in rows(tested, catalogue) {
        json_line(&row, &mut out)?;
    }
    out.flush()
}
