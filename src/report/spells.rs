//! How often an entry's address was refused or listed, how long it took each time, and why it is taken to be over.

use chrono::TimeDelta;

use crate::ledger::{End, Spell, State};
use crate::report::Report;
use crate::report::group::Group;
use crate::report::rows::Row;
use crate::report::words::fill;

/// Durations that are named.
const NAMED: usize = 4;
/// From then on people count in days.
const DAYS: TimeDelta = TimeDelta::hours(48);

/// The lines below the entry; none where it happened once and goes on, or is seen to be over.
pub(super) fn lines(report: &Report<'_>, row: &Row<'_, '_>, newest: &Group<'_>) -> Vec<String> {
    let words = &report.words.spells;
    let date = |at| report.clock.show(at).format("%Y-%m-%d").to_string();
    let spells = newest.spells.as_slice();
    let mut lines = Vec::new();
    let seen = spells.iter().any(|spell| matches!(spell.end, End::Seen(_)));
    if let [first, _, ..] = spells
        && seen
    {
        let removals = spells.iter().filter(|spell| spell.end != End::Open).count();
        let removals = words.removals.of(removals);
        let counts = words.listings.with(
            spells.len(),
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
            false => format!("{counts} {}", fill(&words.took, &[("times", &took.join(", "))])),
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

/// From the first refusal or listing to the check that saw it over: `26 h`, `6 days`.
fn took(report: &Report<'_>, spell: Spell) -> Option<String> {
    let words = &report.words.spells;
    let End::Seen(over) = spell.end else {
        return None;
    };
    let time = over - spell.began_by;
    let n = if time < DAYS {
        time.num_hours().max(1)
    } else {
        time.num_days()
    };
    let text = if time < DAYS { &words.hours } else { &words.days };
    Some(fill(text, &[("n", &n)]))
}

#[cfg(test)]
mod tests {
    use crate::check::Answer;
    use crate::report::samples::{Case, again, story};
    use crate::report::table::{Look, table};

    const LOOK: Look = Look {
        width: 120,
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
