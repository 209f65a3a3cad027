//! What the marks of the timeline mean.

use maud::{Markup, html};

use crate::report::Report;
use crate::report::html::timeline::Timeline;
use crate::report::html::timeline::lane::{Bar, Kind, Lane};

/// What the marks mean; those that no row has are left out.
#[expect(clippy::too_many_lines, reason = "a table of marks")]
pub(super) fn legend(report: &Report<'_>, timeline: &Timeline) -> Markup {
    let words = &report.words.html.timeline.legend;
    let any = |is_there: &dyn Fn(&Lane) -> bool| timeline.lanes.iter().any(is_there);
    let has = |kind| any(&|lane| lane.bars.iter().any(|bar| bar.kind == kind));
    let slopes = |bar: &Bar| bar.rises < bar.from || bar.to < bar.falls;
    let body = "M1 2H33V14H1Z";
    let marks = [
        (
            has(Kind::Listed),
            html! { path class="listed" d=(body) {} },
            &words.listed,
        ),
        (
            has(Kind::Refused),
            html! { path class="refused" fill="url(#hatch)" d=(body) {} },
            &words.refused,
        ),
        (
            any(&|lane| lane.bars.iter().any(slopes)),
            html! { path class="listed slope" d="M1 8L33 2V14Z" {} },
            &words.slope,
        ),
        (
            any(&|lane| !lane.clean.is_empty()),
            html! { path class="clean" d="M3 8H31" {} },
            &words.clean,
        ),
        (
            any(&|lane| !lane.unread.is_empty()),
            html! { path class="unread" d="M4 8H32" {} },
            &words.unread,
        ),
        (
            any(&|lane| !lane.dots.is_empty()),
            html! { circle class="sent" cx="17" cy="8" r="5" {} },
            &words.sent,
        ),
        (
            any(&|lane| !lane.late.is_empty()),
            html! {
                path class="late" d="M1 5C9 14 20 14 28 8" {}
                path class="bounce" d="M28 8h0" {}
                path class="bounce-hole" d="M28 8h0" {}
            },
            &words.late,
        ),
        (
            any(&|lane| !lane.notes.is_empty()),
            html! { path class="note" d="M12 4h10l-5 8z" {} },
            &words.note,
        ),
        (
            timeline.axis.now.is_some(),
            html! { path class="now" d="M17 0V16" {} },
            &words.now,
        ),
    ];
    html! {
        ul class="legend" {
            @for (_, mark, text) in marks.iter().filter(|(is_there, _, _)| *is_there) {
                li {
                    svg width="34" height="16" viewBox="0 0 34 16" aria-hidden="true" { (mark) }
                    " " (text)
                }
            }
        }
    }
}
