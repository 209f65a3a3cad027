//! The timeline: what was asked, refused and listed when, and when the mail was sent whose bounces came.
//!
//! First the shapes, in time (`lane`, `axis`), then their drawing (`svg`).

mod axis;
mod lane;
mod svg;

use maud::{Markup, html};

use crate::report::Report;
use crate::report::rows::Row;

use axis::Axis;
use lane::{Lane, lanes};

/// Rows that are drawn.
const MOST_LANES: usize = 40;

/// What is drawn.
pub(super) struct Timeline {
    axis: Axis,
    lanes: Vec<Lane>,
    /// Rows that are not drawn.
    more: usize,
    /// Bounces whose mail has no place on the axis.
    not_drawn: usize,
}

impl Timeline {
    /// `None` where nothing says when it was.
    pub(super) fn of(report: &Report<'_>, rows: &[Row<'_, '_>]) -> Option<Self> {
        let courses = lanes(rows);
        let more = courses.len().saturating_sub(MOST_LANES);
        let mut lanes: Vec<Lane> = courses
            .iter()
            .take(MOST_LANES)
            .map(|course| course.lane(report))
            .collect();
        let axis = Axis::of(report, &lanes)?;
        let not_drawn = lanes.iter_mut().map(|lane| lane.fit(&axis)).sum();
        Some(Self {
            axis,
            lanes,
            more,
            not_drawn,
        })
    }
}

/// The section of the page; `None` where there is nothing to draw.
pub(super) fn section(report: &Report<'_>, rows: &[Row<'_, '_>]) -> Option<Markup> {
    let timeline = Timeline::of(report, rows)?;
    let words = &report.words.html.timeline;
    Some(html! {
        section id="timeline" aria-labelledby="timeline-title" {
            h2 id="timeline-title" { (words.title) }
            p { (words.how_to_read) }
            figure {
                (svg::drawing(report, &timeline))
                figcaption { (svg::legend(report, &timeline)) }
            }
            @if timeline.more > 0 { p { (words.more_rows.of(timeline.more)) } }
            @if timeline.not_drawn > 0 { p { (words.not_drawn.of(timeline.not_drawn)) } }
        }
    })
}
