//! What `bounceaudit lists --test` prints: which lists can be believed through which resolver.

use std::io::{self, Write};
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::catalogue::Catalogue;
use crate::check::{Checked, Failure, Health, HealthVerdict, WhyNot};
use crate::event::Zone;
use crate::report::Error;
use crate::report::csv::{Destination, Table};
use crate::report::lang::Lang;
use crate::report::layout::{Page, Tone, cells, pad};
use crate::report::ndjson::json_line;
use crate::report::table::Look;
use crate::report::words::{Words, fill};

const COLUMNS: [&str; 6] = ["zone", "blocklist", "family", "resolver", "health", "meaning"];
/// A zone that was not asked has this in the column `health`.
const NOT_ASKED: &str = "not-asked";

/// `[health]`: what a test shows of a zone, and why it was not asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HealthWords {
    healthy: String,
    no_test_entry: String,
    no_test_answer: String,
    refused: String,
    dead: String,
    timeout: String,
    error: String,
    not_asked: String,
    says_healthy: String,
    says_no_test_entry: String,
    says_no_test_answer: String,
    says_refused: String,
    says_dead: String,
    says_timeout: String,
    needs_key: String,
    asked_with_key: String,
    dead_since: String,
    allows: String,
    domains: String,
    no_name: String,
}

impl HealthWords {
    /// In a word.
    fn of(&self, verdict: &HealthVerdict) -> &str {
        match verdict {
            HealthVerdict::Healthy => &self.healthy,
            HealthVerdict::NoTestEntry => &self.no_test_entry,
            HealthVerdict::NoTestAnswer => &self.no_test_answer,
            HealthVerdict::Refused(_) => &self.refused,
            HealthVerdict::Dead(_) => &self.dead,
            HealthVerdict::Failed(Failure::Timeout) => &self.timeout,
            HealthVerdict::Failed(_) => &self.error,
        }
    }

    /// In a sentence.
    fn says(&self, verdict: &HealthVerdict, words: &Words) -> String {
        let with = |text: &str, codes: &[Ipv4Addr]| {
            let codes: Vec<String> = codes.iter().map(ToString::to_string).collect();
            fill(text, &[("codes", &codes.join(&words.join.words))])
        };
        match verdict {
            HealthVerdict::Healthy => self.says_healthy.clone(),
            HealthVerdict::NoTestEntry => self.says_no_test_entry.clone(),
            HealthVerdict::NoTestAnswer => self.says_no_test_answer.clone(),
            HealthVerdict::Refused(codes) => with(&self.says_refused, codes),
            HealthVerdict::Dead(codes) => with(&self.says_dead, codes),
            HealthVerdict::Failed(Failure::Timeout) => self.says_timeout.clone(),
            HealthVerdict::Failed(failure) => words.phrases.said(&failure.to_string()).into_owned(),
        }
    }

    fn why_not(&self, why: &WhyNot) -> String {
        match why {
            WhyNot::NeedsKey => self.needs_key.clone(),
            WhyNot::AskedWithKey(zone) => fill(&self.asked_with_key, &[("zone", zone)]),
            WhyNot::Dead(month) => fill(&self.dead_since, &[("month", month)]),
            WhyNot::Allows => self.allows.clone(),
            WhyNot::Domains => self.domains.clone(),
            WhyNot::NoName => self.no_name.clone(),
        }
    }
}

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
    let wide = widest(&words.health);
    for health in &tested.health {
        let word = pad(words.health.of(&health.verdict), wide);
        let line = format!("  {}  {}", pad(health.zone.as_str(), zone), health.family);
        page.spans(&[(tone(&health.verdict), &word), (Tone::Plain, &line)]);
        if look.verbose || health.verdict != HealthVerdict::Healthy {
            let says = words.health.says(&health.verdict, &words);
            let says = words.join.aside(&says, &health.resolver);
            page.paragraph(Tone::Faint, wide + 2, 0, &says);
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
            let why = words
                .join
                .note(&skipped.zone, &words.health.why_not(&skipped.why));
            let line = format!("{}  {why}", words.health.not_asked);
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
            page.paragraph(Tone::Plain, 2, 2, &words.phrases.said(warning));
        }
    }
    Ok(page.finish())
}

/// Cells of the longest word, whether or not a zone has it.
fn widest(words: &HealthWords) -> usize {
    let words = [
        &words.healthy,
        &words.no_test_entry,
        &words.no_test_answer,
        &words.refused,
        &words.dead,
        &words.timeout,
        &words.error,
    ];
    words
        .map(|word| cells(word))
        .into_iter()
        .max()
        .unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use crate::check::{Checked, Failure, Family, Health, HealthVerdict, NotAsked, WhyNot};
    use crate::report::health::health_table;
    use crate::report::lang::Lang;
    use crate::report::layout::cells;
    use crate::report::table::Look;

    fn shown(lang: Lang) -> String {
        let verdicts = [
            HealthVerdict::Healthy,
            HealthVerdict::NoTestEntry,
            HealthVerdict::NoTestAnswer,
            HealthVerdict::Refused(vec![[127, 255, 255, 254].into()]),
            HealthVerdict::Dead(vec![[192, 0, 2, 200].into(), [192, 0, 2, 201].into()]),
            HealthVerdict::Failed(Failure::Timeout),
            HealthVerdict::Failed(Failure::ServFail),
        ];
        let zone = |at: usize| format!("bl{at}.example.org").into();
        let health = verdicts.into_iter().enumerate().map(|(at, verdict)| Health {
            zone: zone(at),
            resolver: "127.0.0.1".into(),
            family: Family::Ipv4,
            verdict,
        });
        let reasons = [
            WhyNot::NeedsKey,
            WhyNot::AskedWithKey(zone(9)),
            WhyNot::Dead("2024-06".parse().unwrap()),
            WhyNot::Allows,
            WhyNot::Domains,
            WhyNot::NoName,
        ];
        let not_asked = reasons
            .into_iter()
            .zip(10..)
            .map(|(why, at)| NotAsked { zone: zone(at), why });
        let tested = Checked {
            health: health.collect(),
            not_asked: not_asked.collect(),
            warnings: vec!["resolver 127.0.0.1 is refused by bl3.example.org".into()],
            ..Checked::default()
        };
        let look = Look {
            width: 80,
            color: false,
            verbose: true,
        };
        let text = health_table(&tested, look, lang).unwrap();
        assert!(text.lines().all(|line| cells(line) <= 80), "{text}");
        text
    }

    #[test]
    fn every_outcome_of_a_test_in_words() {
        insta::assert_snapshot!(shown(Lang::En));
    }

    #[test]
    fn every_outcome_of_a_test_in_japanese() {
        insta::assert_snapshot!(shown(Lang::Ja));
    }
}
