//! What this run could not see: mails and folders that were not read or not understood, lists that did not answer.

use std::collections::BTreeMap;

use crate::check::Answer;
use crate::event::{Gap, Place, Zone};
use crate::report::layout::{Page, Tone};
use crate::report::table::Look;
use crate::report::words::{Unseen, fill};
use crate::report::{Report, strange};

/// Single mails and files that are named without `-v`; folders and accounts always are.
const NAMED: usize = 10;

/// Writes the section; nothing where everything was seen.
pub(super) fn write(page: &mut Page, report: &Report<'_>, look: Look) {
    let words = &report.words.unseen;
    let lines = lines(report, look.verbose);
    if lines.is_empty() && report.strange.is_empty() {
        return;
    }
    page.gap();
    page.paragraph(Tone::Warn, 0, 0, &words.title);
    for line in lines {
        page.paragraph(Tone::Plain, 2, 2, &line);
    }
    strange::write(page, &report.strange, &report.words, look);
}

/// What was not read, and what lists did not say; without `names_all` some single mails stand for all.
pub(super) fn lines(report: &Report<'_>, names_all: bool) -> Vec<String> {
    let words = &report.words.unseen;
    let (whole, single): (Vec<_>, Vec<_>) = report.gaps.iter().partition(|gap| match gap.at {
        Place::Account(_) | Place::Folder { .. } => true,
        Place::Message(_) | Place::Path(_) => false,
    });
    let named = if names_all { single.len() } else { NAMED };
    let mut lines: Vec<String> = whole
        .iter()
        .chain(single.iter().take(named))
        .map(|gap| in_words(gap, words))
        .collect();
    if single.len() > named {
        lines.push(words.more.of(single.len() - named));
    }
    let phrases = &report.words.phrases;
    lines.extend(
        report
            .warnings
            .iter()
            .map(|warning| phrases.said(warning).into_owned()),
    );
    lines.extend(Unanswered::of(report).lines(words));
    lines
}

/// What is missing, and why; the reason is as it was found.
fn in_words(gap: &Gap, words: &Unseen) -> String {
    let at = match &gap.at {
        Place::Account(account) => fill(&words.account, &[("account", account)]),
        Place::Folder { account, folder } => fill(&words.folder, &[("account", account), ("folder", folder)]),
        Place::Message(source) => source.to_string(),
        Place::Path(path) => path.display().to_string(),
    };
    fill(&words.gap, &[("at", &at), ("why", &gap.why)])
}

/// What zones did not say of the addresses in the report: how many questions of each zone. An error that stands for the
/// catalogue's knowledge alone (a list without test entries) is told at the address, not here.
#[derive(Default)]
pub(super) struct Unanswered<'a> {
    pub(super) refused: BTreeMap<&'a Zone, usize>,
    pub(super) timeout: BTreeMap<&'a Zone, usize>,
    pub(super) dead: BTreeMap<&'a Zone, usize>,
}

impl<'a> Unanswered<'a> {
    pub(super) fn of(report: &Report<'a>) -> Self {
        let mut unanswered = Self::default();
        for listing in report.listings() {
            let counts = match listing.answer {
                Answer::Refused(_) => &mut unanswered.refused,
                Answer::Timeout => &mut unanswered.timeout,
                Answer::ZoneDead(_) => &mut unanswered.dead,
                Answer::Listed(_) | Answer::NotListed | Answer::Error(_) => continue,
            };
            *counts.entry(&listing.zone).or_default() += 1;
        }
        unanswered
    }

    /// A line for each zone.
    fn lines(&self, words: &Unseen) -> Vec<String> {
        [
            (&self.refused, &words.refused),
            (&self.timeout, &words.timeout),
            (&self.dead, &words.dead),
        ]
        .into_iter()
        .flat_map(|(counts, text)| counts.iter().map(|(zone, n)| text.with(*n, &[("zone", zone)])))
        .collect()
    }
}
