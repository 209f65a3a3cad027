//! Dates of mails (RFC 5322 §3.3), with the odd ones that are plain all the same.
//!
//! mail-parser reads dates too, but takes a missing zone for UTC: a time would be invented.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDate, NaiveTime, TimeDelta, TimeZone, Timelike};

use crate::event::Timestamp;

const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];

/// How months begin where a program writes them in its user's language (German, French, Spanish, Italian, Portuguese,
/// Dutch, Polish, Russian; CLDR's abbreviated and wide names), as far as English does not begin them alike.
const LOCAL_MONTHS: [&str; 12] = [
    "ene gen sty янв",
    "fév fev lut фев",
    "mär mrz mrt maa мар",
    "avr abr kwi апр",
    "mai mei mag maj май мая",
    "juin giu cze июн",
    "juil lug lip июл",
    "aoû aou ago sie авг",
    "set wrz сен",
    "okt ott out paź paz окт",
    "lis ноя",
    "dez déc dic gru дек",
];

/// The numerals of Chinese and Japanese months.
const NUMERALS: [&str; 12] = [
    "一", "二", "三", "四", "五", "六", "七", "八", "九", "十", "十一", "十二",
];

/// Zone names of RFC 5322 §4.3 in minutes east of Greenwich, and those that mean one zone wherever they are written.
const ZONES: [(&str, i32); 29] = [
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
    ("akdt", -480),
    ("akst", -540),
    ("hst", -600),
    ("jst", 540),
    ("kst", 540),
    ("hkt", 480),
    ("sgt", 480),
    ("aest", 600),
    ("aedt", 660),
    ("nzst", 720),
    ("nzdt", 780),
    ("wet", 0),
    ("west", 60),
    ("cet", 60),
    ("cest", 120),
    ("eet", 120),
    ("eest", 180),
];

/// The year of RFC 821 and 822: a date before it is that of a clock that was never set.
const FIRST_YEAR: i32 = 1982;

/// Words of a date that are looked at.
const MAX_TOKENS: usize = 24;

/// Reads `Fri, 19 Oct 2018 16:36:24 +0900 (JST)`, `31 Jan 2023 05:10:00 -0000`, `Thu Apr 29 23:34:45 JST 1999`
/// (ctime, as old sendmail writes it), `Friday, 19-Oct-18 16:36:24 GMT` (RFC 850), `2023-01-31T05:10:00Z` (RFC 3339),
/// `2018/10/19 16:36:24 +0900`, `2018年10月19日 …`. `None` where the zone is missing, and where day and month could be
/// either (`10/12/2018`).
pub(super) fn read(text: &str) -> Option<Timestamp> {
    let text = text.trim().trim_matches('"');
    let time = DateTime::parse_from_rfc3339(text)
        .ok()
        .or_else(|| in_parts(text))?;
    (FIRST_YEAR..=9999).contains(&time.year()).then_some(time)
}

fn in_parts(text: &str) -> Option<Timestamp> {
    let mut parts = Parts::default();
    let mut depth = 0_usize;
    let mut tokens = 0;
    for piece in text.split_inclusive(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')')) {
        let token = piece.trim_end_matches(|c: char| c.is_whitespace() || matches!(c, ',' | '(' | ')'));
        if !token.is_empty() {
            tokens += 1;
            parts.take(token, depth > 0);
        }
        if tokens == MAX_TOKENS {
            break;
        }
        depth = match piece.chars().next_back() {
            Some('(') => depth + 1,
            Some(')') => depth.saturating_sub(1),
            _ => depth,
        };
    }
    let date = NaiveDate::from_ymd_opt(parts.year?, parts.month?, parts.day?)?;
    let offset = FixedOffset::east_opt(parts.offset? * 60)?;
    offset.from_local_datetime(&date.and_time(parts.time?)).single()
}

#[derive(Default)]
struct Parts {
    day: Option<u32>,
    month: Option<u32>,
    year: Option<i32>,
    time: Option<NaiveTime>,
    offset: Option<i32>,
}

impl Parts {
    /// Each token says by its form and place what it is; the first of a kind counts. Of a comment only the name of a
    /// zone does (`(JST)`).
    fn take(&mut self, token: &str, comment: bool) {
        if comment {
            if self.time.is_some() {
                self.offset = self.offset.or_else(|| named_zone(token));
            }
        } else if token.contains(':') && self.time.is_none() {
            self.take_time(token);
        } else if token.starts_with(['+', '-']) {
            self.offset = self.offset.or_else(|| numeric_zone(token));
        } else if token.starts_with(|c: char| c.is_ascii_digit()) {
            self.take_number(token);
        } else if let Some(month) = month(token).filter(|_| self.month.is_none() || self.time.is_none()) {
            // Italian and Spanish have a weekday `mar`: the later name is the month's
            self.month = Some(month);
        } else if self.time.is_some() {
            self.afternoon(token);
            self.offset = self.offset.or_else(|| named_zone(token));
        }
    }

    /// `16:36`, `16:36:24.512`, `16:36:24+0900`, `07:36:24Z`, `2018-10-19T16:36:24+0900`
    fn take_time(&mut self, token: &str) {
        let token = match token.split_once('T') {
            Some((date, time)) if self.day.is_none() => {
                self.take_number(date);
                time
            }
            _ => token,
        };
        let end = token.find(['+', '-', 'Z']).unwrap_or(token.len());
        let (clock, zone) = token.split_at_checked(end).unwrap_or((token, ""));
        self.time = time(clock, ':');
        self.offset = self.offset.or_else(|| match zone {
            "Z" => Some(0),
            zone => numeric_zone(zone),
        });
    }

    /// `19`, `19.`, `2018`, `19-Oct-18`, `2018-10-19`, `2018/10/19`, `19.10.2018`, `10月`, `2018年10月19日`, `16.36.24`
    fn take_number(&mut self, token: &str) {
        if let Some(number) = token.strip_suffix('月') {
            self.month = self.month.or_else(|| number.parse().ok());
            return;
        }
        let pieces: Vec<&str> = token
            .split(['-', '/', '.', '年', '月', '日'])
            .filter(|piece| !piece.is_empty())
            .take(4)
            .collect();
        match pieces.as_slice() {
            [number] if self.day.is_none() && number.len() < 4 => self.day = number.parse().ok(),
            [number] if self.year.is_none() => self.year = year(number),
            [full, month, day] if full.len() == 4 && self.day.is_none() => {
                self.year = year(full);
                self.month = month.parse().ok();
                self.day = day.parse().ok();
            }
            // `14-Nov-2022`, as IMAP and some gateways write it
            [day, name, full] if self.day.is_none() && month(name).is_some() => {
                self.day = day.parse().ok();
                self.month = month(name);
                self.year = year(full);
            }
            // with dots the day stands first wherever it is written so
            [day, month, full] if self.day.is_none() && full.len() == 4 && token.contains('.') => {
                self.day = day.parse().ok();
                self.month = month.parse().ok();
                self.year = year(full);
            }
            [_, _, _] if self.time.is_none() => self.time = time(token, '.'),
            _ => {}
        }
    }

    /// `4:36:24 PM`
    fn afternoon(&mut self, token: &str) {
        let hour = self.time.map_or(0, |time| time.hour());
        let shift = match token {
            "PM" | "pm" if hour < 12 => 12,
            "AM" | "am" if hour == 12 => -12,
            _ => return,
        };
        self.time = self.time.map(|time| time + TimeDelta::hours(shift));
    }
}

fn month(token: &str) -> Option<u32> {
    let is_english = |month: &&str| {
        token
            .get(..3)
            .is_some_and(|head| head.eq_ignore_ascii_case(month))
    };
    let at = MONTHS.iter().position(is_english).or_else(|| {
        let token = token.to_lowercase();
        let numeral = token.strip_suffix('月');
        let local = || {
            LOCAL_MONTHS
                .iter()
                .position(|names| names.split(' ').any(|name| token.starts_with(name)))
        };
        NUMERALS
            .iter()
            .position(|name| Some(*name) == numeral)
            .or_else(local)
    })?;
    u32::try_from(at + 1).ok()
}

/// Two and three digits as RFC 5322 §4.3 has it.
fn year(text: &str) -> Option<i32> {
    let year: i32 = text.parse().ok()?;
    match text.len() {
        2 if year < 50 => Some(2000 + year),
        2 | 3 => Some(1900 + year),
        4 => Some(year),
        _ => None,
    }
}

fn time(token: &str, between: char) -> Option<NaiveTime> {
    let mut pieces = token.split([between, '.', ',']);
    let mut number = || pieces.next().map(|piece| piece.parse::<u32>().ok());
    let (hour, minute) = (number()??, number()??);
    let second = number().unwrap_or(Some(0))?;
    NaiveTime::from_hms_opt(hour, minute, second.min(59))
}

/// `+0900`, `-0000` (RFC 5322 §3.3: UTC, the place unknown), `+09:00`.
fn numeric_zone(token: &str) -> Option<i32> {
    let digits: String = token.chars().filter(char::is_ascii_digit).collect();
    let number: i32 = (digits.len() == 4).then(|| digits.parse().ok())??;
    let (hours, minutes) = (number / 100, number % 100);
    let all = hours * 60 + minutes;
    (hours < 24 && minutes < 60).then_some(if token.starts_with('-') { -all } else { all })
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
            ("Friday, 19-Oct-18 16:36:24 GMT", "2018-10-19T16:36:24+00:00"),
            ("Mon, 19 Oct 118 16:36:24 EST", "2018-10-19T16:36:24-05:00"),
            ("Fri Oct 19 16:36:24 2018 +0900", "2018-10-19T16:36:24+09:00"),
            ("2018-10-19 16:36:24 +0900", "2018-10-19T16:36:24+09:00"),
            ("2018-10-19T16:36:24+0900", "2018-10-19T16:36:24+09:00"),
            ("2018/10/19 16:36:24 +0900", "2018-10-19T16:36:24+09:00"),
            ("19.10.2018 16:36:24 +0200", "2018-10-19T16:36:24+02:00"),
            ("2018年10月19日 16:36:24 +0900", "2018-10-19T16:36:24+09:00"),
            ("金, 19 10月 2018 16:36:24 +0900", "2018-10-19T16:36:24+09:00"),
            ("星期五, 19 十月 2018 16:36:24 +0800", "2018-10-19T16:36:24+08:00"),
            (
                "Freitag, 19. Oktober 2018 16:36:24 +0200",
                "2018-10-19T16:36:24+02:00",
            ),
            ("dim., 19 août 2018 16:36:24 +0200", "2018-08-19T16:36:24+02:00"),
            ("jeu., 19 juil. 2018 16:36:24 +0200", "2018-07-19T16:36:24+02:00"),
            ("mar, 19 gen 2018 16:36:24 +0100", "2018-01-19T16:36:24+01:00"),
            ("pią, 19 paź 2018 16:36:24 +0200", "2018-10-19T16:36:24+02:00"),
            ("Пт, 19 окт 2018 16:36:24 +0300", "2018-10-19T16:36:24+03:00"),
            (
                "Fri (week 42), 19 Oct 2018 16:36:24 +0900",
                "2018-10-19T16:36:24+09:00",
            ),
            ("Fri, 19 Oct 2018 16:36:24+0900", "2018-10-19T16:36:24+09:00"),
            ("Fri, 19 Oct 2018 4:36:24 PM +0900", "2018-10-19T16:36:24+09:00"),
            ("Fri, 19 Oct 2018 16.36.24 +0900", "2018-10-19T16:36:24+09:00"),
            ("Sat, 31 Dec 2016 23:59:60 +0000", "2016-12-31T23:59:59+00:00"),
        ] {
            assert_eq!(
                read(text).map(|time| time.to_rfc3339()).as_deref(),
                Some(want),
                "{text}"
            );
        }
    }

    #[test]
    fn what_has_no_one_meaning_is_no_date() {
        for text in [
            "Fri, 19 Oct 2018 16:36:24",
            "2022年11月14日 11:00",
            "",
            "yesterday",
            "32 Jan 2020 10:00:00 +0000",
            "Sat, 31 Feb 2018 16:36:24 +0900",
            "Fri Oct 19 16:36:24 2018",
            "10/12/2018 16:36:24 +0900",
            "Fri, 19 Oct 2018 07:36:24 +0961",
            "Fri, 19 Oct 2018 07:36:24 +9999",
            // zones of more than one place
            "Fri, 19 Oct 2018 16:36:24 IST",
            "Fri, 19 Oct 2018 16:36:24 A",
            // clocks that were never set, years that no mail has
            "Fri, 19 Oct 0000 16:36:24 +0900",
            "Mon, 1 Jan 1900 00:00:00 +0000",
            "Thu, 1 Jan 1970 00:00:00 +0000",
            "0001-01-01T00:00:00Z",
            "Fri, 19 Oct 12018 16:36:24 +0900",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
