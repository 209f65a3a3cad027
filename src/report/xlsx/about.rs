//! The last sheet: what the others are made of, and what they leave out.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::event::Zone;
use crate::report::Report;
use crate::report::columns::Cell;
use crate::report::settings::Clock;
use crate::report::summary::not_blocks;
use crate::report::unseen::Unanswered;
use crate::report::words::{Counted, fill};

/// What is told and what is told of it. `cut` is how many cells were cut.
pub(super) fn rows<'r>(report: &'r Report<'r>, cut: usize) -> Vec<(Cell<'r>, Cell<'r>)> {
    let mut about = About(Vec::new());
    about.run(report);
    about.window(report);
    about.unseen(report);
    about.left_out(report, cut);
    about.0
}

struct About<'r>(Vec<(Cell<'r>, Cell<'r>)>);

impl<'r> About<'r> {
    fn add(&mut self, what: &'r str, value: Cell<'r>) {
        self.0.push((Cell::Text(Cow::Borrowed(what)), value));
    }

    fn text(&mut self, what: &'r str, text: impl Into<Cow<'r, str>>) {
        self.add(what, Cell::Text(text.into()));
    }

    fn count(&mut self, what: &'r str, count: usize) {
        self.add(what, i64::try_from(count).map_or(Cell::Empty, Cell::Number));
    }

    fn run(&mut self, report: &'r Report<'_>) {
        let words = &report.words.xlsx;
        let program = concat!(env!("CARGO_PKG_NAME"), " ", env!("CARGO_PKG_VERSION"));
        self.text(&words.program, program);
        self.text(&words.command, report.command);
        self.add(&words.made_at, Cell::Time(report.now));
        let offset = report.clock.show(report.now).format("%:z");
        let zone = match report.clock {
            Clock::Local => fill(&words.local, &[("offset", &offset)]),
            Clock::Utc => words.utc.clone(),
        };
        self.text(&words.zone, zone);
        for place in report.looked_at {
            self.text(&words.looked_at, place);
        }
    }

    fn window(&mut self, report: &'r Report<'_>) {
        let words = &report.words.xlsx;
        let ends = [
            (&words.since, report.window.since),
            (&words.until, report.window.until),
            (&words.late_until, report.window.late_until()),
            (&words.news_since, report.news_since),
        ];
        for (what, time) in ends {
            if let Some(time) = time {
                self.add(what, Cell::Time(time));
            }
        }
        if report.window.since.is_none() && report.window.until.is_none() {
            self.text(&words.since, words.everything.as_str());
        }
        self.count(&words.bounces, report.bounces);
    }

    fn unseen(&mut self, report: &'r Report<'_>) {
        let words = &report.words.xlsx;
        self.count(&words.unread, report.gaps.len());
        for gap in report.gaps {
            self.text(&words.unread, gap.to_string());
        }
        for warning in report.warnings {
            self.text(&words.warning, report.words.phrases.said(warning));
        }
        let mails = report.strange.iter().map(|alike| alike.mails).sum();
        self.count(&words.not_understood, mails);
        for alike in &report.strange {
            let told = alike.told(&report.words.unseen.strange, &report.words.join);
            self.text(&words.not_understood, told.join(&report.words.join.facts));
        }
        let unanswered = Unanswered::of(report);
        let told = &report.words.unseen;
        self.zones(&words.refused, &unanswered.refused, &told.refused);
        self.zones(&words.timeout, &unanswered.timeout, &told.timeout);
        self.zones(&words.dead, &unanswered.dead, &told.dead);
    }

    fn zones(&mut self, what: &'r str, zones: &BTreeMap<&Zone, usize>, told: &Counted) {
        self.count(what, zones.len());
        for (zone, questions) in zones {
            self.text(what, told.with(*questions, &[("zone", zone)]));
        }
    }

    fn left_out(&mut self, report: &'r Report<'_>, cut: usize) {
        let words = &report.words.xlsx;
        let left_out = report.bounces.saturating_sub(report.shown.len());
        self.count(&words.left_out, left_out);
        if left_out > 0 {
            for line in not_blocks(report) {
                self.text(&words.left_out, line);
            }
        }
        self.count(&words.cut, cut);
    }
}
