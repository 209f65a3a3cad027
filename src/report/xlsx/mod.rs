//! The workbook for Excel and its kin (ECMA-376): the three tables on sheets of their own, and what they are made of.
//!
//! A cell has the type of its value. Times are real dates in the report's zone, which the last sheet names, since a cell
//! has no offset. Strangers' text is shown as on a terminal, guarded as in CSV, and never a formula or a link.
//! The rows of a large one go to files without a name as they come.

mod about;
mod sheets;

use std::borrow::Cow;
use std::error::Error;
use std::io::{self, Write};
use std::path::Path;

use rust_xlsxwriter::{DocProperties, XlsxError};
use serde::Deserialize;

use crate::check::Listing;
use crate::event::Event;
use crate::report::Report;
use crate::report::columns::{CHECKS, EVENTS, GROUPS, check_cells, event_cells, group_cells};
use crate::report::words::fill;

use sheets::{Book, Sheets};

/// `[xlsx]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct XlsxWords {
    title: String,
    summary: String,
    events: String,
    checks: String,
    about: String,
    what: String,
    value: String,
    program: String,
    command: String,
    made_at: String,
    zone: String,
    local: String,
    utc: String,
    looked_at: String,
    everything: String,
    since: String,
    until: String,
    late_until: String,
    news_since: String,
    bounces: String,
    unread: String,
    warning: String,
    not_understood: String,
    refused: String,
    timeout: String,
    dead: String,
    left_out: String,
    cut: String,
}

/// A workbook on its way out; its bounces come one by one, so that they need not be held all at once.
pub struct Workbook<'r> {
    report: &'r Report<'r>,
    book: Book,
    summary: Sheets,
    events: Sheets,
    checks: Sheets,
}

impl<'r> Workbook<'r> {
    /// Writes everything but the bounces. What is written waits in `scratch`, a folder, in files that nobody else sees
    /// and that are gone when the program ends, however it ends.
    ///
    /// # Errors
    /// When `scratch` takes no files.
    pub fn new(report: &'r Report<'r>, scratch: &Path) -> io::Result<Self> {
        Self::begin(report, Book::new(report.clock, report.shown.len(), scratch)).map_err(io_error)
    }

    fn begin(report: &'r Report<'r>, mut book: Book) -> Result<Self, XlsxError> {
        let words = &report.words.xlsx;
        let mut summary = Sheets::new(&words.summary, &GROUPS, &mut book)?;
        for group in &report.groups {
            summary.row(group_cells(group), &mut book)?;
        }
        let events = Sheets::new(&words.events, &EVENTS, &mut book)?;
        let mut checks = Sheets::new(&words.checks, &CHECKS, &mut book)?;
        for listing in report.listings() {
            let said = listing.in_words().map(|said| report.words.phrases.said(said));
            let told = Listing {
                meaning: said.map(Cow::into_owned),
                ..listing.clone()
            };
            checks.row(check_cells(&told), &mut book)?;
        }
        Ok(Self {
            report,
            book,
            summary,
            events,
            checks,
        })
    }

    /// Writes a bounce.
    ///
    /// # Errors
    /// When Excel would refuse the workbook.
    pub fn event(&mut self, event: &Event) -> io::Result<()> {
        self.events
            .row(event_cells(event), &mut self.book)
            .map_err(io_error)
    }

    /// Puts the workbook together.
    ///
    /// # Errors
    /// When `out` cannot be written to.
    pub fn finish(self, out: impl Write + Send) -> io::Result<()> {
        self.end(out).map_err(io_error)
    }

    fn end(mut self, mut out: impl Write + Send) -> Result<(), XlsxError> {
        let words = &self.report.words.xlsx;
        let mut about = Sheets::new(&words.about, &[&words.what, &words.value], &mut self.book)?;
        for (what, value) in about::rows(self.report, self.book.cut) {
            about.row([what, value], &mut self.book)?;
        }
        let made_at = self.report.now;
        let day = self.report.clock.show(made_at).format("%Y-%m-%d");
        let properties = DocProperties::new()
            .set_title(fill(&words.title, &[("date", &day)]))
            .set_creation_datetime(&made_at.naive_utc());
        let tables = [self.summary, self.events, self.checks, about];
        self.book.finish(tables, &properties, &mut out)?;
        Ok(out.flush()?)
    }
}

/// The cause where it is an error of the system, so that a reader who went away is known as one.
fn io_error(error: XlsxError) -> io::Error {
    match error {
        XlsxError::IoError(error) => error,
        XlsxError::TempFileError(folder, error) => {
            io::Error::new(error.kind(), format!("{}: {error}", folder.display()))
        }
        error => {
            let cause = error.source().and_then(|cause| cause.downcast_ref::<io::Error>());
            io::Error::new(cause.map_or(io::ErrorKind::Other, io::Error::kind), error)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Cursor;

    use calamine::{Data, DataType, Range, Reader, Xlsx};
    use chrono::NaiveDateTime;

    use crate::check::Answer;
    use crate::event::{Event, Gap, Place};
    use crate::report::columns::{CHECKS, Cell, EVENTS, GROUPS, check_cells, event_cells, group_cells};
    use crate::report::csv::{Destination, checks_csv, events_csv, groups_csv};
    use crate::report::lang::Lang;
    use crate::report::samples::{self, Case};
    use crate::report::settings::{Clock, CsvEncoding};
    use crate::report::xlsx::Workbook;
    use crate::report::xlsx::sheets::Book;

    fn stories() -> Vec<Event> {
        let lines = include_str!("../samples.ndjson").lines();
        lines.map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The sheets in their order.
    fn sheets(case: &Case, events: &[Event], rows: Option<u32>) -> Vec<(String, Range<Data>)> {
        let report = case.report();
        let book = Book::new(
            report.clock,
            rows.map_or(0, |_| usize::MAX),
            &std::env::temp_dir(),
        );
        let book = match rows {
            Some(rows) => book.with_sheets_of(rows),
            None => book,
        };
        let mut workbook = Workbook::begin(&report, book).unwrap();
        for event in events {
            workbook.event(event).unwrap();
        }
        let mut out = Vec::new();
        workbook.finish(&mut out).unwrap();
        Xlsx::new(Cursor::new(out)).unwrap().worksheets()
    }

    /// What was told on the last sheet.
    fn about(sheets: &[(String, Range<Data>)]) -> Vec<String> {
        let (_, about) = sheets.last().unwrap();
        let told = |row: &[Data]| match &row[1] {
            Data::DateTime(time) => format!("{}: {}", row[0], time.as_datetime().unwrap()),
            value => format!("{}: {value}", row[0]),
        };
        about.rows().map(told).collect()
    }

    fn rows(csv: &[u8]) -> Vec<Vec<String>> {
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(csv);
        let rows = reader.records();
        rows.map(|row| row.unwrap().iter().map(str::to_owned).collect())
            .collect()
    }

    /// Demands that each cell says what the CSV says, in the type of its value.
    fn agree(sheet: &Range<Data>, header: &[&str], cells: &[Vec<Cell<'_>>], csv: &[u8]) {
        let csv = rows(csv);
        assert_eq!(sheet.height(), csv.len());
        assert_eq!(cells.len() + 1, csv.len());
        for (column, name) in (0..).zip(header) {
            assert_eq!(sheet.get_value((0, column)), Some(&Data::String((*name).into())));
        }
        for (row, (cells, csv)) in (1..).zip(cells.iter().zip(&csv[1..])) {
            for (column, (cell, csv)) in (0..).zip(cells.iter().zip(csv)) {
                let is = sheet.get_value((row, column)).unwrap_or(&Data::Empty);
                let place = format!("{} of row {row}: {is:?}, {csv:?}", header[column as usize]);
                match cell {
                    _ if csv.is_empty() => assert_eq!(is, &Data::Empty, "{place}"),
                    Cell::Empty => panic!("{place}"),
                    Cell::Text(_) | Cell::List(_) => assert_eq!(is, &Data::String(csv.clone()), "{place}"),
                    Cell::Number(_) => {
                        assert!(matches!(is, Data::Float(_) | Data::Int(_)), "{place}");
                        assert_eq!(is.as_i64(), csv.parse().ok(), "{place}");
                    }
                    Cell::Time(_) => {
                        assert!(matches!(is, Data::DateTime(_)), "{place}");
                        assert_eq!(is.as_datetime(), Some(local(csv)), "{place}");
                    }
                }
            }
        }
    }

    fn local(csv: &str) -> NaiveDateTime {
        samples::at(csv).naive_local()
    }

    #[test]
    fn what_an_answer_means_is_in_the_readers_language_and_in_the_csv_in_the_catalogues() {
        let mut case = samples::november();
        case.settings.lang = Some(Lang::Ja);
        let meaning = CHECKS.iter().position(|name| *name == "meaning").unwrap();
        let sheets = sheets(&case, &[], None);
        let cells: Vec<String> = sheets[2].1.rows().map(|row| row[meaning].to_string()).collect();
        let told = "CSS: 評価の低い送信元 (自動登録。IPv4 は /32、IPv6 は /64)";
        assert!(cells.iter().any(|cell| cell == told), "{cells:?}");
        let mut csv = Vec::new();
        let to = Destination::File(CsvEncoding::Utf8);
        checks_csv(case.report().listings(), Clock::Utc, &mut csv, to).unwrap();
        assert!(
            String::from_utf8(csv)
                .unwrap()
                .contains("CSS: low-reputation sender")
        );
    }

    #[test]
    fn each_cell_says_what_the_csv_says_in_its_own_type() {
        let case = samples::november();
        let (report, stories) = (case.report(), stories());
        let to = Destination::File(CsvEncoding::Utf8);
        let (mut groups, mut events, mut checks) = (Vec::new(), Vec::new(), Vec::new());
        groups_csv(&report, &mut groups, to).unwrap();
        events_csv(&stories, Clock::Utc, &mut events, to).unwrap();
        checks_csv(report.listings(), Clock::Utc, &mut checks, to).unwrap();

        let sheets = sheets(&case, &stories, None);

        let names: Vec<_> = sheets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["Summary", "Events", "Checks", "About"]);
        let cells: Vec<_> = report
            .groups
            .iter()
            .map(|group| group_cells(group).into())
            .collect();
        agree(&sheets[0].1, &GROUPS, &cells, &groups);
        let cells: Vec<_> = stories.iter().map(|event| event_cells(event).into()).collect();
        agree(&sheets[1].1, &EVENTS, &cells, &events);
        let listings = report.listings();
        let cells: Vec<_> = listings
            .iter()
            .map(|listing| check_cells(listing).into())
            .collect();
        agree(&sheets[2].1, &CHECKS, &cells, &checks);
    }

    #[test]
    fn codes_ids_and_addresses_are_text_and_counts_are_numbers() {
        let mut event = samples::story("postfix-s3150.eml");
        event.verdict.code = Some("3150".into());
        event.message_id = Some("4E12".into());
        let sheets = sheets(&Case::of([event.clone()]), &[event], None);
        let row: BTreeMap<_, _> = EVENTS.iter().zip(sheets[1].1.rows().nth(1).unwrap()).collect();
        for (name, text) in [
            ("status", "5.7.1"),
            ("code", "3150"),
            ("message_id", "4E12"),
            ("blocked_ip", "192.0.2.99"),
        ] {
            assert_eq!(row[&name], &Data::String(text.into()));
        }
        assert_eq!(row[&"smtp_code"], &Data::Float(550.0));
        assert_eq!(row[&"delay_seconds"], &Data::Float(2.0));
    }

    #[test]
    fn what_strangers_wrote_is_neither_formula_nor_link_nor_broken_xml() {
        let hostile = [
            (
                "=HYPERLINK(\"http://evil.example\")",
                "'=HYPERLINK(\"http://evil.example\")",
            ),
            ("http://evil.example/", "http://evil.example/"),
            ("\u{1b}[2J\u{0}\r\n\u{202e}", r"\x1b[2J\x00\x0d\x0a\u{202e}"),
            ("\tx", r"'\x09x"),
            ("<a>&amp;]]>\"表\u{1f600}", "<a>&amp;]]>\"表\u{1f600}"),
            (" blanks ", " blanks "),
        ];
        for (text, shown) in hostile {
            let mut event = samples::story("postfix-s3150.eml");
            event.reply = Some(text.into());
            let sheets = sheets(&Case::of([event.clone()]), &[event], None);
            assert_eq!(sheets[1].1.get_value((1, 18)), Some(&Data::String(shown.into())));
            assert_eq!(sheets[0].1.get_value((1, 26)), Some(&Data::String(shown.into())));
        }
    }

    #[test]
    fn a_text_longer_than_a_cell_is_cut_between_characters_and_counted() {
        let mut event = samples::story("postfix-s3150.eml");
        // 32,767 units of UTF-16 have no room for half an emoji.
        event.reply = Some(format!("x{}", "\u{1f600}".repeat(20_000)));
        event.original.subject = Some("y".repeat(32_767));
        let sheets = sheets(&Case::of([event.clone()]), &[event], None);
        let reply = sheets[1].1.get_value((1, 18)).unwrap().to_string();
        assert_eq!(reply.encode_utf16().count(), 32_767);
        assert!(reply.starts_with("x\u{1f600}") && reply.ends_with("\u{1f600}.."));
        let subject = sheets[1].1.get_value((1, 9)).unwrap().to_string();
        assert_eq!(subject, "y".repeat(32_767));
        let about = about(&sheets);
        assert!(
            about.last().unwrap().ends_with("(they end with ..): 2"),
            "{about:#?}"
        );
    }

    #[test]
    fn a_time_that_no_spreadsheet_has_is_text() {
        let mut event = samples::story("postfix-s3150.eml");
        for (time, text) in [
            ("1900-02-28T23:59:59Z", Some("1900-02-28T23:59:59+00:00")),
            ("1900-03-01T00:00:00Z", None),
            ("9999-12-31T23:59:59Z", None),
            ("+10000-01-01T00:00:00Z", Some("'+10000-01-01T00:00:00+00:00")),
        ] {
            event.times.sent_at = Some(samples::at(time));
            let sheets = sheets(&Case::of([event.clone()]), &[event.clone()], None);
            let cell = sheets[1].1.get_value((1, 3)).unwrap();
            match text {
                Some(text) => assert_eq!(cell, &Data::String(text.into())),
                None => assert_eq!(cell.as_datetime(), Some(local(time)), "{cell:?}"),
            }
        }
    }

    #[test]
    fn what_a_sheet_cannot_hold_goes_on_in_the_next() {
        let case = samples::november();
        let sheets = sheets(&case, &stories(), Some(4));
        let names: Vec<_> = sheets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names[..4], ["Summary", "Summary 2", "Events", "Events 2"]);
        let sources: Vec<_> = sheets
            .iter()
            .filter(|(name, _)| name.starts_with("Events"))
            .flat_map(|(_, sheet)| {
                assert_eq!(sheet.get_value((0, 0)), Some(&Data::String("source".into())));
                assert!(sheet.height() <= 4);
                sheet
                    .rows()
                    .skip(1)
                    .map(|row| row[0].to_string())
                    .collect::<Vec<_>>()
            })
            .collect();
        let all: Vec<_> = stories().iter().map(|event| event.source.to_string()).collect();
        assert_eq!(sources, all);
    }

    #[test]
    fn an_empty_report_has_all_its_sheets_with_their_headers() {
        let sheets = sheets(&Case::of([]), &[], None);
        let heights: Vec<_> = sheets[..3].iter().map(|(_, sheet)| sheet.height()).collect();
        assert_eq!(heights, [1, 1, 1]);
    }

    #[test]
    fn the_last_sheet_says_what_the_others_are_made_of() {
        let mut case = samples::november()
            .answered(
                "192.0.2.77",
                "dead.example",
                Answer::ZoneDead(Vec::new()),
                "2026-11-22T09:00:00+09:00",
            )
            .answered(
                "192.0.2.77",
                "b.barracudacentral.org",
                Answer::Refused(Vec::new()),
                "2026-11-22T09:00:00+09:00",
            );
        case.settings.since = Some("2026-11-01".parse().unwrap());
        case.settings.until = Some("2026-11-22".parse().unwrap());
        case.gaps.push(Gap {
            at: Place::Account("=1+1".into()),
            why: "\u{1b}[2J".into(),
        });
        case.warnings.push("a public resolver".into());
        insta::assert_snapshot!(about(&sheets(&case, &[], None)).join("\n"));
    }

    #[test]
    fn the_sheets_have_japanese_names_and_their_columns_do_not() {
        let mut case = samples::november();
        case.settings.lang = Some(Lang::Ja);
        let sheets = sheets(&case, &[], None);
        let names: Vec<_> = sheets.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(
            names,
            [
                "概要",
                "エラーメール",
                "ブロックリスト確認",
                "このレポートについて"
            ]
        );
        assert_eq!(
            sheets[0].1.get_value((0, 0)),
            Some(&Data::String("blocked_ip".into()))
        );
        let about = about(&sheets);
        assert_eq!(about[0], "項目: 内容");
        assert!(
            about.contains(&"作成日時: 2026-11-22 00:00:00".to_owned()),
            "{about:#?}"
        );
    }
}
