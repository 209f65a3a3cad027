//! The entries on a wide terminal: a line for each blocked address and receiving domain, then a paragraph for each
//! address with what is told of it under labels.

use std::net::IpAddr;

use serde::Deserialize;

use crate::ledger::ListedNow;
use crate::report::entry::{ip_name, lists_of};
use crate::report::group::Group;
use crate::report::layout::{Page, Tone, cells, column, pad, pad_left, share};
use crate::report::rows::Row;
use crate::report::safe::visible;
use crate::report::severity::Severity;
use crate::report::table::Look;
use crate::report::told::{Told, Topic, told};
use crate::report::words::fill;
use crate::report::{Report, about_ip, spells};

/// From this width on.
pub(super) const WIDE: usize = 110;
/// Between two columns.
const GAP: usize = 2;
/// Cells of the longest IPv4 address; a longer address has a line of its own.
const IPV4: usize = 15;

/// `[wide]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct WideWords {
    owner: String,
    what: String,
    evidence: String,
    listings: String,
    address: String,
    why: String,
    still: String,
    again: String,
    who: String,
    next: String,
}

/// Writes all entries; nothing where there are none.
pub(super) fn write(page: &mut Page, report: &Report<'_>, rows: &[Row<'_, '_>], look: Look) {
    if rows.is_empty() {
        return;
    }
    page.gap();
    grid(page, report, rows);
    let entries: Vec<_> = rows.iter().zip(about_ip::lines(report, rows)).collect();
    let mut told_of: Vec<Option<IpAddr>> = Vec::new();
    for (row, about_ip) in &entries {
        page.gap();
        if row.ip.is_none() {
            heading(page, report, row);
            topics(page, report, row, about_ip, look);
        } else if !told_of.contains(&row.ip) {
            told_of.push(row.ip);
            heading(page, report, row);
            for (row, about_ip) in entries.iter().filter(|(other, _)| other.ip == row.ip) {
                topics(page, report, row, about_ip, look);
            }
            if entries
                .iter()
                .any(|(other, _)| other.ip == row.ip && other.can_be_written_about())
            {
                let width = label_width(&report.words.wide);
                let draft = report.draft_command(row.ip);
                page.field(Tone::Plain, &report.words.wide.next, width, &draft);
            }
        }
    }
}

/// The columns, by what stands in them.
const COLUMNS: usize = 9;
/// Those that share what room the others leave: the receiving domain, the receiver, the list.
const SHARING: [usize; 3] = [2, 3, 4];
/// Those with numbers.
const NUMBERS: [usize; 3] = [5, 6, 7];

fn grid(page: &mut Page, report: &Report<'_>, rows: &[Row<'_, '_>]) {
    let words = &report.words.column;
    let header = [
        &words.state,
        &words.ip,
        &words.domain,
        &words.provider,
        &words.list,
        &words.mail,
        &words.recipients,
        &words.late,
        &words.listed_now,
    ];
    let header = header.map(String::clone);
    let lines: Vec<(&Row<'_, '_>, [String; COLUMNS])> = rows
        .iter()
        .flat_map(|row| row.groups.iter().map(move |group| (row, group)))
        .map(|(row, group)| (row, line(report, row, group)))
        .collect();
    let widest = |at: usize| {
        let fits = |cell: &&String| at != 1 || cells(cell) <= IPV4;
        let all = lines.iter().map(|(_, line)| line).chain([&header]);
        let all = all.filter_map(|line| line.get(at)).filter(fits);
        all.map(|cell| cells(cell)).max().unwrap_or_default()
    };
    let mut widths: [usize; COLUMNS] = std::array::from_fn(widest);
    let is_fixed = |at: &usize| !SHARING.contains(at);
    let fixed: usize = (0..COLUMNS)
        .filter(is_fixed)
        .filter_map(|at| widths.get(at))
        .sum();
    let room = page.width.saturating_sub(fixed + GAP * (COLUMNS - 1));
    let wanted = SHARING.map(|at| widths.get(at).copied().unwrap_or_default());
    for (at, width) in SHARING.iter().zip(share(&wanted, room)) {
        if let Some(column) = widths.get_mut(*at) {
            *column = width;
        }
    }
    page.spans(&[(Tone::Faint, &joined(&header, &widths))]);
    for (row, line) in &lines {
        cells_of(page, row, line, &widths);
    }
}

/// The line of a group, wrapped in its columns; an address that is too long for its column stands alone before it.
fn cells_of(page: &mut Page, row: &Row<'_, '_>, line: &[String; COLUMNS], widths: &[usize; COLUMNS]) {
    let [state, ip, ..] = line;
    let [state_width, ip_width, ..] = widths;
    let tone = Tone::from(Severity::of_state(row.state));
    let is_alone = cells(ip) > *ip_width;
    if is_alone {
        page.spans(&[(tone, &pad(state, state_width + GAP)), (Tone::Plain, ip)]);
    }
    let wrapped: Vec<Vec<String>> = line
        .iter()
        .zip(widths)
        .enumerate()
        .map(|(at, (cell, width))| match at {
            0 | 1 if is_alone => Vec::new(),
            _ => column(cell, *width),
        })
        .collect();
    let height = wrapped.iter().map(Vec::len).max().unwrap_or_default();
    for at in 0..height {
        let cell = |column: &Vec<String>| column.get(at).cloned().unwrap_or_default();
        let texts: Vec<String> = wrapped.iter().map(cell).collect();
        let first = pad(texts.first().map_or("", String::as_str), *state_width);
        let rest: Vec<String> = texts.iter().skip(1).cloned().collect();
        let rest_widths: Vec<usize> = widths.iter().skip(1).copied().collect();
        let gap = " ".repeat(GAP);
        let rest = format!("{gap}{}", padded(&rest, &rest_widths, 1));
        page.spans(&[(tone, &first), (Tone::Plain, &rest)]);
    }
}

fn joined(texts: &[String], widths: &[usize]) -> String {
    padded(texts, widths, 0)
}

/// The texts in their columns, the first of which has this number.
fn padded(texts: &[String], widths: &[usize], first: usize) -> String {
    let cells = texts.iter().zip(widths).zip(first..);
    let cells = cells.map(|((text, width), at)| match NUMBERS.contains(&at) {
        true => pad_left(text, *width),
        false => pad(text, *width),
    });
    cells.collect::<Vec<_>>().join(&" ".repeat(GAP))
}

fn line(report: &Report<'_>, row: &Row<'_, '_>, group: &Group<'_>) -> [String; COLUMNS] {
    let words = &report.words.column;
    let now = match group.listed_now {
        ListedNow::Yes => &words.yes,
        ListedNow::No => &words.no,
        ListedNow::Unknown => &words.unknown,
    };
    let listed_now = match spells::counts(&group.spells) {
        Some((listings, removals)) => fill(
            &words.changes,
            &[("now", now), ("listings", &listings), ("removals", &removals)],
        ),
        None => now.clone(),
    };
    [
        report.words.state.of(row.state).clone(),
        ip_name(row, report),
        group.receiving_domain.to_string(),
        group.provider.unwrap_or_default().to_owned(),
        lists_of(row, &[group], report),
        group.messages.len().to_string(),
        group.recipients.len().to_string(),
        group.late.len().to_string(),
        listed_now,
    ]
}

/// `192.0.2.10  mx1.hosting.example.jp  (owner: Example Hosting KK)`
fn heading(page: &mut Page, report: &Report<'_>, row: &Row<'_, '_>) {
    let newest = row.newest();
    let ptr = newest.map(|group| group.ptr.join(&report.words.join.list));
    let owner = newest.and_then(|group| group.owner.as_ref());
    let owner = owner.map(|owner| fill(&report.words.wide.owner, &[("owner", owner)]));
    let about = [ptr.unwrap_or_default(), owner.unwrap_or_default()];
    let about: Vec<String> = about.into_iter().filter(|text| !text.is_empty()).collect();
    let ip = ip_name(row, report);
    let line = format!("  {}", visible(&about.join("  ")));
    if cells(&ip) + cells(&line) <= page.width {
        page.spans(&[(Tone::Strong, &ip), (Tone::Plain, &line)]);
    } else {
        page.spans(&[(Tone::Strong, &ip)]);
        for text in about {
            page.paragraph(Tone::Plain, GAP, GAP, &text);
        }
    }
}

/// What is told of an entry, each text under the label of its topic.
fn topics(page: &mut Page, report: &Report<'_>, row: &Row<'_, '_>, about_ip: &[String], look: Look) {
    let words = &report.words.wide;
    let width = label_width(words);
    let mut told = told(report, row, about_ip, look.verbose);
    // Whoever reads what happens wants to see it proved at once.
    told.sort_by_key(|told| match told.topic {
        Topic::What | Topic::Receivers | Topic::Server => 0,
        Topic::Reply => 1,
        Topic::Listing
        | Topic::Course
        | Topic::Dates
        | Topic::Address
        | Topic::Why
        | Topic::Late
        | Topic::Again
        | Topic::Remedy => 2,
    });
    let mut above = "";
    for told in &told {
        let Some(label) = label(told, words) else { continue };
        let shown = if label == above { "" } else { label };
        page.field(Tone::Plain, shown, width, &told.bare);
        above = label;
    }
}

/// Cells of the longest label.
fn label_width(words: &WideWords) -> usize {
    let labels = [
        &words.what,
        &words.evidence,
        &words.listings,
        &words.address,
        &words.why,
        &words.still,
        &words.again,
        &words.who,
        &words.next,
    ];
    labels
        .map(|label| cells(label))
        .into_iter()
        .max()
        .unwrap_or_default()
}

/// The label of a topic; none where the lines of the grid say it.
fn label<'a>(told: &Told, words: &'a WideWords) -> Option<&'a str> {
    Some(match told.topic {
        Topic::What | Topic::Server => &words.what,
        Topic::Receivers => return None,
        Topic::Reply => &words.evidence,
        Topic::Listing | Topic::Course | Topic::Dates => &words.listings,
        Topic::Address => &words.address,
        Topic::Why => &words.why,
        Topic::Late => &words.still,
        Topic::Again => &words.again,
        Topic::Remedy => &words.who,
    })
}
