//! Whether a group has changed since the report before, for `--new`: cron says nothing until one has.

use chrono::TimeDelta;

use crate::event::Timestamp;
use crate::ledger::{Bounce, Course, Observed, State, state};
use crate::report::group::refusals;
use crate::report::late::is_late;

/// A pause in the bounces after which further ones are news.
const PAUSE: TimeDelta = TimeDelta::hours(24);

/// Whether a group was seen first, stands otherwise, or has bounces that came late or after a pause, since `before`.
/// `observed` is how it is now.
pub(super) fn is_news(bounces: &[&Bounce], now: State, observed: &Observed<'_>, before: Timestamp) -> bool {
    let (old, new): (Vec<&Bounce>, Vec<&Bounce>) = bounces
        .iter()
        .copied()
        .partition(|bounce| bounce.recorded_at <= before);
    if old.is_empty() || new.iter().any(|bounce| is_late(bounce)) {
        return true;
    }
    let times = |bounces: &[&Bounce]| -> Vec<Timestamp> {
        let came = |bounce: &&Bounce| bounce.times.bounced_at.or(bounce.times.sent_at);
        bounces.iter().filter_map(came).collect()
    };
    let pause = times(&new)
        .into_iter()
        .min()
        .zip(times(&old).into_iter().max())
        .map(|(first, last)| first - last);
    pause.is_some_and(|pause| pause > PAUSE) || stands(then(&old, observed, before)) != stands(now)
}

/// The state at an earlier time, going by what had been seen by then.
fn then(old: &[&Bounce], observed: &Observed<'_>, before: Timestamp) -> State {
    let refusals = refusals(old);
    let listings: Vec<_> = observed
        .listings
        .iter()
        .filter(|listing| listing.checked_at <= before)
        .cloned()
        .collect();
    state(&Course::of(Observed {
        refusals: &refusals,
        listings: &listings,
        last_report: None,
        now: before,
        ..*observed
    }))
}

/// What of a state is news: that nothing new is known of a block is none.
fn stands(state: State) -> State {
    match state {
        State::New | State::Ongoing | State::Unknown => State::Ongoing,
        State::Relisted | State::Cleared | State::ReceiverFault => state,
    }
}

#[cfg(test)]
mod tests {
    use crate::check::Answer;
    use crate::event::Event;
    use crate::report::samples::{self, Case, again, story};

    /// A bounce that came at once, on this hour of 20 to 22 November.
    fn bounce(at: &str) -> Event {
        let at = format!("2026-11-{at}:00:00+00:00");
        again(
            &story("sendmail-transcript.eml"),
            "sensei@univ.example.ac.jp",
            &at,
            &at,
        )
    }

    /// Whether a report is silent whose predecessor was made on the 21st at noon.
    fn is_silent(events: impl IntoIterator<Item = Event>, answers: &[(&str, Answer)]) -> bool {
        let mut case = Case::of(events);
        let ip = case.history.bounces[0].verdict.blocked_ip.unwrap().to_string();
        for (at, answer) in answers {
            let at = format!("2026-11-{at}:00:00+00:00");
            case = case.answered(&ip, "zen.spamhaus.org", answer.clone(), &at);
        }
        case.history.last_report = Some(samples::at("2026-11-21T12:00:00+00:00"));
        case.settings.new = Some(String::new());
        let report = case.report();
        assert_eq!(report.groups.is_empty(), report.is_silent());
        report.is_silent()
    }

    #[test]
    fn what_goes_on_as_it_did_is_no_news() {
        let listed = || Answer::Listed(vec!["127.0.0.3".parse().unwrap()]);
        let old = || bounce("21T09");
        assert!(is_silent([old()], &[]));
        assert!(is_silent([old()], &[("21T10", listed()), ("21T20", listed())]));
        assert!(is_silent(
            [old()],
            &[("21T10", listed()), ("21T20", Answer::Timeout)]
        ));
        assert!(is_silent([old(), bounce("21T18")], &[("21T10", listed())]));
    }

    #[test]
    fn a_change_a_pause_and_a_late_bounce_are_news() {
        let listed = || Answer::Listed(vec!["127.0.0.3".parse().unwrap()]);
        let old = || bounce("21T09");
        assert!(!is_silent([bounce("21T13")], &[]), "seen first");
        assert!(!is_silent([old()], &[("21T20", Answer::NotListed)]), "over");
        let turns = [("21T10", Answer::NotListed), ("21T20", listed())];
        assert!(!is_silent([old()], &turns), "back");
        assert!(
            !is_silent([bounce("20T09"), bounce("21T13")], &[]),
            "after a pause"
        );
        let mut late = bounce("21T13");
        late.times.sent_at = Some(samples::at("2026-11-16T13:00:00+00:00"));
        assert!(!is_silent([old(), late], &[]), "late");
    }

    #[test]
    fn the_first_report_of_a_name_tells_all() {
        let mut case = Case::of([bounce("20T09")]);
        case.settings.new = Some("cron".into());
        assert!(!case.report().is_silent());
        assert_eq!(case.report().groups.len(), 1);
    }
}
