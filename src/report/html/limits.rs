//! What the report cannot know, and what it only counts.

use maud::{Markup, html};

use crate::report::html::table::{Column, table};
use crate::report::{Report, summary, unseen, visible};

pub(super) fn section(report: &Report<'_>) -> Markup {
    let words = &report.words.html.limits;
    let rest = summary::rest(report);
    html! {
        ul {
            li { (words.silence) }
            @if !report.history.listings.is_empty() { li { (words.between_checks) } }
        }
        (unseen(report))
        @if !rest.is_empty() {
            h3 { (words.not_counted) }
            ul { @for line in rest { li { (line) } } }
        }
        @if let Some(others) = others(report) { (others) }
    }
}

/// What was not read or not understood, and which lists did not answer.
fn unseen(report: &Report<'_>) -> Markup {
    let words = &report.words.unseen;
    let lines = unseen::lines(report, false);
    let mails: usize = report.strange.iter().map(|alike| alike.mails).sum();
    html! {
        @if !lines.is_empty() || mails > 0 {
            h3 { (words.title) }
            ul {
                @for line in lines { li { (visible(&line)) } }
                @if mails > 0 {
                    li {
                        (words.strange.mails.with(mails, &[("hint", &words.strange.named)]))
                        ul {
                            @for alike in &report.strange {
                                li {
                                    @for line in alike.told(&words.strange, &report.words.join) {
                                        span class="line" { (line) } " "
                                    }
                                }
                            }
                        }
                        p { (words.strange.sample) }
                    }
                }
            }
        }
    }
}

/// With `--all-reasons`: what no block caused, by receiving domain.
fn others(report: &Report<'_>) -> Option<Markup> {
    let groups: Vec<_> = report.groups.iter().filter(|group| !group.is_block()).collect();
    if groups.is_empty() {
        return None;
    }
    let words = &report.words;
    let columns = [
        Column::Text(&words.html.hit.domain),
        Column::Number(&words.html.hit.mails),
        Column::Text(&words.column.reasons),
    ];
    let body = html! {
        tbody {
            @for group in groups {
                @let reasons = group.reasons.iter().map(|reason| words.reasons.of(*reason));
                tr {
                    th scope="row" { (visible(group.receiving_domain.as_str())) }
                    td class="n" { (group.messages.len()) }
                    td { (reasons.collect::<Vec<_>>().join(&words.join.list)) }
                }
            }
        }
    };
    Some(table("others", &words.rest.others, &columns, &body))
}
