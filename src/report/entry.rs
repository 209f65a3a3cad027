//! The entries of the table: a line of columns for each, and what a reader needs to know and to do below it.

use std::collections::BTreeSet;

use crate::event::Reason;
use crate::ledger::State;
use crate::report::Report;
use crate::report::about_ip;
use crate::report::group::Group;
use crate::report::layout::{Page, Tone, cells, column, pad, pad_left, share};
use crate::report::rows::{Row, states};
use crate::report::severity::Severity;
use crate::report::table::Look;
use crate::report::told::{self, Remedy, Told, Topic, told};
use crate::report::words::fill;

/// Under this width an entry is a block of `key: value`.
const NARROW: usize = 80;

/// Widths of the columns, in cells.
struct Columns {
    state: usize,
    ip: usize,
    refused_by: usize,
    list: usize,
    mail: usize,
    late: usize,
}

/// Writes all entries; nothing where there are none.
pub(super) fn write(page: &mut Page, report: &Report<'_>, rows: &[Row<'_, '_>], look: Look) {
    if rows.is_empty() {
        return;
    }
    page.gap();
    let is_narrow = page.width < NARROW;
    let columns = Columns::of(page.width, report, rows);
    if !is_narrow {
        columns.header(page, report);
    }
    let indent = if is_narrow { 2 } else { columns.state + 2 };
    let mut above = None;
    for (row, about_ip) in rows.iter().zip(about_ip::lines(report, rows)) {
        match is_narrow {
            true => block(page, report, row),
            false => columns.line(page, report, row),
        }
        let told = told(report, row, &about_ip, look.verbose);
        let remedy = Remedy::of(row, &told);
        let is_said = remedy.is_some() && remedy == above;
        below(page, report, (row, &told), is_said, (look, indent));
        above = remedy;
    }
}

impl Columns {
    fn of(width: usize, report: &Report<'_>, rows: &[Row<'_, '_>]) -> Self {
        let words = &report.words.column;
        let widest = |name: &str, of: &dyn Fn(&Row<'_, '_>) -> String| {
            rows.iter()
                .map(|row| cells(&of(row)))
                .chain([cells(name)])
                .max()
                .unwrap_or_default()
        };
        let state = widest(&words.state, &|row| report.words.state.of(row.state).clone());
        let mail = widest(&words.mail, &|row| row.mails().to_string());
        let late = widest(&words.late, &|row| row.late().to_string());
        // An IPv4 address always fits; a longer one where the terminal has the room.
        let longest = if width < 100 { 15 } else { 39 };
        let fitting = rows
            .iter()
            .map(|row| cells(&ip_name(row, report)))
            .filter(|cells| *cells <= longest);
        let ip = fitting.chain([cells(&words.ip)]).max().unwrap_or_default();
        let room = width.saturating_sub(state + ip + mail + late + 5 * 2);
        let by = widest(&words.refused_by, &|row| row.refused_by(words));
        let list = widest(&words.list, &|row| lists(row, report));
        let shared = share(&[by, list], room);
        let [refused_by, list] = [0, 1].map(|at| shared.get(at).copied().unwrap_or_default());
        Self {
            state,
            ip,
            refused_by,
            list,
            mail,
            late,
        }
    }

    fn header(&self, page: &mut Page, report: &Report<'_>) {
        let words = &report.words.column;
        let line = self.joined([
            &pad(&words.state, self.state),
            &words.ip,
            &words.refused_by,
            &words.list,
            &words.mail,
            &words.late,
        ]);
        page.spans(&[(Tone::Faint, &line)]);
    }

    fn joined(&self, [state, ip, by, list, mail, late]: [&str; 6]) -> String {
        format!(
            "{}  {}  {}  {}  {}  {}",
            pad(state, self.state),
            pad(ip, self.ip),
            pad(by, self.refused_by),
            pad(list, self.list),
            pad_left(mail, self.mail),
            pad_left(late, self.late)
        )
    }

    /// The line of an entry: an address that does not fit its column stands alone before it, other cells wrap.
    fn line(&self, page: &mut Page, report: &Report<'_>, row: &Row<'_, '_>) {
        let word = report.words.state.of(row.state);
        let tone = Tone::from(Severity::of_state(row.state));
        let mut address = ip_name(row, report);
        let mut state = pad(word, self.state);
        if cells(&address) > self.ip {
            page.spans(&[(tone, &state), (Tone::Plain, &format!("  {address}"))]);
            (state, address) = (" ".repeat(self.state), String::new());
        }
        let by = column(&row.refused_by(&report.words.column), self.refused_by);
        let list = column(&lists(row, report), self.list);
        let (mails, late) = (row.mails().to_string(), row.late().to_string());
        for at in 0..by.len().max(list.len()) {
            let cell = |lines: &[String]| lines.get(at).cloned().unwrap_or_default();
            let first = |text: &str| if at == 0 { text.to_owned() } else { String::new() };
            let rest = self.joined([
                "",
                &first(&address),
                &cell(&by),
                &cell(&list),
                &first(&mails),
                &first(&late),
            ]);
            let rest = rest.get(self.state..).unwrap_or_default();
            page.spans(&[(tone, &pad(&first(&state), self.state)), (Tone::Plain, rest)]);
        }
    }
}

/// The entry for a narrow terminal.
fn block(page: &mut Page, report: &Report<'_>, row: &Row<'_, '_>) {
    let words = &report.words.row;
    page.gap();
    let widest = states().map(|state| cells(report.words.state.of(state)));
    let widest = widest.into_iter().max().unwrap_or_default();
    let state = pad(report.words.state.of(row.state), widest);
    page.spans(&[
        (Tone::from(Severity::of_state(row.state)), &state),
        (Tone::Strong, &format!("  {}", ip_name(row, report))),
    ]);
    let lines = [
        fill(
            &words.refused_by,
            &[("by", &row.refused_by(&report.words.column))],
        ),
        fill(&words.list, &[("lists", &lists(row, report))]),
        fill(&words.mail, &[("n", &row.mails()), ("late", &row.late())]),
    ];
    for line in lines {
        page.paragraph(Tone::Plain, 2, 2, &line);
    }
}

/// The address, or that none is named.
pub(super) fn ip_name(row: &Row<'_, '_>, report: &Report<'_>) -> String {
    row.ip
        .map_or_else(|| report.words.column.no_ip.clone(), |ip| ip.to_string())
}

pub(super) fn lists(row: &Row<'_, '_>, report: &Report<'_>) -> String {
    lists_of(row, &row.groups, report)
}

/// The lists that the replies of these groups name, else what stands in their place.
pub(super) fn lists_of(row: &Row<'_, '_>, groups: &[&Group<'_>], report: &Report<'_>) -> String {
    let words = &report.words.column;
    let lists: BTreeSet<&str> = groups
        .iter()
        .flat_map(|group| group.blocklists.iter().map(|list| list.0.as_str()))
        .collect();
    match row.state {
        State::ReceiverFault => words.receiver_fault.clone(),
        _ if !lists.is_empty() => Vec::from_iter(lists).join(&report.words.join.list),
        _ => match row.reason() {
            Some(Reason::RequirePtr) => words.no_ptr.clone(),
            Some(Reason::RateLimited) => words.rate.clone(),
            Some(Reason::BadReputation) => words.reputation.clone(),
            Some(_) | None => words.no_list.clone(),
        },
    }
}

/// What stands below the line of an entry; what to do not again, where the entry above has said it of the same address.
fn below(
    page: &mut Page,
    report: &Report<'_>,
    (row, told): (&Row<'_, '_>, &[Told]),
    is_remedy_said: bool,
    (look, indent): (Look, usize),
) {
    // Whoever has to write to the receiver needs its words; with a known list the list's page says more.
    let asks_with_reply = told::is_for_receiver(row);
    for told in told {
        let is_shown = match told.topic {
            Topic::Reply => asks_with_reply || look.verbose,
            // the line above says it, and there is little room
            Topic::What | Topic::Dates | Topic::Why | Topic::Again => false,
            Topic::Remedy => !is_remedy_said,
            Topic::Receivers
            | Topic::Server
            | Topic::Listing
            | Topic::Course
            | Topic::Address
            | Topic::Late => true,
        };
        if is_shown {
            page.paragraph(Tone::Plain, indent, 2, &told.text);
        }
    }
    if is_remedy_said {
        page.paragraph(Tone::Plain, indent, 2, &report.words.ask.as_above);
    }
}
