//! The table of ways out, for people and for programs.

use serde::Serialize;

use crate::catalogue::{Way, WayText};
use crate::event::ListId;
use crate::report::lang::Lang;
use crate::report::layout::Tone;
use crate::report::list_words::{Doubts, Field};
use crate::report::lists::Block;

/// What `kind` says of a way out.
const WAY: &str = "way";

/// What people read of a way.
pub(super) fn text(way: &Way, lang: Lang) -> &WayText {
    match lang {
        Lang::En => &way.en,
        Lang::Ja => &way.ja,
    }
}

/// A block for a way out.
pub(super) fn block(way: &Way, lang: Lang, block: &mut Block<'_>) {
    let Doubts { words, join, .. } = block.doubts;
    let (labels, text) = (&words.way, text(way, lang));
    let lists: Vec<&str> = way
        .lists
        .iter()
        .chain(&way.parts_of)
        .map(|id| id.0.as_str())
        .collect();
    block.page.heading(&way.id, &text.by);
    block.line(Tone::Plain, Field::Kind, &labels.kind);
    for (label, text) in [
        (&labels.of, lists.join(&join.list).as_str()),
        (&labels.may_ask, &text.may_ask),
        (&labels.wants, &text.wants),
        (&labels.how_long, &text.how_long),
        (&labels.never, &text.never),
        (&labels.to, &way.to),
    ] {
        block.labelled(Tone::Plain, label, text);
    }
    block.labelled(Tone::Faint, &labels.as_of, &way.checked.to_string());
    block.line(Tone::Faint, Field::Sources, &way.sources.join(&join.facts));
}

/// The cells of the CSV, with the English texts; NDJSON has the others too.
pub(super) fn cells(way: &Way) -> [(&'static str, String); 11] {
    let row = Row::of(way);
    let lists: Vec<&str> = row.lists.iter().chain(&row.parts_of).copied().collect();
    [
        ("id", row.id.to_owned()),
        ("name", row.en.by.to_owned()),
        ("kind", row.kind.to_owned()),
        ("lists", lists.join(" ")),
        ("removal", row.to.to_owned()),
        ("who_may_ask_note", row.en.may_ask.to_owned()),
        ("needs", row.en.wants.to_owned()),
        ("takes_effect", row.en.how_long.to_owned()),
        ("harm", row.en.never.to_owned()),
        ("status_as_of", row.status_as_of),
        ("sources", row.sources.join("; ")),
    ]
}

/// A line of NDJSON.
#[derive(Serialize)]
pub(super) struct Row<'a> {
    id: &'a str,
    kind: &'static str,
    lists: Vec<&'a str>,
    /// Lists of which it is one part only.
    parts_of: Vec<&'a str>,
    to: &'a str,
    en: TextRow<'a>,
    ja: TextRow<'a>,
    status_as_of: String,
    sources: &'a [String],
}

#[derive(Serialize)]
struct TextRow<'a> {
    by: &'a str,
    may_ask: &'a str,
    wants: &'a str,
    how_long: &'a str,
    never: &'a str,
}

impl<'a> Row<'a> {
    pub(super) fn of(way: &'a Way) -> Self {
        let ids = |lists: &'a [ListId]| lists.iter().map(|id| id.0.as_str()).collect();
        Self {
            id: &way.id,
            kind: WAY,
            lists: ids(&way.lists),
            parts_of: ids(&way.parts_of),
            to: &way.to,
            en: TextRow::of(&way.en),
            ja: TextRow::of(&way.ja),
            status_as_of: way.checked.to_string(),
            sources: &way.sources,
        }
    }
}

impl<'a> TextRow<'a> {
    fn of(text: &'a WayText) -> Self {
        Self {
            by: &text.by,
            may_ask: &text.may_ask,
            wants: &text.wants,
            how_long: &text.how_long,
            never: &text.never,
        }
    }
}
