//! How often an entry's address was refused or listed, how long it took each time, and why it is taken to be over.

use chrono::{Datelike, TimeDelta};

use crate::event::Timestamp;
use crate::ledger::{End, Spell, State};
use crate::report::Report;
use crate::report::group::Group;
use crate::report::rows::Row;
use crate::report::words::fill;

/// Durations that are named.
const NAMED: usize = 4;
/// Spells that are told with their days.
const DATED: usize = 6;
/// From then on people count in days.
const DAYS: TimeDelta = TimeDelta::hours(48);

/// The lines below the entry; none where it happened once and goes on, or is seen to be over.
pub(super) fn lines(report: &Report<'_>, row: &Row<'_, '_>, newest: &Group<'_>) -> Vec<String> {
    let (words, join) = (&report.words.spells, &report.words.join);
    let date = |at| report.clock.show(at).format("%Y-%m-%d").to_string();
    let spells = newest.spells.as_slice();
    let mut lines = Vec::new();
    if let (Some((listings, removals)), [first, ..]) = (counts(spells), spells) {
        let removals = words.removals.of(removals);
        let counts = words.listings.with(
            listings,
            &[("removals", &removals), ("date", &date(first.began_by))],
        );
        let took: Vec<String> = spells
            .iter()
            .rev()
            .filter_map(|spell| took(report, *spell))
            .take(NAMED)
            .collect();
        lines.push(match took.is_empty() {
            true => counts,
            false => {
                let took = fill(&words.took, &[("times", &took.join(&join.list))]);
                counts + &join.sentences + &took
            }
        });
    }
    if let Some(Spell {
        ended_after,
        end: End::Presumed,
        ..
    }) = spells.last()
        && row.state == State::Cleared
    {
        lines.push(fill(&words.presumed, &[("date", &date(*ended_after))]));
    }
    lines
}

/// From the first refusal or listing to the check that saw it over.
fn took(report: &Report<'_>, spell: Spell) -> Option<String> {
    let End::Seen(over) = spell.end else {
        return None;
    };
    Some(duration(report, over - spell.began_by))
}

/// `26 h`, `6 days`
pub(super) fn duration(report: &Report<'_>, time: TimeDelta) -> String {
    let words = &report.words.spells;
    match time < DAYS {
        true => fill(&words.hours, &[("n", &time.num_hours().max(1))]),
        false => fill(&words.days, &[("n", &time.num_days())]),
    }
}

/// How many listings were seen and how many of them over, where it came and went.
pub(super) fn counts(spells: &[Spell]) -> Option<(usize, usize)> {
    let seen = spells.iter().any(|spell| matches!(spell.end, End::Seen(_)));
    let over = spells.iter().filter(|spell| spell.end != End::Open).count();
    (seen && spells.len() > 1).then_some((spells.len(), over))
}

/// The days of each spell, the last ones where they are many: `11-18 02:10/16:40, 11-19/11-20, since 11-21`.
pub(super) fn dates(report: &Report<'_>, row: &Row<'_, '_>, newest: &Group<'_>) -> Option<String> {
    let words = &report.words.spells;
    let spells = newest.spells.as_slice();
    let earlier = spells.len().saturating_sub(DATED);
    let mut year = report.clock.show(report.now).year();
    let mut dates: Vec<String> = (earlier > 0)
        .then(|| words.earlier.of(earlier))
        .into_iter()
        .collect();
    for spell in spells.iter().skip(earlier) {
        let mut day = |at: Timestamp| {
            let at = report.clock.show(at);
            let format = if at.year() == year { "%m-%d" } else { "%Y-%m-%d" };
            year = at.year();
            at.format(format).to_string()
        };
        let time = |at: Timestamp| report.clock.show(at).format("%H:%M");
        let began = day(spell.began_by);
        let over = match spell.end {
            End::Open => None,
            End::Seen(at) => Some(at),
            End::Presumed => Some(spell.ended_after),
        };
        let date = |at| report.clock.show(at).date_naive();
        dates.push(match over {
            None if row.state == State::Unknown => fill(&words.unclear, &[("from", &began)]),
            None => fill(&words.open, &[("from", &began)]),
            Some(over) if over == spell.began_by => began,
            Some(over) if date(over) == date(spell.began_by) => {
                let from = format!("{began} {}", time(spell.began_by));
                fill(&words.span, &[("from", &from), ("to", &time(over))])
            }
            Some(over) => fill(&words.span, &[("from", &began), ("to", &day(over))]),
        });
    }
    (!dates.is_empty()).then(|| fill(&words.dates, &[("dates", &dates.join(&report.words.join.list))]))
}

#[cfg(test)]
mod tests {
    use crate::check::Answer;
    use crate::report::samples::{Case, again, story};
    use crate::report::table::{Look, table};

    const LOOK: Look = Look {
        width: 109, // the widest with a line for each entry
        color: false,
        verbose: false,
    };

    #[test]
    fn a_listing_that_flapped_is_told_with_its_counts_and_how_long_it_took() {
        let bounce = again(
            &story("sendmail-transcript.eml"),
            "sensei@univ.example.ac.jp",
            "2026-11-18T00:00:00+00:00",
            "2026-11-18T00:00:01+00:00",
        );
        let ip = bounce.verdict.blocked_ip.unwrap().to_string();
        let listed = || Answer::Listed(vec!["127.0.0.3".parse().unwrap()]);
        let mut case = Case::of([bounce]);
        for (at, answer) in [
            ("2026-11-19T02:00:00+00:00", Answer::NotListed),
            ("2026-11-19T08:00:00+00:00", listed()),
            ("2026-11-19T09:00:00+00:00", Answer::Timeout),
            ("2026-11-21T09:00:00+00:00", Answer::NotListed),
            ("2026-11-21T23:00:00+00:00", listed()),
        ] {
            case = case.answered(&ip, "zen.spamhaus.org", answer, at);
        }
        let text = table(&case.report(), LOOK);
        let told = "3 listings, 2 removals since 2026-11-18. Earlier ones were over after 2 days, 26 h.";
        assert!(text.contains(told), "{text}");
    }

    #[test]
    fn what_nobody_can_ask_about_is_presumed_over_after_a_fortnight() {
        let at = |sent: &str| {
            again(
                &story("postfix-s3150.eml"),
                "client@portal.example.jp",
                sent,
                sent,
            )
        };
        let old = at("2026-11-07T00:00:00+00:00"); // 15 days before the report
        let text = table(&Case::of([old.clone()]).report(), LOOK);
        assert!(text.contains("cleared"), "{text}");
        assert!(
            text.contains("Presumed over: no refusal of mail sent after 2026-11-07"),
            "{text}"
        );
        let back = at("2026-11-21T20:00:00+00:00");
        let mut case = Case::of([old, back]);
        let text = table(&case.report(), LOOK);
        assert!(text.contains("relisted") && !text.contains("listings"), "{text}");
        case.history.bounces[0].recorded_at = case.history.bounces[1].recorded_at;
        let text = table(&case.report(), LOOK);
        assert!(
            text.contains("ongoing") && !text.contains("Presumed"),
            "read at once:\n{text}"
        );
    }
}
