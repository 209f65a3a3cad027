//! The days that the timeline shows, and where they are named.

use chrono::{Datelike, NaiveDate, TimeDelta};

use crate::report::html::timeline::lane::Lane;
use crate::report::{Report, days};

const DAY: i64 = 24 * 60 * 60;
/// Without `--since` no more days are drawn, however old a mail says that it is.
const MOST_DAYS: i64 = 400;
/// Without `--since` what happened before so many quiet days is another story.
const PAUSE_DAYS: i64 = 92;
/// With `--since` so many quiet days are drawn before the first thing that happened.
const QUIET_DAYS: i64 = 31;
/// Places along the axis at which mails are drawn; more days share one.
const PLACES: i64 = 45;

/// The time that is drawn, in seconds since 1970, and its named days.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Axis {
    pub(super) from: i64,
    pub(super) to: i64,
    /// When the report was made, where that is within.
    pub(super) now: Option<i64>,
    /// The days that have a line, oldest first.
    pub(super) ticks: Vec<Tick>,
    /// Whether each day has a line.
    pub(super) is_daily: bool,
}

/// The beginning of a day.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tick {
    pub(super) at: i64,
    pub(super) label: String,
}

impl Axis {
    /// From the first thing that happened, or the beginning of the window, to the end of the day of the report or of the
    /// last late bounce that the window waits for.
    pub(super) fn of(report: &Report<'_>, lanes: &[Lane]) -> Option<Self> {
        let clock = report.clock;
        let now = report.now.timestamp();
        let since = report.window.since.map(|since| since.timestamp());
        let end = report.window.late_until().map(|until| until.timestamp());
        let end = end.map_or(now, |until| now.min(until - 1));
        let moments = lanes.iter().flat_map(Lane::moments);
        let moments: Vec<i64> = moments.filter(|at| *at <= end).collect();
        let first = match since {
            Some(since) => {
                let first = moments.into_iter().min()?.max(since);
                if first - since <= QUIET_DAYS * DAY {
                    since
                } else {
                    first
                }
            }
            None => of_the_last_story(moments)?.max(end - MOST_DAYS * DAY),
        };
        let date = |at: i64| {
            let at = chrono::DateTime::from_timestamp(at, 0)?;
            Some(clock.show(at.fixed_offset()).date_naive())
        };
        let midnight = |day: NaiveDate| Some(clock.midnight(day)?.timestamp());
        let (first, last) = (date(first)?, date(end)?);
        let (from, to) = (midnight(first)?, midnight(last.succ_opt()?)?);
        let (days, is_daily) = ticks(first, last);
        let labels = days::labels(&days, clock.show(report.now).year());
        let ticks = days.iter().zip(labels).filter_map(|(day, label)| {
            let at = midnight(*day)?;
            Some(Tick { at, label })
        });
        Some(Self {
            from,
            to,
            now: (from..to).contains(&now).then_some(now),
            ticks: ticks.collect(),
            is_daily,
        })
    }

    pub(super) fn holds(&self, at: i64) -> bool {
        (self.from..=self.to).contains(&at)
    }

    /// How much time mails share that are drawn at one place: whole days.
    pub(super) fn place(&self) -> i64 {
        let days = (self.to - self.from) / DAY;
        (days / PLACES + i64::from(days % PLACES > 0)).max(1) * DAY
    }

    /// The shortest time that can be told from none.
    pub(super) fn shortest(&self) -> i64 {
        (self.to - self.from) / 40
    }
}

/// When that began which still goes on, or came last: before it nothing happened for long.
fn of_the_last_story(mut moments: Vec<i64>) -> Option<i64> {
    moments.sort_unstable();
    let parts = moments.chunk_by(|one, next| next - one <= PAUSE_DAYS * DAY);
    parts.last()?.first().copied()
}

/// Every day, else Mondays, else the first of each month, of each quarter, of each year: as many as have room for a name.
fn ticks(first: NaiveDate, last: NaiveDate) -> (Vec<NaiveDate>, bool) {
    const MOST: usize = 15;
    let all: Vec<NaiveDate> = first
        .iter_days()
        .take_while(|day| *day <= last)
        .take(days_in(last - first) + 1)
        .collect();
    if all.len() <= MOST {
        return (all, true);
    }
    let of_week = |day: &NaiveDate| day.weekday() == chrono::Weekday::Mon;
    let of_month = |day: &NaiveDate| day.day() == 1;
    let of_quarter = |day: &NaiveDate| day.day() == 1 && day.month0().is_multiple_of(3);
    let of_year = |day: &NaiveDate| day.ordinal() == 1;
    let steps: [&dyn Fn(&NaiveDate) -> bool; 4] = [&of_week, &of_month, &of_quarter, &of_year];
    let mut ticks = Vec::new();
    for step in steps {
        ticks = all.iter().copied().filter(step).collect();
        if ticks.len() <= MOST {
            break;
        }
    }
    (ticks, false)
}

fn days_in(span: TimeDelta) -> usize {
    usize::try_from(span.num_days()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use chrono::NaiveDate;

    use crate::report::html::timeline::axis::ticks;

    fn labels(first: &str, last: &str) -> (String, bool) {
        let day = |text: &str| text.parse::<NaiveDate>().unwrap();
        let (ticks, is_daily) = ticks(day(first), day(last));
        let labels: Vec<String> = ticks.iter().map(ToString::to_string).collect();
        (labels.join(" "), is_daily)
    }

    #[test]
    fn days_become_weeks_and_months_where_they_have_no_room() {
        let (days, is_daily) = labels("2026-11-20", "2026-11-22");
        assert_eq!(
            (days.as_str(), is_daily),
            ("2026-11-20 2026-11-21 2026-11-22", true)
        );
        let (weeks, is_daily) = labels("2026-11-01", "2026-11-30");
        assert_eq!(weeks, "2026-11-02 2026-11-09 2026-11-16 2026-11-23 2026-11-30");
        assert!(!is_daily);
        let (months, _) = labels("2026-07-20", "2026-11-22");
        assert_eq!(months, "2026-08-01 2026-09-01 2026-10-01 2026-11-01");
        let (quarters, _) = labels("2025-03-01", "2026-11-22");
        assert!(quarters.starts_with("2025-04-01 2025-07-01"), "{quarters}");
        let (years, _) = labels("2018-03-01", "2026-11-22");
        assert!(years.starts_with("2019-01-01 2020-01-01"), "{years}");
    }
}
