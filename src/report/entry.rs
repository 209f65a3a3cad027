//! The entries of the table: a line of columns for each, and what a reader needs to know and to do below it.

use std::fmt::Display;

use crate::catalogue::WhoMayAsk;
use crate::event::Reason;
use crate::ledger::State;
use crate::report::Report;
use crate::report::about_ip;
use crate::report::group::Group;
use crate::report::late::LateCause;
use crate::report::layout::{Page, Tone, cells, column, pad, pad_left};
use crate::report::listed::{also_listed, listed};
use crate::report::rows::{Row, refused_until};
use crate::report::spells;
use crate::report::table::Look;
use crate::report::words::fill;

/// Under this width an entry is a block of `key: value`.
const NARROW: usize = 80;
/// Domains that are named without `-v`.
const DOMAINS: usize = 8;
/// A hosting company's `self_ask` that customers are not to ask on their own.
const FORBIDDEN: &str = "forbidden";

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
    let entries = rows.iter().zip(about_ip::lines(report, rows));
    if page.width < NARROW {
        for (row, about_ip) in entries {
            block(page, report, row);
            below(page, report, (row, &about_ip), look, 2);
        }
        return;
    }
    let columns = Columns::of(page.width, report, rows);
    columns.header(page, report);
    for (row, about_ip) in entries {
        columns.line(page, report, row);
        below(page, report, (row, &about_ip), look, columns.state + 2);
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
            .map(|row| cells(&ip(row, report)))
            .filter(|cells| *cells <= longest);
        let ip = fitting.chain([cells(&words.ip)]).max().unwrap_or_default();
        let room = width.saturating_sub(state + ip + mail + late + 5 * 2);
        let by = widest(&words.refused_by, &|row| row.refused_by(words));
        let list = widest(&words.list, &|row| lists(row, report));
        let half = room / 2;
        let (refused_by, list) = match (by <= half, list <= half) {
            _ if by + list <= room => (by, list),
            (true, _) => (by, room - by),
            (false, true) => (room - list, list),
            (false, false) => (room - half, half),
        };
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
        let mut address = ip(row, report);
        let mut state = pad(word, self.state);
        if cells(&address) > self.ip {
            page.spans(&[(tone(row.state), &state), (Tone::Plain, &format!("  {address}"))]);
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
            page.spans(&[
                (tone(row.state), &pad(&first(&state), self.state)),
                (Tone::Plain, rest),
            ]);
        }
    }
}

/// The entry for a narrow terminal.
fn block(page: &mut Page, report: &Report<'_>, row: &Row<'_, '_>) {
    let words = &report.words.row;
    page.gap();
    let state = pad(report.words.state.of(row.state), 9);
    page.spans(&[
        (tone(row.state), &state),
        (Tone::Strong, &format!("  {}", ip(row, report))),
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

fn tone(state: State) -> Tone {
    match state {
        State::Relisted | State::New | State::Ongoing => Tone::Bad,
        State::ReceiverFault | State::Unknown => Tone::Warn,
        State::Cleared => Tone::Good,
    }
}

fn ip(row: &Row<'_, '_>, report: &Report<'_>) -> String {
    row.ip
        .map_or_else(|| report.words.column.no_ip.clone(), |ip| ip.to_string())
}

fn lists(row: &Row<'_, '_>, report: &Report<'_>) -> String {
    let words = &report.words.column;
    match row.lists() {
        _ if row.state == State::ReceiverFault => words.receiver_fault.clone(),
        lists if !lists.is_empty() => lists.join(", "),
        _ => match row.reason() {
            Some(Reason::RequirePtr) => words.no_ptr.clone(),
            Some(Reason::RateLimited) => words.rate.clone(),
            Some(Reason::BadReputation) => words.reputation.clone(),
            Some(_) | None => words.no_list.clone(),
        },
    }
}

/// What stands below the line of an entry.
fn below(
    page: &mut Page,
    report: &Report<'_>,
    (row, about_ip): (&Row<'_, '_>, &[String]),
    look: Look,
    indent: usize,
) {
    let Some(newest) = row.newest() else { return };
    let mut write = |text: &str| page.paragraph(Tone::Plain, indent, 2, text);
    let is_over = row.state == State::Cleared;
    if row.provider.is_some() || row.groups.len() > 1 {
        write(&domains(report, row, look));
    }
    if row.ip.is_none() {
        write(&unnamed(report, row));
    }
    let words = &report.words.row;
    let mut about = codes(report, row);
    about += &match row.state {
        State::ReceiverFault if row.lists().is_empty() => words.receiver_fault.clone(),
        State::ReceiverFault => fill(&words.receiver_fault_of, &[("lists", &row.lists().join(", "))]),
        State::New | State::Ongoing | State::Relisted | State::Cleared | State::Unknown => {
            listed(report, row, newest)
        }
    };
    if let Some(others) = also_listed(report, row) {
        about = format!(
            "{} {}",
            about.trim_end(),
            fill(&words.also_listed, &[("zones", &others)])
        );
    }
    if !about.trim().is_empty() {
        write(about.trim());
    }
    spells::lines(report, row, newest)
        .iter()
        .for_each(|line| write(line));
    about_ip.iter().for_each(|line| write(line));
    if let Some(late) = late(report, row) {
        write(&late);
    }
    if row.delayed() > 0 {
        write(&words.delayed.of(row.delayed()));
    }
    if !is_over {
        write(&ask(report, row, newest));
        let heard = matches!(
            newest.who_may_ask,
            WhoMayAsk::Sender | WhoMayAsk::IpOwner | WhoMayAsk::Unknown
        );
        if heard {
            support(report, newest).iter().for_each(|line| write(line));
        }
        if let Some(removal) = newest.removal.or(newest.list_removal).filter(|_| heard) {
            write(&fill(&words.removal, &[("removal", &removal)]));
        }
    }
    // Whoever has to write to the receiver needs its words; with a known list the list's page says more.
    let needed = !is_over && matches!(newest.who_may_ask, WhoMayAsk::Receiver | WhoMayAsk::Unknown);
    if let Some(reply) = newest.sample_reply.filter(|_| needed || look.verbose) {
        write(&fill(&words.reply, &[("reply", &reply)]));
    }
}

fn domains(report: &Report<'_>, row: &Row<'_, '_>, look: Look) -> String {
    let words = &report.words.row;
    let shown = if look.verbose || row.groups.len() <= DOMAINS + 1 {
        row.groups.len()
    } else {
        DOMAINS
    };
    let mut parts: Vec<String> = row
        .groups
        .iter()
        .take(shown)
        .map(|group| {
            let n = group.messages.len();
            fill(&words.domain, &[("domain", &group.receiving_domain), ("n", &n)])
        })
        .collect();
    if row.groups.len() > shown {
        parts.push(words.more_domains.of(row.groups.len() - shown));
    }
    parts.join(", ")
}

fn unnamed(report: &Report<'_>, row: &Row<'_, '_>) -> String {
    let words = &report.words.row;
    let hosts = row.each(|group| {
        group
            .bounces
            .iter()
            .filter_map(|bounce| bounce.reporting_mta.as_deref())
            .collect()
    });
    if hosts.is_empty() {
        return words.unnamed_unknown.clone();
    }
    let hosts = Vec::from_iter(hosts);
    fill(&words.unnamed, &[("hosts", &hosts.join(", "))])
}

/// The operators' own codes in the replies.
fn codes(report: &Report<'_>, row: &Row<'_, '_>) -> String {
    let codes = row.each(|group| group.codes.iter().map(ToString::to_string).collect());
    let codes = Vec::from_iter(codes);
    match codes.is_empty() {
        true => String::new(),
        false => {
            let words = &report.words.row.code;
            words.with(codes.len(), &[("codes", &codes.join(", "))]) + " "
        }
    }
}

/// How late bounces come, and until when, where the reason is the life of the queue.
fn late(report: &Report<'_>, row: &Row<'_, '_>) -> Option<String> {
    let of_queue = |group: &&&Group<'_>| group.late_cause.is_some_and(LateCause::is_queue_life);
    let group = row
        .groups
        .iter()
        .filter(of_queue)
        .max_by_key(|group| group.queue_life)?;
    let life = group.queue_life?;
    let until = refused_until(group, report.now);
    let last = until.unwrap_or(report.now).checked_add_signed(life)?;
    let date = report.clock.show(last).format("%Y-%m-%d");
    let tenths = life.num_minutes() / 144;
    let days = format!("{}.{}", tenths / 10, tenths % 10);
    let words = &report.words.row;
    match until {
        Some(_) if last < report.now => Some(fill(&words.late_past, &[("days", &days)])),
        Some(_) => Some(fill(&words.late_until, &[("days", &days), ("date", &date)])),
        None => Some(fill(&words.late, &[("days", &days), ("date", &date)])),
    }
}

/// How the owner is reached: the hosting company's support, else, as a last resort, where complaints go to.
fn support(report: &Report<'_>, group: &Group<'_>) -> Vec<String> {
    let words = &report.words.ask;
    if let Some(company) = group.hosting {
        let channel = (!company.channel.is_empty()).then(|| {
            let values: [(&str, &dyn Display); 2] =
                [("company", &company.name), ("channel", &company.channel)];
            fill(&words.support, &values)
        });
        let alone =
            (company.self_ask == FORBIDDEN).then(|| fill(&words.not_alone, &[("company", &company.name)]));
        return channel.into_iter().chain(alone).collect();
    }
    let abuse = group.network.map(|network| network.abuse.join(", "));
    let abuse = abuse.filter(|abuse| !abuse.is_empty() && group.who_may_ask == WhoMayAsk::IpOwner);
    abuse
        .map(|abuse| fill(&words.abuse, &[("abuse", &abuse)]))
        .into_iter()
        .collect()
}

/// Whom to ask, and whom not.
fn ask(report: &Report<'_>, row: &Row<'_, '_>, group: &Group<'_>) -> String {
    let words = &report.words.ask;
    match (row.reason(), group.who_may_ask) {
        (Some(Reason::RequirePtr), WhoMayAsk::Unknown) => return words.ptr.clone(),
        (Some(Reason::RateLimited), WhoMayAsk::Unknown | WhoMayAsk::Nobody) => return words.rate.clone(),
        (Some(_) | None, _) => {}
    }
    let company = group.hosting.map(|company| company.name.clone());
    match (group.who_may_ask, company.or_else(|| group.owner.clone())) {
        (WhoMayAsk::Sender, _) => words.sender.clone(),
        (WhoMayAsk::IpOwner, Some(owner)) => fill(&words.ip_owner_named, &[("owner", &owner)]),
        (WhoMayAsk::IpOwner, None) => words.ip_owner.clone(),
        (WhoMayAsk::Receiver, _) => fill(&words.receiver, &[("domain", group.receiving_domain)]),
        (WhoMayAsk::Nobody, _) => words.nobody.clone(),
        (WhoMayAsk::Unknown, _) => words.unknown.clone(),
    }
}
