//! The page from top to bottom.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::ledger::Recorded;
use crate::report::html::cards::Card;
use crate::report::html::{cards, day, evidence, hit, ip_name, limits, lists, state_badge, timeline};
use crate::report::rows::{Row, states};
use crate::report::summary;
use crate::report::words::fill;
use crate::report::{Report, visible};

const STYLE: &str = include_str!("style.css");
/// Nothing is loaded, and no script runs, whatever a bounce smuggles in.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
const PROGRAM: &str = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
/// Addresses that the overview names for each state.
const NAMED: usize = 12;

/// A part of the page under a heading of its own.
struct Section<'r> {
    id: &'static str,
    title: &'r str,
    content: Markup,
}

pub(super) fn page(report: &Report<'_>, rows: &[Row<'_, '_>], recorded: &[Recorded]) -> Markup {
    let words = &report.words.html;
    let date = day(report, report.now);
    let cards = cards::cards(report, rows);
    let sections = sections(report, rows, &cards, recorded);
    html! {
        (DOCTYPE)
        html lang=(report.lang.tag()) {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="robots" content="noindex";
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                title { (fill(&words.page.title, &[("date", &date)])) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header class="top" {
                    (heading(report, rows))
                    (overview(report, &cards))
                    nav class="contents" aria-label=(words.page.contents) {
                        @for Section { id, title, .. } in &sections { a href={ "#" (id) } { (title) } " " }
                    }
                }
                main {
                    @for Section { id, title, content } in &sections {
                        section id=(id) aria-labelledby={ (id) "-title" } {
                            h2 id={ (id) "-title" } { (title) }
                            (content)
                        }
                    }
                }
                footer { p { (fill(&words.page.footer, &[("program", &PROGRAM)])) } }
            }
        }
    }
}

/// The sections that have something to say.
fn sections<'r>(
    report: &'r Report<'_>,
    rows: &[Row<'_, '_>],
    cards: &[Card<'_, '_, '_>],
    recorded: &[Recorded],
) -> Vec<Section<'r>> {
    let words = &report.words.html;
    let has_entries = !rows.is_empty();
    let hit = has_entries.then(|| hit::section(report, rows));
    let lists = has_entries.then(|| lists::section(report, rows));
    let evidence = has_entries.then(|| evidence::section(report, cards, recorded));
    let all = [
        ("ips", &words.card.title, cards::section(report, cards)),
        ("timeline", &words.timeline.title, timeline::section(report, rows)),
        ("hit", &words.hit.title, hit),
        ("lists", &words.lists.title, lists),
        ("evidence", &words.evidence.title, evidence),
        ("limits", &words.limits.title, Some(limits::section(report))),
    ];
    let said = all.into_iter().filter_map(|(id, title, content)| {
        let content = content?;
        Some(Section { id, title, content })
    });
    said.collect()
}

fn heading(report: &Report<'_>, rows: &[Row<'_, '_>]) -> Markup {
    let words = &report.words.html.page;
    let looked_at = report.looked_at.join(&report.words.join.list);
    html! {
        h1 { (summary::sentence(report, rows)) }
        @if report.bounces == 0 { p { (report.words.rest.no_bounces) } }
        dl class="facts" {
            div { dt { (words.made) } dd { (summary::made_at(report)) } }
            div { dt { (words.window) } dd { (summary::of_mail(report)) } }
            @if !looked_at.is_empty() {
                div { dt { (words.looked_at) } dd { (visible(&looked_at)) } }
            }
        }
    }
}

/// The addresses by state, each a link to its card.
fn overview(report: &Report<'_>, cards: &[Card<'_, '_, '_>]) -> Markup {
    let words = &report.words.html.page;
    let of = |state| {
        let cards: Vec<_> = cards.iter().filter(|card| card.state() == Some(state)).collect();
        (state, cards)
    };
    let by_state: Vec<_> = states().into_iter().map(of).collect();
    html! {
        @if !cards.is_empty() {
            ul class="overview" aria-label=(words.by_state) {
                @for (state, cards) in by_state.iter().filter(|(_, cards)| !cards.is_empty()) {
                    li {
                        (state_badge(report, *state)) " "
                        @for card in cards.iter().take(NAMED) {
                            a class="ip" href={ "#ip-" (card.number) } { (ip_name(report, card.ip)) } " "
                        }
                        @if cards.len() > NAMED { (words.more_ips.of(cards.len() - NAMED)) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::report::html::page::STYLE;

    const TEXT: f64 = 4.5;
    const GRAPHICS: f64 = 3.0;

    /// The colours by name, in the light and in the dark.
    fn colours() -> [BTreeMap<&'static str, &'static str>; 2] {
        let (light, dark) = STYLE
            .split_once("@media screen and (prefers-color-scheme: dark)")
            .unwrap();
        [light, dark].map(|css| {
            let (_, block) = css.split_once(":root {").unwrap();
            let (block, _) = block.split_once('}').unwrap();
            let colour = |line: &'static str| {
                let (name, colour) = line.trim().strip_prefix("--")?.split_once(": ")?;
                Some((name, colour.trim_end_matches(';')))
            };
            block.lines().filter_map(colour).collect()
        })
    }

    /// WCAG 2.2, relative luminance.
    fn luminance(colour: &str) -> f64 {
        let part = |at: usize| {
            let value = f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * part(1) + 0.7152 * part(3) + 0.0722 * part(5)
    }

    fn contrast(one: &str, other: &str) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn every_text_and_mark_has_contrast_by_day_and_by_night() {
        for colours in colours() {
            assert_eq!(colours.len(), 20, "{colours:?}");
            let mut pairs = Vec::new();
            for ink in ["ink", "dim", "link"] {
                pairs.extend(["page", "card", "sunk"].map(|back| (ink, back, TEXT)));
            }
            pairs.extend([
                ("bad", "bad-back", TEXT),
                ("warn", "warn-back", TEXT),
                ("good", "good-back", TEXT),
            ]);
            for mark in ["listed", "refused", "clean", "unread", "sent", "late", "note"] {
                pairs.push((mark, "card", GRAPHICS));
            }
            for (ink, back, least) in pairs {
                let contrast = contrast(colours[ink], colours[back]);
                assert!(contrast >= least, "{ink} on {back}: {contrast:.2}");
            }
        }
    }
}
