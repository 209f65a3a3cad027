//! Dates of mails (RFC 5322 §3.3), with the odd ones that are plain all the same.
//!
//! mail-parser reads dates too, but takes a missing zone for UTC: a time would be invented.

use chrono::{FixedOffset, NaiveDate, NaiveTime, TimeZone};

use crate::event::Timestamp;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// Zone names of RFC 5322 §4.3 in minutes east of Greenwich, and those that mean one zone wherever they are written.
const ZONES: [(&str, i32); 15] = [
    ("ut", 0),
    ("utc", 0),
    ("gmt", 0),
    ("z", 0),
    ("edt", -240),
    ("est", -300),
    ("cdt", -300),
    ("cst", -360),
    ("mdt", -360),
    ("mst", -420),
    ("pdt", -420),
    ("pst", -480),
    ("jst", 540),
    ("cet", 60),
    ("cest", 120),
];

/// Reads `Fri, 19 Oct 2018 16:36:24 +0900 (JST)`, `31 Jan 2023 05:10:00 -0000`, `Thu Apr 29 23:34:45 JST 1999`
/// (ctime, as old sendmail writes it) or `2023-01-31T05:10:00Z`. `None` where the zone is missing.
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim();
    if let Ok(time) = chrono::DateTime::parse_from_rfc3339(text) {
        return Some(time);
    }
    let mut parts = Parts::default();
    for token in text
        .split(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')'))
        .filter(|token| !token.is_empty())
        .take(16)
    {
        parts.take(token);
    }
    let date = NaiveDate::from_ymd_opt(year(parts.year?)?, parts.month?, parts.day?)?;
    let offset = FixedOffset::east_opt(parts.offset? * 60)?;
    offset.from_local_datetime(&date.and_time(parts.time?)).single()
}

#[derive(Default)]
struct Parts<'a> {
    day: Option<u32>,
    month: Option<u32>,
    year: Option<&'a str>,
    time: Option<NaiveTime>,
    offset: Option<i32>,
}

impl<'a> Parts<'a> {
    /// Each token says by its form and place what it is; the first of a kind counts, so that a comment changes nothing.
    fn take(&mut self, token: &'a str) {
        if token.contains(':') && self.time.is_none() {
            self.time = time(token);
        } else if token.starts_with(['+', '-']) {
            self.offset = self.offset.or_else(|| numeric_zone(token));
        } else if token.bytes().all(|byte| byte.is_ascii_digit()) {
            if self.day.is_none() {
                self.day = token.parse().ok();
            } else if self.year.is_none() && self.month.is_some() {
                self.year = Some(token);
            }
        } else if let (None, Some(month)) = (self.month, month(token)) {
            self.month = Some(month);
        } else if let Some((day, rest)) = token.split_once('-') {
            // `14-Nov-2022`, as IMAP and some gateways write it
            self.take(day);
            rest.split('-').take(2).for_each(|part| self.take(part));
        } else if self.time.is_some() {
            self.offset = self.offset.or_else(|| named_zone(token));
        }
    }
}

fn month(token: &str) -> Option<u32> {
    let short = token.get(..3)?.to_ascii_lowercase();
    let at = MONTHS.iter().position(|month| *month == short)?;
    u32::try_from(at + 1).ok()
}

/// Two digits as RFC 5322 §4.3 has it.
fn year(text: &str) -> Option<i32> {
    let year: i32 = text.parse().ok()?;
    match text.len() {
        2 if year < 50 => Some(2000 + year),
        2 | 3 => Some(1900 + year),
        4 => Some(year),
        _ => None,
    }
}

fn time(token: &str) -> Option<NaiveTime> {
    let token = token.split_once('.').map_or(token, |(whole, _)| whole);
    let mut numbers = token.split(':').map(|part| part.parse::<u32>().ok());
    let (hour, minute) = (numbers.next()??, numbers.next()??);
    let second = numbers.next().unwrap_or(Some(0))?;
    NaiveTime::from_hms_opt(hour, minute, second.min(59))
}

/// `+0900`, `-0000` (RFC 5322 §3.3: UTC, the place unknown), `+09:00`.
fn numeric_zone(token: &str) -> Option<i32> {
    let digits: String = token.chars().filter(char::is_ascii_digit).collect();
    let number: i32 = (digits.len() == 4).then(|| digits.parse().ok())??;
    let minutes = number / 100 * 60 + number % 100;
    (minutes < 24 * 60).then_some(if token.starts_with('-') { -minutes } else { minutes })
}

fn named_zone(token: &str) -> Option<i32> {
    if let Some((name, _)) = token.split_once(['+', '-'])
        && (name.eq_ignore_ascii_case("gmt") || name.eq_ignore_ascii_case("utc"))
    {
        return numeric_zone(token.get(name.len()..)?);
    }
    ZONES
        .iter()
        .find(|(name, _)| token.eq_ignore_ascii_case(name))
        .map(|(_, minutes)| *minutes)
}

#[cfg(test)]
mod tests {
    use crate::bounce::date::read;

    #[test]
    fn a_date_is_read_where_it_has_one_meaning() {
        for (text, want) in [
            (
                "Fri, 19 Oct 2018 16:36:24 +0900 (JST)",
                "2018-10-19T16:36:24+09:00",
            ),
            ("31 Jan 2023 05:10:00 -0000", "2023-01-31T05:10:00+00:00"),
            (
                "Thu,  1 Jul 2014 23:45:01 +0900 (JST)",
                "2014-07-01T23:45:01+09:00",
            ),
            ("Thu Apr 29 23:34:45 JST 1999", "1999-04-29T23:34:45+09:00"),
            ("Thu, 29 Apr 99 23:34:45 (JST)", "1999-04-29T23:34:45+09:00"),
            (
                "Mon, 15 Jul 2013 13:16:38 -0700 (PDT)",
                "2013-07-15T13:16:38-07:00",
            ),
            ("14-Nov-2022 11:00 GMT+0900", "2022-11-14T11:00:00+09:00"),
        ] {
            assert_eq!(
                read(text).map(|time| time.to_rfc3339()).as_deref(),
                Some(want),
                "{text}"
            );
        }
    }

    #[test]
    fn a_missing_zone_is_not_taken_for_utc() {
        for text in [
            "Fri, 19 Oct 2018 16:36:24",
            "2022年11月14日 11:00",
            "",
            "yesterday",
            "32 Jan 2020 10:00:00 +0000",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
