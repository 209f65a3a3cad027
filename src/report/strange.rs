//! Mails that look like bounces and could not be understood, by shape: how many, which for example, how to send one.

use std::collections::BTreeMap;
use std::iter;

use serde::{Deserialize, Serialize};

use crate::event::{NotUnderstood, Shape, Sign, Source};
use crate::report::layout::{Page, Tone};
use crate::report::table::Look;
use crate::report::words::{Counted, Join, Words, fill};

/// `[unseen.strange]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StrangeWords {
    pub(super) mails: Counted,
    hint: String,
    pub(super) named: String,
    alike: Counted,
    null_sender: String,
    daemon: String,
    report: String,
    failed_recipients: String,
    no_shape: String,
    from: String,
    subject: String,
    mailer: String,
    parts: String,
    example: String,
    pub(super) sample: String,
}

/// Mails that look alike.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alike<'a> {
    /// What they look like; `None` for those of which an earlier version kept the place alone.
    pub shape: Option<&'a Shape>,
    /// How many they are.
    pub mails: usize,
    /// Where the newest lies.
    pub example: &'a Source,
}

impl Alike<'_> {
    /// How many they are and what they look like, in lines.
    pub(super) fn told(&self, words: &StrangeWords, join: &Join) -> Vec<String> {
        let lines = match self.shape {
            Some(shape) => lines(shape, words, join),
            None => vec![words.no_shape.clone()],
        };
        let example = fill(&words.example, &[("source", self.example)]);
        let mut lines: Vec<String> = lines.into_iter().chain([example]).collect();
        if let Some(first) = lines.first_mut() {
            *first = words.alike.with(self.mails, &[("what", first)]);
        }
        lines
    }
}

/// The mails by shape, the most first. `mails` is in the order of time.
pub(super) fn by_shape(mails: &[NotUnderstood]) -> Vec<Alike<'_>> {
    let mut shapes: BTreeMap<Option<&Shape>, Alike<'_>> = BTreeMap::new();
    for mail in mails {
        let shape = mail.shape.as_ref();
        let alike = shapes.entry(shape).or_insert(Alike {
            shape,
            mails: 0,
            example: &mail.source,
        });
        alike.mails += 1;
        alike.example = &mail.source;
    }
    let mut shapes: Vec<_> = shapes.into_values().collect();
    shapes.sort_by_key(|alike| std::cmp::Reverse(alike.mails));
    shapes
}

/// How many mails they are; with `-v` each shape and what to do. Nothing where every mail was understood.
pub(super) fn write(page: &mut Page, strange: &[Alike<'_>], words: &Words, look: Look) {
    let (join, words) = (&words.join, &words.unseen.strange);
    let mails: usize = strange.iter().map(|alike| alike.mails).sum();
    if mails == 0 {
        return;
    }
    let hint = if look.verbose { &words.named } else { &words.hint };
    let text = words.mails.with(mails, &[("hint", hint)]);
    page.paragraph(Tone::Plain, 2, 2, &text);
    if !look.verbose {
        return;
    }
    for alike in strange {
        for (line, indent) in alike
            .told(words, join)
            .iter()
            .zip([4].into_iter().chain(iter::repeat(6)))
        {
            page.paragraph(Tone::Plain, indent, 2, line);
        }
    }
    page.paragraph(Tone::Plain, 2, 2, &words.sample);
}

fn lines(shape: &Shape, words: &StrangeWords, join: &Join) -> Vec<String> {
    let sign = |sign: &Sign| match sign {
        Sign::NullSender => words.null_sender.as_str(),
        Sign::Daemon => words.daemon.as_str(),
        Sign::Report => words.report.as_str(),
        Sign::FailedRecipients => words.failed_recipients.as_str(),
    };
    let signs: Vec<_> = shape.signs.iter().map(sign).collect();
    let said = [
        (&words.from, shape.from.as_ref()),
        (&words.subject, shape.subject.as_ref()),
        (&words.mailer, shape.mailer.as_ref()),
        (&words.parts, Some(&shape.parts)),
    ];
    let said = said
        .into_iter()
        .filter_map(|(text, value)| Some(fill(text, &[("value", value?)])));
    [signs.join(&join.list)].into_iter().chain(said).collect()
}
