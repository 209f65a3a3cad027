//! A table on a sheet, and on further sheets where one is full.

use std::io::Write;
use std::path::Path;

use chrono::{NaiveDate, SubsecRound};
use rust_xlsxwriter::{
    DocProperties, Format, FormatAlign, FormatBorder, IgnoreError, Workbook, Worksheet, XlsxError,
};

use crate::event::Timestamp;
use crate::report::columns::Cell;
use crate::report::csv::{guarded, rfc3339};
use crate::report::layout;
use crate::report::safe::visible;
use crate::report::settings::Clock;

/// What Excel takes on a sheet, the header among them.
const MAX_ROWS: u32 = 1_048_576;
/// What Excel takes in a cell, in units of UTF-16.
const MAX_TEXT: usize = 32_767;
/// What stands where a text was cut.
const CUT: &str = "..";
/// Of a column and of a row, in characters and lines; what is longer is read where cells are edited.
const MAX_WIDTH: usize = 60;
const MAX_LINES: usize = 8;
const TIME: &str = "yyyy-mm-dd hh:mm:ss";
/// From then on rows go to files as they come: held in memory, a hundred thousand bounces would take half a gigabyte.
/// Smaller workbooks are held, since a disk that is full ends the library that writes these files.
const MANY: usize = 20_000;
/// Of a line in the standard font, in points.
const LINE: usize = 15;
/// What the filter's button takes of a header, in characters.
const BUTTON: usize = 4;

/// The file that the sheets go to, and what they share.
pub(super) struct Book {
    book: Workbook,
    clock: Clock,
    rows_of_a_sheet: u32,
    /// Whether rows wait in files instead of memory.
    is_large: bool,
    /// How many cells were cut.
    pub(super) cut: usize,
    header: Format,
    short: Format,
    long: Format,
    /// Of numbers, and of ids that would fill several lines.
    plain: Format,
    time: Format,
}

impl Book {
    /// For so many bounces; the rows of a large workbook wait in `scratch`.
    pub(super) fn new(clock: Clock, bounces: usize, scratch: &Path) -> Self {
        let mut book = Workbook::new();
        if book.set_tempdir(scratch).is_err() {
            // Such as `/dev`; the system's own folder for such files is used.
            tracing::debug!(folder = %scratch.display(), "takes no files");
        }
        let top = || Format::new().set_align(FormatAlign::Top);
        Self {
            book,
            clock,
            rows_of_a_sheet: MAX_ROWS,
            is_large: bounces > MANY,
            cut: 0,
            header: top().set_bold().set_border_bottom(FormatBorder::Thin),
            // A cell that is text stays text when somebody types into it.
            short: top().set_num_format("@"),
            // As text, Excel shows a long one as a row of #.
            long: top().set_text_wrap(),
            plain: top(),
            time: top().set_num_format(TIME),
        }
    }

    #[cfg(test)]
    pub(super) fn with_sheets_of(self, rows: u32) -> Self {
        Self {
            rows_of_a_sheet: rows,
            ..self
        }
    }

    /// Writes the sheets of these tables.
    pub(super) fn finish(
        mut self,
        tables: impl IntoIterator<Item = Sheets>,
        properties: &DocProperties,
        out: impl Write + Send,
    ) -> Result<(), XlsxError> {
        for table in tables {
            for sheet in table.finish()? {
                self.book.push_worksheet(sheet);
            }
        }
        self.book.set_properties(properties);
        self.book.save_to_writer(out)
    }

    /// The text as a cell may have it.
    fn fit(&mut self, text: &str) -> String {
        let mut text = visible(&guarded(text.to_owned())).into_owned();
        if text.encode_utf16().count() > MAX_TEXT {
            self.cut += 1;
            let mut room = MAX_TEXT - CUT.len();
            let end = text.char_indices().find_map(|(at, c)| {
                let left = room.checked_sub(c.len_utf16());
                room = left.unwrap_or_default();
                left.is_none().then_some(at)
            });
            text.truncate(end.unwrap_or_default());
            text.push_str(CUT);
        }
        text
    }
}

/// A table under way.
pub(super) struct Sheets {
    name: String,
    columns: Vec<String>,
    full: Vec<Worksheet>,
    sheet: Sheet,
}

struct Sheet {
    sheet: Worksheet,
    /// The next one.
    row: u32,
    /// Of each column, in characters.
    widths: Vec<usize>,
}

impl Sheets {
    pub(super) fn new(name: &str, columns: &[&str], book: &mut Book) -> Result<Self, XlsxError> {
        let columns: Vec<String> = columns.iter().map(|column| (*column).to_owned()).collect();
        Ok(Self {
            name: name.to_owned(),
            sheet: Sheet::new(name, &columns, book)?,
            columns,
            full: Vec::new(),
        })
    }

    pub(super) fn row<'c>(
        &mut self,
        cells: impl IntoIterator<Item = Cell<'c>>,
        book: &mut Book,
    ) -> Result<(), XlsxError> {
        if self.sheet.row >= book.rows_of_a_sheet {
            let name = format!("{} {}", self.name, self.full.len() + 2);
            let next = Sheet::new(&name, &self.columns, book)?;
            let full = std::mem::replace(&mut self.sheet, next);
            self.full.push(full.finish()?);
        }
        self.sheet.write(cells, book)
    }

    fn finish(self) -> Result<Vec<Worksheet>, XlsxError> {
        let mut sheets = self.full;
        sheets.push(self.sheet.finish()?);
        Ok(sheets)
    }
}

impl Sheet {
    fn new(name: &str, columns: &[String], book: &mut Book) -> Result<Self, XlsxError> {
        let mut sheet = match book.is_large {
            true => book.book.new_worksheet_with_constant_memory()?,
            false => Worksheet::new(),
        };
        sheet.set_name(name)?;
        for (column, name) in (0..).zip(columns) {
            sheet.write_string_with_format(0, column, name, &book.header)?;
        }
        let widths = columns.iter().map(|name| layout::cells(name) + BUTTON).collect();
        Ok(Self {
            sheet,
            row: 1,
            widths,
        })
    }

    fn write<'c>(
        &mut self,
        cells: impl IntoIterator<Item = Cell<'c>>,
        book: &mut Book,
    ) -> Result<(), XlsxError> {
        let mut lines = 1;
        for (column, cell) in (0..).zip(cells) {
            let size = self.cell(column, cell, book)?;
            lines = lines.max(size.lines);
            if let Some(widest) = self.widths.get_mut(usize::from(column)) {
                *widest = size.width.max(*widest);
            }
        }
        // Left to itself, Excel makes a row as high as its longest text, and LibreOffice a line high.
        if lines > 1 {
            let height = u16::try_from(lines * LINE).unwrap_or(u16::MAX);
            self.sheet.set_row_height(self.row, height)?;
        }
        self.row += 1;
        Ok(())
    }

    /// Writes a cell.
    fn cell(&mut self, column: u16, cell: Cell<'_>, book: &mut Book) -> Result<Size, XlsxError> {
        match cell {
            Cell::Empty => Ok(Size::wide(0)),
            Cell::Text(text) => self.text(column, &text, book),
            Cell::List(words) => self.text(column, &words.join(" "), book),
            Cell::Number(number) => {
                let width = number.to_string().len();
                // Whole up to 2^53, as every number in Excel.
                self.sheet
                    .write_number_with_format(self.row, column, number as f64, &book.plain)?;
                Ok(Size::wide(width))
            }
            Cell::Time(time) => {
                let shown = book.clock.show(time);
                if !is_date(shown) {
                    return self.text(column, &rfc3339(time, book.clock), book);
                }
                let local = shown.naive_local().trunc_subsecs(0);
                self.sheet
                    .write_datetime_with_format(self.row, column, local, &book.time)?;
                Ok(Size::wide(TIME.len()))
            }
        }
    }

    fn text(&mut self, column: u16, text: &str, book: &mut Book) -> Result<Size, XlsxError> {
        if text.is_empty() {
            return Ok(Size::wide(0));
        }
        let text = book.fit(text);
        let size = Size::of(&text);
        let format = match (size.lines, size.width) {
            (1, MAX_WIDTH) => &book.plain,
            (1, _) => &book.short,
            (_, _) => &book.long,
        };
        self.sheet
            .write_string_with_format(self.row, column, text, format)?;
        Ok(size)
    }

    fn finish(mut self) -> Result<Worksheet, XlsxError> {
        let (last_row, last_column) = (self.row - 1, self.widths.len().saturating_sub(1));
        let last_column = u16::try_from(last_column).unwrap_or(u16::MAX);
        self.sheet.set_freeze_panes(1, 0)?;
        self.sheet.autofilter(0, 0, last_row, last_column)?;
        // Codes of digits alone are meant to be text.
        self.sheet
            .ignore_error_range(0, 0, last_row, last_column, IgnoreError::NumberStoredAsText)?;
        for (column, width) in (0..).zip(self.widths) {
            let width = u16::try_from(width + 1).unwrap_or(u16::MAX);
            self.sheet.set_column_width(column, width)?;
        }
        Ok(self.sheet)
    }
}

/// What a cell takes up, in characters and lines.
struct Size {
    width: usize,
    lines: usize,
}

impl Size {
    fn wide(width: usize) -> Self {
        Self { width, lines: 1 }
    }

    /// Ids and addresses have no places to break a line at; they would only make every row high.
    fn of(text: &str) -> Self {
        let width = layout::cells(text);
        if width < MAX_WIDTH || (text.is_ascii() && !text.contains(' ')) {
            return Self::wide(width.min(MAX_WIDTH));
        }
        let lines = match width > MAX_WIDTH * MAX_LINES {
            true => MAX_LINES,
            // Fonts are not alike.
            false => layout::wrap(text, MAX_WIDTH - 4).len().clamp(2, MAX_LINES),
        };
        Self {
            width: MAX_WIDTH,
            lines,
        }
    }
}

/// Whether every spreadsheet takes a number for this moment. Before March 1900 they disagree: Excel's year 1900 has a day
/// too many.
fn is_date(time: Timestamp) -> bool {
    let day = time.date_naive();
    let first = NaiveDate::from_ymd_opt(1900, 3, 1);
    let after = NaiveDate::from_ymd_opt(10000, 1, 1);
    first.is_some_and(|first| first <= day) && after.is_some_and(|after| day < after)
}
