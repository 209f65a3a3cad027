//! The timeline: what was asked, refused and listed when, and when the mail was sent whose bounces came.
//!
//! First what happened (`subject`), as shapes in time (`lane`, `axis`), then their drawing (`svg`, `legend`).

mod axis;
mod lane;
mod legend;
mod subject;
mod svg;

use maud::{Markup, html};

use crate::report::Report;
use crate::report::rows::Row;

use axis::Axis;
use lane::Lane;
use subject::subjects;

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
        let subjects = subjects(rows);
        let more = subjects.len().saturating_sub(MOST_LANES);
        let drawn = subjects.iter().take(MOST_LANES);
        let mut lanes: Vec<Lane> = drawn.map(|subject| subject.lane(report)).collect();
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
        p { (words.how_to_read) }
        figure {
            (svg::drawing(report, &timeline))
            figcaption { (legend::legend(report, &timeline)) }
        }
        @if timeline.more > 0 { p { (words.more_rows.of(timeline.more)) } }
        @if timeline.not_drawn > 0 { p { (words.not_drawn.of(timeline.not_drawn)) } }
    })
}

#[cfg(test)]
mod tests {
    use crate::check::Answer;
    use crate::event::ListId;
    use crate::ledger::Note;
    use crate::report::Report;
    use crate::report::html::sample::busy;
    use crate::report::html::timeline::lane::{Bar, Kind};
    use crate::report::html::timeline::{MOST_LANES, Timeline, section};
    use crate::report::rows::rows;
    use crate::report::samples::{self, Case, again, story};

    const ZONE: &str = "zen.spamhaus.org";

    fn timeline(report: &Report<'_>) -> Timeline {
        Timeline::of(report, &rows(&report.groups)).unwrap()
    }

    fn seconds(text: &str) -> i64 {
        samples::at(text).timestamp()
    }

    /// A moment of November 2026, as `18T02`.
    fn at(text: &str) -> String {
        format!("2026-11-{text}:00:00+00:00")
    }

    fn refused(sent: &str) -> crate::event::Event {
        again(
            &story("sendmail-transcript.eml"),
            "c@univ.example.ac.jp",
            &at(sent),
            &at(sent),
        )
    }

    fn listed() -> Answer {
        Answer::Listed(vec![[127, 0, 0, 3].into()])
    }

    #[test]
    fn a_flapped_listing_gives_three_bars_and_slopes_between_the_checks() {
        let mut case = Case::of([refused("15T00")]);
        let ip = case.history.bounces[0].verdict.blocked_ip.unwrap().to_string();
        for (when, answer) in [
            ("15T06", listed()),
            ("16T06", Answer::NotListed),
            ("17T06", Answer::NotListed),
            ("18T06", listed()),
            ("18T18", listed()),
            ("19T06", Answer::NotListed),
            ("20T06", listed()),
        ] {
            case = case.answered(&ip, ZONE, answer, &at(when));
        }
        let timeline = timeline(&case.report());
        let lane = &timeline.lanes[0];
        let bar = |rises: &str, from: &str, to: &str, falls: &str| Bar {
            kind: Kind::Listed,
            rises: seconds(&at(rises)),
            from: seconds(&at(from)),
            to: seconds(&at(to)),
            falls: seconds(&at(falls)),
        };
        assert_eq!(
            lane.bars,
            [
                bar("15T00", "15T00", "15T06", "16T06"),
                bar("17T06", "18T06", "18T18", "19T06"),
                bar("19T06", "20T06", "20T06", "20T06"),
            ]
        );
        let clean = |from: &str, to: &str| (seconds(&at(from)), seconds(&at(to)));
        assert_eq!(lane.clean, [clean("16T06", "17T06"), clean("19T06", "19T06")]);
        assert_eq!(lane.unread, []);
        assert_eq!((lane.dots.len(), lane.late.len()), (1, 0));
    }

    #[test]
    fn no_bar_stands_where_nobody_said_anything_for_long() {
        let mut case = Case::of([refused("01T00"), refused("02T00"), refused("20T00")]);
        let ip = case.history.bounces[0].verdict.blocked_ip.unwrap().to_string();
        case = case.answered(&ip, ZONE, listed(), &at("21T00"));
        let years_ago = again(
            &story("sendmail-transcript.eml"),
            "c@univ.example.ac.jp",
            "2023-05-01T00:00:00+00:00",
            "2023-05-01T00:00:00+00:00",
        );
        let old = Case::of([years_ago]).history.bounces.remove(0);
        case.history.bounces.insert(0, old);

        let timeline = timeline(&case.report());

        let bars: Vec<_> = timeline.lanes[0]
            .bars
            .iter()
            .map(|bar| (bar.kind, bar.from, bar.to))
            .collect();
        let bar = |kind, from: &str, to: &str| (kind, seconds(&at(from)), seconds(&at(to)));
        assert_eq!(
            bars,
            [
                bar(Kind::Refused, "01T00", "02T00"),
                bar(Kind::Listed, "20T00", "21T00")
            ]
        );
        // What was years ago is another story.
        assert_eq!(timeline.axis.from, seconds(&at("01T00")));
        assert_eq!(timeline.not_drawn, 1);
    }

    #[test]
    fn what_only_replies_say_is_no_listing_and_no_answer_is_no_clean_bill() {
        let mut case = Case::of([refused("15T00"), refused("16T12")]);
        let ip = case.history.bounces[0].verdict.blocked_ip.unwrap().to_string();
        for when in ["15T06", "16T06", "17T06"] {
            case = case.answered(&ip, ZONE, Answer::Refused(vec![]), &at(when));
        }
        let timeline = timeline(&case.report());
        let lane = &timeline.lanes[0];
        let kinds: Vec<Kind> = lane.bars.iter().map(|bar| bar.kind).collect();
        assert_eq!(kinds, [Kind::Refused]);
        assert_eq!(
            (lane.bars[0].from, lane.bars[0].to),
            (seconds(&at("15T00")), seconds(&at("16T12")))
        );
        assert_eq!(lane.unread, [(seconds(&at("15T06")), seconds(&at("17T06")))]);
        assert_eq!(lane.clean, []);
    }

    #[test]
    fn a_late_bounce_hangs_on_the_day_its_mail_was_sent() {
        let timeline = timeline(&samples::november().report());
        let lane = timeline.lanes.iter().find(|lane| lane.by == "gmo-rbl").unwrap();
        let mails: Vec<usize> = lane.dots.iter().map(|dot| dot.mails).collect();
        assert_eq!(mails, [2, 2], "by days of UTC");
        assert_eq!(lane.late[0].sent, lane.dots[0].at);
        assert!(
            lane.late
                .iter()
                .all(|late| late.bounced - late.sent > 4 * 24 * 60 * 60)
        );
        assert_eq!(timeline.not_drawn, 0);
    }

    #[test]
    fn a_mail_that_claims_to_be_of_1970_does_not_stretch_the_axis() {
        let mut old = refused("15T00");
        old.times.sent_at = Some(samples::at("1970-01-02T00:00:00+00:00"));
        let mut undated = refused("16T00");
        undated.times.sent_at = None;
        undated.original.message_id = Some("undated".into());
        let case = Case::of([old, undated, refused("17T00")]);
        let timeline = timeline(&case.report());
        let days = (timeline.axis.to - timeline.axis.from) / (24 * 60 * 60);
        assert!(days <= 402, "{days}");
        assert_eq!(timeline.not_drawn, 2);
    }

    #[test]
    fn a_note_stands_where_it_was_made() {
        let mut case = Case::of([refused("15T00")]);
        case.history.notes = vec![Note {
            ip: case.history.bounces[0].verdict.blocked_ip.unwrap(),
            remark: "asked the hosting company".parse().unwrap(),
            noted_at: samples::at(&at("16T00")),
        }];
        let timeline = timeline(&case.report());
        let notes = &timeline.lanes[0].notes;
        assert_eq!(
            notes,
            &[(seconds(&at("16T00")), "asked the hosting company".to_owned())]
        );
    }

    #[test]
    fn nothing_that_happened_is_no_timeline() {
        let case = Case::of([]);
        let report = case.report();
        assert!(section(&report, &rows(&report.groups)).is_none());
    }

    #[test]
    fn a_hundred_thousand_late_bounces_make_a_small_picture() {
        let case = busy();
        let report = case.report();
        let drawn = timeline(&report);
        assert_eq!((drawn.lanes.len(), drawn.more), (MOST_LANES, 10));
        assert_eq!(drawn.lanes[0].by, ListId("gmo-rbl".into()).to_string());
        let picture = section(&report, &rows(&report.groups)).unwrap().into_string();
        assert!(picture.len() < 300_000, "{} bytes", picture.len());
    }
}
