//! The answers of `bounceaudit check` for programs: NDJSON, and the one line of a monitoring plugin.

use std::io::{self, Write};
use std::net::IpAddr;

use clap::ValueEnum;
use serde::Serialize;

use crate::check::{Answer, Checked, Listing};
use crate::report::checks::Tally;
use crate::report::ndjson::json_line;
use crate::report::settings::Clock;

/// What `check` puts on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum CheckFormat {
    /// For people.
    #[default]
    Table,
    /// The columns of --checks-csv
    Csv,
    /// The same, one answer a line.
    Ndjson,
    /// One line and a status from 0 to 3 for a monitor
    Nagios,
}

/// The columns of `--checks-csv`.
#[derive(Serialize)]
struct Row<'a> {
    ip: IpAddr,
    zone: &'a str,
    blocklist: Option<&'a str>,
    result: &'a str,
    codes: Vec<String>,
    meaning: Option<&'a str>,
    text: Option<&'a str>,
    checked_at: String,
    ttl_seconds: Option<u64>,
}

/// Writes each answer on a line.
///
/// # Errors
/// When `out` cannot be written to.
pub fn checks_ndjson(listings: &[Listing], mut out: impl Write) -> io::Result<()> {
    for listing in listings {
        let row = Row {
            ip: listing.ip,
            zone: listing.zone.as_str(),
            blocklist: listing.blocklist.as_ref().map(|list| list.0.as_str()),
            result: listing.answer.word(),
            codes: listing.answer.codes().iter().map(ToString::to_string).collect(),
            meaning: listing.in_words(),
            text: listing.text.as_deref(),
            checked_at: Clock::Local.show(listing.checked_at).to_rfc3339(),
            ttl_seconds: listing.ttl.map(|ttl| ttl.as_secs()),
        };
        json_line(&row, &mut out)?;
    }
    out.flush()
}

/// The line of a monitoring plugin and its status (Monitoring Plugins guidelines, "Plugin Output for Nagios"): critical
/// when an address is listed, a warning when a list could not be asked, unknown when none could.
#[must_use]
pub fn nagios(checked: &Checked) -> (String, u8) {
    let Tally {
        listed,
        clean,
        unread,
    } = Tally::of(&checked.listings);
    let (word, status) = match (listed, clean, unread) {
        (1.., _, _) => ("CRITICAL", 2),
        (0, 0, _) => ("UNKNOWN", 3),
        (0, _, 1..) => ("WARNING", 1),
        (0, _, 0) => ("OK", 0),
    };
    let on = |listing: &Listing| format!("{} on {}", listing.ip, listing.zone);
    let listings = checked
        .listings
        .iter()
        .filter(|listing| matches!(listing.answer, Answer::Listed(_)));
    let said = match listed {
        0 => format!(
            "not listed on {clean} of {} lists, {unread} could not tell",
            checked.listings.len()
        ),
        _ => listings.map(on).collect::<Vec<_>>().join(", "),
    };
    let line = format!("BOUNCEAUDIT {word} - {said} | listed={listed} clean={clean} unread={unread}");
    (line, status)
}

#[cfg(test)]
mod tests {
    use crate::check::{Answer, Checked};
    use crate::report::check_forms::nagios;
    use crate::report::samples::Case;

    fn answers(answers: &[Answer]) -> Checked {
        let zones = ["zen.spamhaus.org", "bl.spamcop.net", "psbl.surriel.com"];
        let case = zones
            .into_iter()
            .zip(answers)
            .fold(Case::of([]), |case, (zone, answer)| {
                case.answered("192.0.2.10", zone, answer.clone(), "2026-11-22T00:00:00+00:00")
            });
        Checked {
            listings: case.history.listings,
            ..Checked::default()
        }
    }

    #[test]
    fn a_list_that_could_not_be_asked_is_never_ok() {
        let (line, status) = nagios(&answers(&[Answer::NotListed, Answer::Timeout]));
        assert_eq!((line.starts_with("BOUNCEAUDIT WARNING"), status), (true, 1));
        assert_eq!(nagios(&answers(&[Answer::Refused(vec![])])).1, 3);
        assert_eq!(nagios(&answers(&[])).1, 3);
        assert_eq!(nagios(&answers(&[Answer::NotListed])).1, 0);
    }

    #[test]
    fn a_listing_is_critical_whatever_else_could_not_be_asked() {
        let (line, status) = nagios(&answers(&[
            Answer::Listed(vec![[127, 0, 0, 2].into()]),
            Answer::Timeout,
        ]));
        assert_eq!(status, 2);
        assert_eq!(
            line,
            "BOUNCEAUDIT CRITICAL - 192.0.2.10 on zen.spamhaus.org | listed=1 clean=0 unread=1"
        );
    }
}
