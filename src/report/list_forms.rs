//! The catalogue for programs: a CSV row or a line of JSON for each list, receiver and hosting company, in the catalogue's
//! own words whatever the reader's language.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::Ipv4Addr;

use serde::Serialize;

use crate::catalogue::{Hosting, Known, List, Receiver, ZoneFacts};
use crate::report::csv::{Destination, Table};
use crate::report::lang::Lang;
use crate::report::list_words::Doubts;
use crate::report::lists::{answers, zone_facts};
use crate::report::ndjson::json_line;
use crate::report::ways;
use crate::report::words::Words;

/// What all have stands first, then what lists have, what receivers and hosting companies have.
const COLUMNS: [&str; 37] = [
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
    "status_note",
    "zone_notes",
    "removal_page",
    "lookup_old",
    "removal_old",
    "seen_as",
    "serves",
    "hosts",
    "domains",
    "own_list",
    "lists",
    "hosts_seen",
    "channel",
    "answer",
    "self_ask",
];
/// What `kind` says of an entry that is no list.
const RECEIVER: &str = "receiver";
const HOSTING: &str = "hosting";

/// Writes a row for each entry and gives the number of characters that the encoding could not hold.
///
/// # Errors
/// When `out` cannot be written to, or the program's own texts cannot be read.
pub fn lists_csv(known: &Known<'_>, out: impl Write, to: Destination) -> io::Result<u64> {
    // What programs read is the same in each language.
    let words = Words::of(Lang::En).map_err(io::Error::other)?;
    let mut table = Table::new(out, to, &COLUMNS)?;
    for list in &known.lists {
        table.row(cells(list_cells(list, &words)))?;
    }
    for receiver in &known.receivers {
        table.row(cells(receiver_cells(receiver)))?;
    }
    for company in &known.hosting {
        table.row(cells(hosting_cells(company)))?;
    }
    for way in &known.ways {
        table.row(cells(ways::cells(way)))?;
    }
    table.finish()
}

/// The cells under their columns; a column that an entry does not have stays empty.
fn cells<const N: usize>(named: [(&str, String); N]) -> [String; COLUMNS.len()] {
    let mut named = BTreeMap::from(named);
    COLUMNS.map(|column| named.remove(column).unwrap_or_default())
}

fn list_cells(list: &List, words: &Words) -> [(&'static str, String); 29] {
    let doubts = Doubts::of(&list.uncertain, words);
    let row = ListRow::of(list);
    let zones: Vec<&str> = row.zones.iter().map(|zone| zone.name.as_str()).collect();
    let notes = list.zones().map(|zone| match zone.remarks().as_str() {
        "" => zone_facts(&zone, &doubts),
        remarks => format!("{}; {remarks}", zone_facts(&zone, &doubts)),
    });
    let answers = list.zones().flat_map(|zone| answers(list, &zone, &doubts));
    let codes = list.codes.iter().map(|(code, text)| format!("{code} = {text}"));
    [
        ("id", row.id.to_owned()),
        ("blocklist", row.blocklist.to_owned()),
        ("name", row.name.to_owned()),
        ("operator", row.operator.to_owned()),
        ("kind", row.kind),
        ("status", row.status),
        ("status_as_of", row.status_as_of.to_owned()),
        ("dead_since", row.dead_since.unwrap_or_default()),
        ("zones", zones.join(" ")),
        ("answers", answers.collect::<Vec<_>>().join("; ")),
        ("codes", codes.collect::<Vec<_>>().join("; ")),
        ("lookup", row.lookup.to_owned()),
        ("removal", row.removal.to_owned()),
        ("who_may_ask", row.who_may_ask),
        ("who_may_ask_note", row.who_may_ask_note.to_owned()),
        ("needs", row.needs.join("; ")),
        ("takes_effect", row.takes_effect.to_owned()),
        ("harm", row.harm.to_owned()),
        ("relisting", row.relisting.to_owned()),
        ("note", row.note.to_owned()),
        ("uncertain", row.uncertain.join("; ")),
        ("sources", row.sources.join("; ")),
        ("status_note", row.status_note.to_owned()),
        ("zone_notes", notes.collect::<Vec<_>>().join("; ")),
        ("removal_page", row.removal_page.to_owned()),
        ("lookup_old", row.lookup_old.join(" ")),
        ("removal_old", row.removal_old.join(" ")),
        ("seen_as", row.seen_as.join("; ")),
        ("serves", row.serves.join(" ")),
    ]
}

fn receiver_cells(receiver: &Receiver) -> [(&'static str, String); 10] {
    let row = ReceiverRow::of(receiver);
    [
        ("id", row.id.to_owned()),
        ("name", row.name.to_owned()),
        ("kind", row.kind.to_owned()),
        ("hosts", row.hosts.join(" ")),
        ("domains", row.domains.join(" ")),
        ("own_list", row.own_list.unwrap_or_default().to_owned()),
        ("lists", row.lists.join(" ")),
        ("hosts_seen", row.hosts_seen.join(" ")),
        ("note", row.note.to_owned()),
        ("uncertain", row.uncertain.join("; ")),
    ]
}

fn hosting_cells(company: &Hosting) -> [(&'static str, String); 10] {
    let row = HostingRow::of(company);
    let self_ask = match row.self_ask_note {
        "" => row.self_ask.to_owned(),
        note => format!("{}: {note}", row.self_ask),
    };
    [
        ("id", row.id.to_owned()),
        ("name", row.name.to_owned()),
        ("kind", row.kind.to_owned()),
        ("hosts", row.hosts.join(" ")),
        ("channel", row.channel.to_owned()),
        ("needs", row.needs.join("; ")),
        ("answer", row.answer.to_owned()),
        ("self_ask", self_ask),
        ("sources", row.sources.join("; ")),
        ("uncertain", row.uncertain.join("; ")),
    ]
}

/// Writes each entry on a line.
///
/// # Errors
/// When `out` cannot be written to.
pub fn lists_ndjson(known: &Known<'_>, mut out: impl Write) -> io::Result<()> {
    for list in &known.lists {
        json_line(&ListRow::of(list), &mut out)?;
    }
    for receiver in &known.receivers {
        json_line(&ReceiverRow::of(receiver), &mut out)?;
    }
    for company in &known.hosting {
        json_line(&HostingRow::of(company), &mut out)?;
    }
    for way in &known.ways {
        json_line(&ways::Row::of(way), &mut out)?;
    }
    out.flush()
}

/// The columns of the CSV; an empty text means that nothing is known.
#[derive(Serialize)]
struct ListRow<'a> {
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
    lookup_old: &'a [String],
    removal: &'a str,
    removal_old: &'a [String],
    removal_page: &'a str,
    who_may_ask: String,
    who_may_ask_note: &'a str,
    needs: &'a [String],
    takes_effect: &'a str,
    harm: &'a str,
    relisting: &'a str,
    /// Marks that replies carry.
    seen_as: &'a [String],
    /// Ids whose zones answer for this list.
    serves: Vec<&'a str>,
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
    allows: bool,
    test_entries: bool,
    dead_since: Option<String>,
    answers: BTreeMap<Ipv4Addr, String>,
    not_listed: BTreeMap<Ipv4Addr, String>,
    note: String,
}

impl<'a> ListRow<'a> {
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
            lookup_old: &list.lookup_old,
            removal: &list.removal,
            removal_old: &list.removal_old,
            removal_page: &list.removal_page,
            who_may_ask: list.who_may_ask.to_string(),
            who_may_ask_note: &list.who_may_ask_note,
            needs: &list.needs,
            takes_effect: &list.takes_effect,
            harm: &list.harm,
            relisting: &list.relisting,
            seen_as: &list.seen_as,
            serves: list.serves.iter().map(|id| id.0.as_str()).collect(),
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
            allows: zone.allows,
            test_entries: zone.test_entries,
            dead_since: zone.dead_since.map(|month| month.to_string()),
            note: zone.remarks(),
            answers: zone.codes,
            not_listed: zone.not_listed,
        }
    }
}

#[derive(Serialize)]
struct ReceiverRow<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'static str,
    hosts: &'a [String],
    domains: &'a [String],
    own_list: Option<&'a str>,
    lists: Vec<&'a str>,
    hosts_seen: &'a [String],
    note: &'a str,
    uncertain: &'a [String],
}

impl<'a> ReceiverRow<'a> {
    fn of(receiver: &'a Receiver) -> Self {
        Self {
            id: &receiver.id,
            name: &receiver.name,
            kind: RECEIVER,
            hosts: &receiver.mx,
            domains: &receiver.domains,
            own_list: receiver.own.as_ref().map(|id| id.0.as_str()),
            lists: receiver.lists.iter().map(|id| id.0.as_str()).collect(),
            hosts_seen: &receiver.seen,
            note: &receiver.note,
            uncertain: &receiver.uncertain,
        }
    }
}

#[derive(Serialize)]
struct HostingRow<'a> {
    id: &'a str,
    name: &'a str,
    kind: &'static str,
    hosts: &'a [String],
    channel: &'a str,
    needs: &'a [String],
    answer: &'a str,
    self_ask: &'a str,
    self_ask_note: &'a str,
    uncertain: &'a [String],
    sources: &'a [String],
}

impl<'a> HostingRow<'a> {
    fn of(company: &'a Hosting) -> Self {
        Self {
            id: &company.id,
            name: &company.name,
            kind: HOSTING,
            hosts: &company.hosts,
            channel: &company.channel,
            needs: &company.needs,
            answer: &company.answer,
            self_ask: &company.self_ask,
            self_ask_note: &company.self_ask_note,
            uncertain: &company.uncertain,
            sources: &company.sources,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::catalogue::{Catalogue, Known};
    use crate::report::csv::Destination;
    use crate::report::list_forms::{lists_csv, lists_ndjson};
    use crate::report::settings::CsvEncoding;

    fn csv(known: &Known<'_>) -> String {
        let mut csv = Vec::new();
        lists_csv(known, &mut csv, Destination::File(CsvEncoding::Utf8)).unwrap();
        String::from_utf8(csv).unwrap()
    }

    #[test]
    fn the_csv_of_a_list_a_receiver_and_a_hosting_company() {
        let catalogue = Catalogue::built_in().unwrap();
        let filters = ["s3150", "sorbs", "yahoo! japan", "xserver.jp"].map(str::to_owned);
        insta::assert_snapshot!(csv(&catalogue.meant_by(&filters).unwrap()));
    }

    #[test]
    fn programs_get_every_entry_under_a_column_that_there_is() {
        let catalogue = Catalogue::built_in().unwrap();
        let known = catalogue.meant_by(&[]).unwrap();
        let entries = known.lists.len() + known.receivers.len() + known.hosting.len() + known.ways.len();
        let text = csv(&known);
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
        assert_eq!(rows.len(), entries);
        let of = |id: &str, kind: &str| {
            let row = rows.iter().find(|row| row["id"] == id && row["kind"] == kind);
            row.unwrap_or_else(|| panic!("{id}"))
        };
        assert_eq!(of("xserver", "hosting")["hosts"], "xserver.jp");
        assert_eq!(
            of("microsoft-outlook", "receiver")["own_list"],
            "microsoft-outlook"
        );
        assert_eq!(of("sorbs", "dnsbl")["dead_since"], "2024-06");
        // a column that no entry fills is misspelt
        for column in rows[0].keys() {
            assert!(rows.iter().any(|row| !row[column].is_empty()), "{column}");
        }
        let mut json = Vec::new();
        lists_ndjson(&known, &mut json).unwrap();
        let lines: Vec<serde_json::Value> = serde_json::Deserializer::from_slice(&json)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(lines.len(), entries);
        let zen = lines.iter().find(|line| line["id"] == "spamhaus-zen").unwrap();
        assert_eq!(
            zen["zones"][0]["answers"]["127.0.0.4"],
            "XBL (CBL): compromised or infected host, open proxy"
        );
    }
}
