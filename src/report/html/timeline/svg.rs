//! Draws the timeline: one picture for as many rows as fit a printed page.

use maud::{Markup, html};

use crate::report::Report;
use crate::report::html::timeline::Timeline;
use crate::report::html::timeline::axis::Axis;
use crate::report::html::timeline::lane::{Bar, Kind, Lane};
use crate::report::html::{day, ip_name};
use crate::report::layout::cells;
use crate::report::safe::visible;
use crate::report::words::fill;

/// Rows of one picture: so many fit a page of A4.
const LANES: usize = 18;
const WIDTH: f64 = 960.0;
/// Above the rows stand the days.
const TOP: f64 = 30.0;
const LANE: f64 = 46.0;
/// Room beside the first and the last moment, so that no dot is cut.
const EDGE: f64 = 9.0;
/// The middle of the bars and of the dots of a row.
const BARS: f64 = 15.0;
const DOTS: f64 = 34.0;
const HALF_BAR: f64 = 6.0;
/// A cell of the address (in a fixed-width font) and of the name below it.
const IP_CELL: f64 = 7.3;
const NAME_CELL: f64 = 6.9;
const MOST_NAME_CELLS: usize = 40;
/// A place that is at least so wide has room for the number of its mails.
const ROOM_FOR_NUMBER: f64 = 24.0;
/// What is shorter is drawn as long as this.
const SEEN: f64 = 5.0;
/// The newest bars of a row, which are told to those who don't see it.
const BARS_IN_WORDS: usize = 6;
/// Up to so many dots say how many mails they are when pointed at.
const TOLD_DOTS: usize = 400;

/// Where a time lies in the picture.
struct Scale<'a> {
    axis: &'a Axis,
    label: f64,
    plot: f64,
}

impl Scale<'_> {
    /// From the edge of the plot.
    fn x(&self, at: i64) -> f64 {
        EDGE + self.length(at - self.axis.from)
    }

    fn length(&self, seconds: i64) -> f64 {
        self.plot * seconds as f64 / (self.axis.to - self.axis.from).max(1) as f64
    }
}

pub(super) fn drawing(report: &Report<'_>, timeline: &Timeline) -> Markup {
    let widest = timeline.lanes.iter().map(|lane| {
        let ip = cells(&ip_name(report, lane.ip)) as f64 * IP_CELL;
        ip.max(cells(&name(lane)) as f64 * NAME_CELL)
    });
    let label = widest.fold(90.0, f64::max) + 10.0;
    let scale = Scale {
        axis: &timeline.axis,
        label,
        plot: WIDTH - label - 2.0 * EDGE,
    };
    let tells_dots = timeline.lanes.iter().map(|lane| lane.dots.len()).sum::<usize>() <= TOLD_DOTS;
    html! {
        div class="scroll" role="region" aria-labelledby="timeline-title" tabindex="0" {
            (hatching())
            @for (number, lanes) in timeline.lanes.chunks(LANES).enumerate() {
                (picture(report, &scale, number + 1, lanes, tells_dots))
            }
        }
    }
}

/// Defined once, and used by all pictures and the legend.
fn hatching() -> Markup {
    html! {
        svg class="defs" width="0" height="0" aria-hidden="true" {
            defs {
                pattern id="hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect class="hatch-gap" width="6" height="6" {}
                    rect class="hatch-line" width="3" height="6" {}
                }
            }
        }
    }
}

fn picture(
    report: &Report<'_>,
    scale: &Scale<'_>,
    number: usize,
    lanes: &[Lane],
    tells_dots: bool,
) -> Markup {
    let height = TOP + LANE * lanes.len() as f64 + 4.0;
    let (title, desc) = (format!("timeline-{number}"), format!("timeline-{number}-rows"));
    let in_words: Vec<String> = lanes.iter().map(|lane| in_words(report, lane)).collect();
    html! {
        svg class="rows" viewBox={ "0 0 " (n(WIDTH)) " " (n(height)) } role="img"
            aria-labelledby={ (title) " " (desc) } {
            title id=(title) { (of_days(report, scale.axis)) }
            desc id=(desc) { (in_words.join(&report.words.join.sentences)) }
            (days(scale, height))
            @for (row, lane) in lanes.iter().enumerate() {
                (labels(report, lane, TOP + LANE * row as f64))
            }
            svg x=(n(scale.label)) y=(n(TOP)) width=(n(scale.plot + 2.0 * EDGE)) height=(n(height - TOP)) {
                @for (row, lane) in lanes.iter().enumerate() {
                    (shapes(report, scale, lane, LANE * row as f64, tells_dots))
                }
            }
        }
    }
}

fn of_days(report: &Report<'_>, axis: &Axis) -> String {
    let [from, to] = [axis.from, axis.to - 1].map(|at| on_day(report, at));
    fill(
        &report.words.html.timeline.drawing,
        &[("from", &from), ("to", &to)],
    )
}

fn on_day(report: &Report<'_>, at: i64) -> String {
    let time = chrono::DateTime::from_timestamp(at, 0);
    time.map(|time| day(report, time.fixed_offset()))
        .unwrap_or_default()
}

/// The row for those who don't see it.
fn in_words(report: &Report<'_>, lane: &Lane) -> String {
    let words = &report.words.html.timeline;
    let earlier = lane.bars.len().saturating_sub(BARS_IN_WORDS);
    let bars = lane.bars.iter().skip(earlier).map(|bar| {
        let text = match bar.kind {
            Kind::Listed => &words.listed,
            Kind::Refused => &words.refused,
        };
        let [from, to] = [bar.from, bar.to].map(|at| on_day(report, at));
        fill(text, &[("from", &from), ("to", &to)])
    });
    let earlier = (earlier > 0).then(|| words.earlier.of(earlier));
    let mails = words.mails.of(lane.mails);
    let what: Vec<String> = earlier.into_iter().chain(bars).chain([mails]).collect();
    let ip = ip_name(report, lane.ip);
    let what = what.join(&report.words.join.list);
    fill(&words.lane, &[("ip", &ip), ("by", &name(lane)), ("what", &what)])
}

/// A line at the beginning of each named day, and one for the time of the report.
fn days(scale: &Scale<'_>, height: f64) -> Markup {
    let x = |at| scale.label + scale.x(at);
    let day = scale.length(24 * 60 * 60);
    let mut end = 0.0;
    // A label with a year can be longer than a month; the next one then gives way.
    let mut has_room = |at: f64, label: &str| {
        let fits = at >= end;
        end = if fits {
            at + cells(label) as f64 * NAME_CELL + 4.0
        } else {
            end
        };
        fits
    };
    html! {
        @for tick in &scale.axis.ticks {
            @let at = x(tick.at);
            line class="tick" x1=(n(at)) y1="22" x2=(n(at)) y2=(n(height)) {}
            @if scale.axis.is_daily {
                text class="day" text-anchor="middle" x=(n(at + day / 2.0)) y="16" { (tick.label) }
            } @else if has_room(at, &tick.label) {
                text class="day" x=(n(at)) y="16" { (tick.label) }
            }
        }
        @if let Some(now) = scale.axis.now {
            line class="now" x1=(n(x(now))) y1="22" x2=(n(x(now))) y2=(n(height)) {}
        }
    }
}

fn labels(report: &Report<'_>, lane: &Lane, top: f64) -> Markup {
    html! {
        line class="tick" x1="0" y1=(n(top)) x2=(n(WIDTH)) y2=(n(top)) {}
        text class="ip" x="0" y=(n(top + 19.0)) { (ip_name(report, lane.ip)) }
        text class="by" x="0" y=(n(top + 36.0)) { (name(lane)) }
    }
}

/// A receiver's name can be as long as a stranger likes; its row has only so much room.
fn name(lane: &Lane) -> String {
    let by = visible(&lane.by);
    if cells(&by) <= MOST_NAME_CELLS {
        return by.into_owned();
    }
    let mut cut = String::new();
    for c in by.chars() {
        if cells(&cut) + 4 > MOST_NAME_CELLS {
            break;
        }
        cut.push(c);
    }
    cut + ".."
}

fn shapes(report: &Report<'_>, scale: &Scale<'_>, lane: &Lane, top: f64, tells_dots: bool) -> Markup {
    let words = &report.words.html.timeline;
    let (bars, dots) = (top + BARS, top + DOTS);
    let place = scale.length(scale.axis.place());
    let (wide, widest) = (place >= ROOM_FOR_NUMBER, (place * 0.6).max(3.4));
    let of = |kind| outlines(scale, lane.bars.iter().filter(|bar| bar.kind == kind), bars);
    let outlines = [
        ("listed", None, of(Kind::Listed)),
        ("refused", Some("url(#hatch)"), of(Kind::Refused)),
    ];
    let late = curves(scale, lane, dots);
    html! {
        @for (class, fill, (slopes, _)) in &outlines {
            @if !slopes.is_empty() { path class={ (class) " slope" } fill=[*fill] d=(slopes) {} }
        }
        (line("clean", &stretches(scale, &lane.clean, bars, SEEN)))
        @for (class, fill, (_, bodies)) in &outlines {
            @if !bodies.is_empty() { path class=(class) fill=[*fill] d=(bodies) {} }
        }
        (line("unread", &stretches(scale, &lane.unread, bars, 0.0)))
        (line("late", &late.0))
        (line("bounce", &late.1))
        (line("bounce-hole", &late.1))
        @for dot in &lane.dots {
            @let (x, r) = (scale.x(dot.at), radius(dot.mails).min(widest));
            circle class="sent" cx=(n(x)) cy=(n(dots)) r=(n(r)) {
                @if tells_dots {
                    title { (words.dot.with(dot.mails, &[("day", &on_day(report, dot.at))])) }
                }
            }
            @if wide && dot.mails > 1 {
                text class="number" x=(n(x + r + 2.5)) y=(n(dots + 1.0)) { (dot.mails) }
            }
        }
        @for (at, note) in &lane.notes {
            @let x = scale.x(*at);
            path class="note" d={ "M" (n(x - 5.0)) " " (n(top + 1.0)) "h10l-5 8z" } {
                title { (visible(note)) }
            }
        }
    }
}

fn line(class: &str, path: &str) -> Markup {
    html! { @if !path.is_empty() { path class=(class) d=(path) {} } }
}

fn stretches(scale: &Scale<'_>, stretches: &[(i64, i64)], y: f64, shortest: f64) -> String {
    let mut path = String::new();
    for (from, to) in stretches {
        let (from, to) = (scale.x(*from), scale.x(*to));
        let missing = (shortest - (to - from)).max(0.0) / 2.0;
        path += &format!("M{} {}H{}", n(from - missing), n(y), n(to + missing));
    }
    path
}

/// The slopes at both ends of the bars, and the bars; one that is too short to be seen is a little longer.
fn outlines<'b>(scale: &Scale<'_>, bars: impl Iterator<Item = &'b Bar>, y: f64) -> (String, String) {
    let (mut slopes, mut bodies) = (String::new(), String::new());
    let (top, bottom) = (n(y - HALF_BAR), n(y + HALF_BAR));
    for bar in bars {
        let [rises, mut from, mut to, falls] = [bar.rises, bar.from, bar.to, bar.falls].map(|at| scale.x(at));
        let missing = (SEEN - (to - from)).max(0.0) / 2.0;
        (from, to) = (from - missing, to + missing);
        let middle = n(y);
        if rises < from {
            slopes += &format!("M{} {middle}L{} {top}V{bottom}Z", n(rises), n(from));
        }
        if falls > to {
            slopes += &format!("M{} {middle}L{} {top}V{bottom}Z", n(falls), n(to));
        }
        bodies += &format!("M{} {top}H{}V{bottom}H{}Z", n(from), n(to), n(from));
    }
    (slopes, bodies)
}

/// From each mail to its late bounce, and the places of the bounces.
fn curves(scale: &Scale<'_>, lane: &Lane, y: f64) -> (String, String) {
    let (mut curves, mut bounces) = (String::new(), String::new());
    for late in &lane.late {
        let (from, to) = (scale.x(late.sent), scale.x(late.bounced));
        let (third, low) = ((to - from) / 4.0, n(y + 13.0));
        let [one, other, from, to, y, below] = [from + third, to - third, from, to, y, y + 3.0].map(n);
        curves += &format!("M{from} {below}C{one} {low} {other} {low} {to} {below}");
        bounces += &format!("M{to} {y}h0");
    }
    (curves, bounces)
}

fn radius(mails: usize) -> f64 {
    (3.4 + 1.1 * (mails.max(1) as f64).log2()).min(8.5)
}

/// With one decimal, where it is not zero: a picture has thousands of them.
fn n(value: f64) -> String {
    let text = format!("{value:.1}");
    match text.strip_suffix(".0") {
        Some(whole) => whole.to_owned(),
        None => text,
    }
}
