//! What `bounceaudit lists` prints: a block, a CSV row or a line of JSON for each list, under the same names.
//!
//! A field that no source was seen for is never printed without the word `uncertain` beside it.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::Ipv4Addr;

use clap::ValueEnum;
use serde::Serialize;

use crate::catalogue::{List, Standing, ZoneFacts};
use crate::report::csv::{Destination, Table};
use crate::report::layout::{Page, Tone};
use crate::report::ndjson::json_line;
use crate::report::table::Look;

/// Cells of the longest name.
const NAME: usize = "takes_effect".len();
/// How an entry of `uncertain` begins that stands for the whole list.
const EVERYTHING: &str = "everything";

/// What `lists` puts on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people.
    #[default]
    Table,
    /// A row for each list
    Csv,
    /// The same, one list a line, zones and codes taken apart
    Ndjson,
}

/// A block for each list.
#[must_use]
pub fn lists_table(lists: &[&List], look: Look) -> String {
    let mut page = Page::new(look.width, look.color);
    for list in lists {
        page.gap();
        block(list, &mut page);
    }
    page.finish()
}

fn block(list: &List, page: &mut Page) {
    page.paragraph(Tone::Strong, 0, 2, &format!("{}  {}", list.id, list.name));
    for (name, text) in first_fields(list) {
        field(page, list, name, &text);
    }
    let tone = match list.status {
        Standing::Alive => Tone::Good,
        Standing::Dead => Tone::Bad,
        Standing::Unknown => Tone::Warn,
    };
    page.field(tone, "status", NAME, &marked(list, "status", &status(list)));
    let mut name = "zones";
    for zone in list.zones() {
        page.field(Tone::Plain, name, NAME, &zone_line(list, &zone));
        for answer in answers(list, &zone) {
            page.field(Tone::Plain, "", NAME, &answer);
        }
        name = "";
    }
    let mut name = "codes";
    for (code, meaning) in &list.codes {
        let line = format!("{code} = {meaning}");
        page.field(Tone::Plain, name, NAME, &marked(list, "codes", &line));
        name = "";
    }
    let mut missing = Vec::new();
    for (name, text) in last_fields(list) {
        if text.is_empty() {
            missing.push(name);
        }
        field(page, list, name, &text);
    }
    field(page, list, "note", &list.note);
    field(page, list, "not known", &missing.join(", "));
    page_faint(page, "uncertain", &list.uncertain.join("; "));
    page_faint(page, "sources", &list.sources.join("; "));
}

fn field(page: &mut Page, list: &List, name: &str, text: &str) {
    if !text.is_empty() {
        page.field(Tone::Plain, name, NAME, &marked(list, name, text));
    }
}

fn page_faint(page: &mut Page, name: &str, text: &str) {
    if !text.is_empty() {
        page.field(Tone::Faint, name, NAME, text);
    }
}

fn first_fields(list: &List) -> [(&'static str, String); 3] {
    let event_id = list.event_id.as_ref().map(ToString::to_string);
    [
        // An event carries another id where replies do not tell the operator's lists apart.
        ("blocklist", event_id.unwrap_or_default()),
        ("operator", list.operator.clone()),
        ("kind", list.kind.to_string()),
    ]
}

/// What somebody needs to get off the list.
fn last_fields(list: &List) -> [(&'static str, String); 7] {
    let who = match list.who_may_ask_note.as_str() {
        "" => list.who_may_ask.to_string(),
        note => format!("{}: {note}", list.who_may_ask),
    };
    let removal = match list.removal_page.as_str() {
        "" => list.removal.clone(),
        page => format!("{} (see {page})", list.removal),
    };
    [
        ("lookup", list.lookup.clone()),
        ("removal", removal),
        ("who_may_ask", who),
        ("needs", list.needs.join("; ")),
        ("takes_effect", list.takes_effect.clone()),
        ("harm", list.harm.clone()),
        ("relisting", list.relisting.clone()),
    ]
}

fn status(list: &List) -> String {
    let mut text = list.status.to_string();
    if let Some(month) = list.dead_since {
        text.push_str(&format!(" since {month}"));
    }
    if !list.status_as_of.is_empty() {
        text.push_str(&format!(" (as of {})", list.status_as_of));
    }
    if !list.status_note.is_empty() {
        text.push_str(&format!(": {}", list.status_note));
    }
    text
}

/// `zen.spamhaus.org: IPv4, IPv6, test entries`
fn zone_line(list: &List, zone: &ZoneFacts) -> String {
    let dead = zone.dead_since.map(|month| format!("dead since {month}"));
    let test_entries = match zone.test_entries {
        true => marked(list, "test_entries", "test entries"),
        false => marked(list, "test_entries", "no test entry known"),
    };
    let says = [
        (zone.ipv4, "IPv4".to_owned()),
        (zone.ipv6, "IPv6".to_owned()),
        (zone.domains, "domains, never addresses".to_owned()),
        (zone.needs_key, "with a key before the name".to_owned()),
        (!zone.domains && zone.dead_since.is_none(), test_entries),
        (dead.is_some(), dead.unwrap_or_default()),
        (!zone.note.is_empty(), zone.note.clone()),
    ];
    let says: Vec<String> = says
        .into_iter()
        .filter_map(|(holds, text)| holds.then_some(text))
        .collect();
    format!("{}: {}", zone.zone, says.join(", "))
}

fn answers(list: &List, zone: &ZoneFacts) -> Vec<String> {
    let line = |code: &Ipv4Addr, text: String| {
        let line = marked(list, &code.to_string(), &format!("{code} = {text}"));
        // `codes` in `uncertain` means these where the operator has none of its own.
        match list.codes.is_empty() {
            true => marked(list, "codes", &line),
            false => line,
        }
    };
    let listed = zone.codes.iter().map(|(code, text)| line(code, text.clone()));
    let not_listed = zone.not_listed.iter();
    listed
        .chain(not_listed.map(|(code, text)| line(code, format!("no listing: {text}"))))
        .collect()
}

/// The text, and whether no source was seen for it. An entry of `uncertain` begins with the name of its field.
fn marked(list: &List, name: &str, text: &str) -> String {
    let is_it = |entry: &String| {
        let word = entry.split([' ', ':']).next().unwrap_or_default();
        word == name || word == EVERYTHING
    };
    if list.uncertain.iter().any(is_it) && !text.ends_with(UNCERTAIN) {
        format!("{text}{UNCERTAIN}")
    } else {
        text.to_owned()
    }
}

const UNCERTAIN: &str = " (uncertain)";

const COLUMNS: [&str; 22] = [
    "id",
    "blocklist",
    "name",
    "operator",
    "kind",
    "status",
    "status_as_of",
    "dead_since",
    "zones",
    "answers",
    "codes",
    "lookup",
    "removal",
    "who_may_ask",
    "who_may_ask_note",
    "needs",
    "takes_effect",
    "harm",
    "relisting",
    "note",
    "uncertain",
    "sources",
];

/// Writes a row for each list and gives the number of characters that the encoding could not hold.
///
/// # Errors
/// When `out` cannot be written to.
pub fn lists_csv(lists: &[&List], out: impl Write, to: Destination) -> io::Result<u64> {
    let mut table = Table::new(out, to, &COLUMNS)?;
    for list in lists {
        table.row(cells(list))?;
    }
    table.finish()
}

fn cells(list: &List) -> [String; COLUMNS.len()] {
    let row = Row::of(list);
    let zones: Vec<&str> = row.zones.iter().map(|zone| zone.name.as_str()).collect();
    let answers = list.zones().flat_map(|zone| answers(list, &zone));
    let codes = list.codes.iter().map(|(code, text)| format!("{code} = {text}"));
    [
        row.id.to_owned(),
        row.blocklist.to_owned(),
        row.name.to_owned(),
        row.operator.to_owned(),
        row.kind,
        row.status,
        row.status_as_of.to_owned(),
        row.dead_since.unwrap_or_default(),
        zones.join(" "),
        answers.collect::<Vec<_>>().join("; "),
        codes.collect::<Vec<_>>().join("; "),
        row.lookup.to_owned(),
        row.removal.to_owned(),
        row.who_may_ask,
        row.who_may_ask_note.to_owned(),
        row.needs.join("; "),
        row.takes_effect.to_owned(),
        row.harm.to_owned(),
        row.relisting.to_owned(),
        row.note.to_owned(),
        row.uncertain.join("; "),
        row.sources.join("; "),
    ]
}

/// Writes each list on a line.
///
/// # Errors
/// When `out` cannot be written to.
pub fn lists_ndjson(lists: &[&List], mut out: impl Write) -> io::Result<()> {
    for list in lists {
        json_line(&Row::of(list), &mut out)?;
    }
    out.flush()
}

/// The columns of the CSV; an empty text means that nothing is known.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    /// What an event's `blocklist` says.
    blocklist: &'a str,
    name: &'a str,
    operator: &'a str,
    kind: String,
    status: String,
    status_as_of: &'a str,
    status_note: &'a str,
    dead_since: Option<String>,
    zones: Vec<ZoneRow>,
    codes: &'a BTreeMap<String, String>,
    lookup: &'a str,
    removal: &'a str,
    removal_page: &'a str,
    who_may_ask: String,
    who_may_ask_note: &'a str,
    needs: &'a [String],
    takes_effect: &'a str,
    harm: &'a str,
    relisting: &'a str,
    note: &'a str,
    uncertain: &'a [String],
    sources: &'a [String],
}

#[derive(Serialize)]
struct ZoneRow {
    name: String,
    ipv4: bool,
    ipv6: bool,
    domains: bool,
    needs_key: bool,
    test_entries: bool,
    dead_since: Option<String>,
    answers: BTreeMap<Ipv4Addr, String>,
    not_listed: BTreeMap<Ipv4Addr, String>,
    note: String,
}

impl<'a> Row<'a> {
    fn of(list: &'a List) -> Self {
        Self {
            id: &list.id.0,
            blocklist: &list.event_id.as_ref().unwrap_or(&list.id).0,
            name: &list.name,
            operator: &list.operator,
            kind: list.kind.to_string(),
            status: list.status.to_string(),
            status_as_of: &list.status_as_of,
            status_note: &list.status_note,
            dead_since: list.dead_since.map(|month| month.to_string()),
            zones: list.zones().map(ZoneRow::of).collect(),
            codes: &list.codes,
            lookup: &list.lookup,
            removal: &list.removal,
            removal_page: &list.removal_page,
            who_may_ask: list.who_may_ask.to_string(),
            who_may_ask_note: &list.who_may_ask_note,
            needs: &list.needs,
            takes_effect: &list.takes_effect,
            harm: &list.harm,
            relisting: &list.relisting,
            note: &list.note,
            uncertain: &list.uncertain,
            sources: &list.sources,
        }
    }
}

impl ZoneRow {
    fn of(zone: ZoneFacts) -> Self {
        Self {
            name: zone.zone.to_string(),
            ipv4: zone.ipv4,
            ipv6: zone.ipv6,
            domains: zone.domains,
            needs_key: zone.needs_key,
            test_entries: zone.test_entries,
            dead_since: zone.dead_since.map(|month| month.to_string()),
            answers: zone.codes,
            not_listed: zone.not_listed,
            note: zone.note,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::catalogue::Catalogue;
    use crate::report::csv::Destination;
    use crate::report::layout::cells;
    use crate::report::lists::{lists_csv, lists_ndjson, lists_table};
    use crate::report::settings::CsvEncoding;
    use crate::report::table::Look;

    fn look(width: usize) -> Look {
        Look {
            width,
            color: false,
            verbose: false,
        }
    }

    #[test]
    fn a_public_a_private_and_a_dead_list_at_80_columns() {
        let catalogue = Catalogue::built_in().unwrap();
        let filters = ["abusix", "s3150", "sorbs"].map(str::to_owned);
        let lists = catalogue.lists_meant_by(&filters).unwrap();
        let text = lists_table(&lists, look(80));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn every_list_fits_and_says_what_is_uncertain() {
        let catalogue = Catalogue::built_in().unwrap();
        for list in catalogue.lists() {
            let text = lists_table(&[list], look(80));
            for line in text.lines() {
                assert!(cells(line) <= 80 || !line.trim_start().contains(' '), "{line:?}");
            }
            assert_eq!(text.contains("uncertain"), !list.uncertain.is_empty(), "{text}");
        }
    }

    #[test]
    fn programs_get_every_list() {
        let catalogue = Catalogue::built_in().unwrap();
        let lists = catalogue.lists_meant_by(&[]).unwrap();
        let mut csv = Vec::new();
        lists_csv(&lists, &mut csv, Destination::File(CsvEncoding::Utf8)).unwrap();
        assert_eq!(
            csv::Reader::from_reader(csv.as_slice()).records().count(),
            lists.len()
        );
        let mut json = Vec::new();
        lists_ndjson(&lists, &mut json).unwrap();
        let rows: Vec<serde_json::Value> = serde_json::Deserializer::from_slice(&json)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(rows.len(), lists.len());
        assert_eq!(
            rows[0]["zones"][0]["answers"]["127.0.0.4"],
            "XBL (CBL): compromised or infected host, open proxy"
        );
    }
}
