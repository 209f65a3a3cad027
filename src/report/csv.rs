//! The three CSV tables (RFC 4180): columns in the interface's order, cells that no spreadsheet runs as a formula.

use std::io::{self, Write};

use ::csv::{Terminator, Writer, WriterBuilder};

use crate::check::Listing;
use crate::event::{Event, Timestamp};
use crate::report::Report;
use crate::report::columns::{CHECKS, Cell, EVENTS, GROUPS, check_cells, event_cells, group_cells};
use crate::report::encode::encode;
use crate::report::safe::visible;
use crate::report::settings::{Clock, CsvEncoding};

/// Where a CSV goes, which decides what its bytes may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// A file or a pipe.
    File(CsvEncoding),
    /// A terminal: UTF-8 without a mark, and what would steer the terminal made visible.
    Terminal,
}

/// Writes the groups (`--csv`) and gives the number of characters that the encoding could not hold.
///
/// # Errors
/// When `out` cannot be written to.
pub fn groups_csv(report: &Report<'_>, out: impl Write, to: Destination) -> io::Result<u64> {
    let mut table = Table::new(out, to, &GROUPS)?;
    for group in &report.groups {
        table.row(group_cells(group).map(|value| cell(value, report.clock)))?;
    }
    table.finish()
}

/// Writes the bounces (`--events-csv`) and gives the number of characters that the encoding could not hold.
///
/// # Errors
/// When `out` cannot be written to.
pub fn events_csv<'a>(
    events: impl IntoIterator<Item = &'a Event>,
    clock: Clock,
    out: impl Write,
    to: Destination,
) -> io::Result<u64> {
    let mut table = EventsCsv::new(clock, out, to)?;
    for event in events {
        table.row(event)?;
    }
    table.finish()
}

/// The same, bounce by bounce.
pub struct EventsCsv<W: Write> {
    table: Table<W>,
    clock: Clock,
}

impl<W: Write> EventsCsv<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn new(clock: Clock, out: W, to: Destination) -> io::Result<Self> {
        let table = Table::new(out, to, &EVENTS)?;
        Ok(Self { table, clock })
    }

    /// Writes a bounce.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn row(&mut self, event: &Event) -> io::Result<()> {
        let clock = self.clock;
        self.table.row(event_cells(event).map(|value| cell(value, clock)))
    }

    /// Gives the number of characters that the encoding could not hold.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn finish(self) -> io::Result<u64> {
        self.table.finish()
    }
}

/// Writes answers of lists (`--checks-csv`) and gives the number of characters that the encoding could not hold.
///
/// # Errors
/// When `out` cannot be written to.
pub fn checks_csv<'a>(
    listings: impl IntoIterator<Item = &'a Listing>,
    clock: Clock,
    out: impl Write,
    to: Destination,
) -> io::Result<u64> {
    let mut table = Table::new(out, to, &CHECKS)?;
    for listing in listings {
        table.row(check_cells(listing).map(|value| cell(value, clock)))?;
    }
    table.finish()
}

/// A value as the cells of all three tables have it, times in the report's zone.
pub(super) fn cell(value: Cell<'_>, clock: Clock) -> String {
    match value {
        Cell::Empty => String::new(),
        Cell::Text(text) => text.into_owned(),
        Cell::Number(number) => number.to_string(),
        Cell::Time(time) => rfc3339(time, clock),
        Cell::List(values) => values.join(" "),
    }
}

/// RFC 3339 to the second, with the offset of the report's zone.
pub(super) fn rfc3339(time: Timestamp, clock: Clock) -> String {
    clock
        .show(time)
        .to_rfc3339_opts(chrono::SecondsFormat::Secs, false)
}

/// A CSV on its way out.
pub(super) struct Table<W: Write> {
    out: Writer<W>,
    to: Destination,
    replaced: u64,
}

impl<W: Write> Table<W> {
    pub(super) fn new(mut out: W, to: Destination, header: &[&str]) -> io::Result<Self> {
        if to == Destination::File(CsvEncoding::Utf8Bom) {
            out.write_all("\u{feff}".as_bytes())?;
        }
        let out = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
        let mut table = Self { out, to, replaced: 0 };
        table.row(header.iter().map(|name| (*name).to_owned()))?;
        Ok(table)
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) -> io::Result<()> {
        for cell in cells {
            let cell = guarded(cell);
            match self.to {
                Destination::Terminal => self.out.write_field(visible(&cell).as_bytes())?,
                Destination::File(encoding) => {
                    // Quoting comes after encoding: no byte of a two-byte character in code page 932 is a quote,
                    // a comma or a line break.
                    let (bytes, replaced) = encode(&cell, encoding);
                    self.replaced += replaced;
                    self.out.write_field(bytes)?;
                }
            }
        }
        Ok(self.out.write_record(None::<&[u8]>)?)
    }

    pub(super) fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.replaced)
    }
}

/// The cell, with a leading `'` where a spreadsheet would take it for a formula.
pub(super) fn guarded(cell: String) -> String {
    let risky = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if risky && !is_number(&cell) {
        format!("'{cell}")
    } else {
        cell
    }
}

/// `-12`, `+3.5`: a sign, digits, and perhaps a point with more digits.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    match unsigned.split_once('.') {
        Some((whole, part)) => digits(whole) && digits(part),
        None => digits(unsigned),
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    use crate::event::Event;
    use crate::report::csv::{Destination, EVENTS, checks_csv, events_csv, groups_csv, guarded, is_number};
    use crate::report::encode::encode;
    use crate::report::safe::steers;
    use crate::report::samples;
    use crate::report::settings::{Clock, CsvEncoding};

    const PLAIN: Destination = Destination::File(CsvEncoding::Utf8);

    fn events(events: &[Event], to: Destination) -> (Vec<u8>, u64) {
        let mut out = Vec::new();
        let replaced = events_csv(events, Clock::Utc, &mut out, to).unwrap();
        (out, replaced)
    }

    fn read(bytes: &[u8]) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(bytes);
        reader
            .records()
            .map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn the_groups_of_november() {
        let case = samples::november();
        let mut out = Vec::new();
        groups_csv(&case.report(), &mut out, PLAIN).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn the_checks_of_november() {
        let case = samples::november();
        let report = case.report();
        let mut out = Vec::new();
        checks_csv(report.listings(), report.clock(), &mut out, PLAIN).unwrap();
        insta::assert_snapshot!(String::from_utf8(out).unwrap());
    }

    #[test]
    fn the_columns_of_the_events_are_the_fields_of_an_event_in_their_order() {
        let event = samples::story("postfix-s3150.eml");
        let text = serde_json::to_string(&event).unwrap();
        let keys = EVENTS.iter().map(|name| text.find(&format!("\"{name}\":")));
        assert!(keys.clone().all(|at| at.is_some()) && keys.is_sorted(), "{text}");
        assert_eq!(text.matches("\":").count(), EVENTS.len());
    }

    #[test]
    fn lines_end_as_rfc_4180_has_it_and_the_mark_stands_first() {
        let story = [samples::story("postfix-s3150.eml")];
        let (bytes, replaced) = events(&story, Destination::File(CsvEncoding::Utf8Bom));
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            text.starts_with("\u{feff}source,message_id,bounced_at,"),
            "{text}"
        );
        assert!(text.ends_with("\r\n") && text.lines().count() == 2);
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        assert_eq!(replaced, 0);
    }

    #[test]
    fn times_are_in_the_zone_of_the_report() {
        let (bytes, _) = events(&[samples::story("postfix-s3150.eml")], PLAIN);
        let rows = read(&bytes);
        assert_eq!(
            rows[1][2..5],
            ["2022-11-14T02:00:02+00:00", "2022-11-14T02:00:00+00:00", "2"]
        );
    }

    #[test]
    fn a_formula_is_text_and_a_number_is_a_number() {
        for (cell, want) in [
            ("=1+1", "'=1+1"),
            ("@sum", "'@sum"),
            ("+81 3 1234", "'+81 3 1234"),
            ("-", "'-"),
            ("\ttab", "'\ttab"),
            ("\rcr", "'\rcr"),
            ("-12", "-12"),
            ("+3.5", "+3.5"),
            ("-1.2.3", "'-1.2.3"),
            ("'=1", "'=1"),
            ("", ""),
        ] {
            assert_eq!(guarded(cell.into()), want);
        }
    }

    #[test]
    fn old_import_screens_get_their_encoding_and_the_losses_are_counted() {
        let mut event = samples::story("postfix-s3150.eml");
        event.original.subject = Some("御見積り〜①髙 é✓".into());
        let (bytes, replaced) = events(&[event], Destination::File(CsvEncoding::ShiftJis));
        let (text, _, broken) = encoding_rs::SHIFT_JIS.decode(&bytes);
        assert!(text.contains(",御見積り～①髙 ??,") && !broken, "{text}");
        assert_eq!(replaced, 2);
    }

    proptest! {
        #[test]
        fn what_was_written_reads_back(texts in vec("\\PC{0,20}|[=+@\t\r\n\",'x-]{0,8}", 4)) {
            let mut event = samples::story("postfix-s3150.eml");
            event.reply = Some(texts[0].clone());
            event.original.subject = Some(texts[1].clone());
            event.recipient = texts[2].clone();
            event.verdict.code = Some(texts[3].clone());
            let (bytes, _) = events(std::slice::from_ref(&event), PLAIN);
            let rows = read(&bytes);
            let cell = |name| &rows[1][EVENTS.iter().position(|one| *one == name).unwrap()];
            for (name, text) in ["reply", "original_subject", "recipient", "code"].into_iter().zip(&texts) {
                let cell = cell(name);
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']) || is_number(cell));
                // Only the guard may have been added.
                prop_assert!(cell == text || cell.strip_prefix('\'') == Some(text), "{cell:?} {text:?}");
            }
            let (bytes, _) = events(std::slice::from_ref(&event), Destination::File(CsvEncoding::ShiftJis));
            let text = encoding_rs::SHIFT_JIS.decode(&bytes).0;
            let rows = read(text.as_bytes());
            let want = encode(&guarded(texts[0].clone()), CsvEncoding::ShiftJis).0.into_owned();
            prop_assert_eq!(&rows[1][18], &encoding_rs::SHIFT_JIS.decode(&want).0);
        }

        #[test]
        fn a_csv_on_a_terminal_steers_nothing(reply in ".*|[\\x00-\\xff\u{202a}-\u{202e}]*") {
            let mut event = samples::story("postfix-s3150.eml");
            event.reply = Some(reply);
            let (bytes, _) = events(&[event], Destination::Terminal);
            let text = String::from_utf8(bytes).unwrap();
            prop_assert!(!text.replace("\r\n", "").chars().any(steers));
        }
    }
}
