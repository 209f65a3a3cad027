//! What `bounceaudit lists` prints for people: a block for each list, receiver and hosting company.
//!
//! A field that no source was seen for is never printed without the word `uncertain` beside it.

use std::net::Ipv4Addr;

use clap::ValueEnum;

use crate::catalogue::{Known, List, Standing, WhoMayAsk, ZoneFacts};
use crate::report::layout::{Page, Tone};
use crate::report::providers;
use crate::report::settings::Lang;
use crate::report::table::Look;
use crate::report::ways;

/// Cells of the longest name.
pub(super) const NAME: usize = "takes effect".len();
/// How an entry of `uncertain` begins that stands for the whole list.
const EVERYTHING: &str = "everything";

/// What `lists` puts on stdout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people.
    #[default]
    Table,
    /// A row for each list, receiver and hosting company
    Csv,
    /// The same, one entry a line, zones and codes taken apart
    Ndjson,
}

/// A block for each entry. The ways out are told in the reader's language, everything else in the catalogue's.
#[must_use]
pub fn lists_table(known: &Known<'_>, look: Look, lang: Lang) -> String {
    let mut page = Page::new(look.width, look.color);
    for list in &known.lists {
        page.gap();
        block(list, &mut page);
    }
    for receiver in &known.receivers {
        page.gap();
        providers::receiver(receiver, &mut page);
    }
    for company in &known.hosting {
        page.gap();
        providers::hosting(company, &mut page);
    }
    for way in &known.ways {
        page.gap();
        ways::block(way, lang, &mut page);
    }
    page.finish()
}

/// What it is and whether it lives, how to get off it, then what tells its refusals from others'.
fn block(list: &List, page: &mut Page) {
    let unsure = &list.uncertain;
    page.heading(&list.id.0, &list.name);
    let event_id = list.event_id.as_ref().map(ToString::to_string);
    // An event carries another id where replies do not tell the operator's lists apart.
    field(page, unsure, "blocklist", &event_id.unwrap_or_default());
    field(page, unsure, "operator", &list.operator);
    field(page, unsure, "kind", &list.kind.to_string());
    let tone = match list.status {
        Standing::Alive => Tone::Good,
        Standing::Dead => Tone::Bad,
        Standing::Unknown => Tone::Warn,
    };
    page.field(tone, "status", NAME, &status(list));
    let mut missing = Vec::new();
    for (name, of, text) in way_out(list) {
        if text.is_empty() {
            missing.push(name);
        } else {
            page.field(Tone::Plain, name, NAME, &marked(unsure, of, &text));
        }
    }
    // a field without a fact has no doubtful one, and there is no way off a dead list
    if !is_for_the_receiver_alone(list) {
        field(page, &[], "not known", &missing.join(", "));
    }
    field(page, unsure, "note", &list.note);
    codes(list, page);
    zones(list, page);
    let marks = marked_all(unsure, "seen_as", &list.seen_as, "; ");
    field(page, &[], "seen as", &marks);
    let serves: Vec<&str> = list.serves.iter().map(|id| id.0.as_str()).collect();
    field(page, unsure, "asked via", &serves.join(", "));
    let old: Vec<&str> = list
        .lookup_old
        .iter()
        .chain(&list.removal_old)
        .map(String::as_str)
        .collect();
    faint(page, "old pages", &old.join(" "));
    faint(page, "uncertain", &unsure.join("; ").replace('_', " "));
    faint(page, "sources", &list.sources.join("; "));
}

/// A field under the name that `uncertain` has for it; nothing where there is no text.
pub(super) fn field(page: &mut Page, unsure: &[String], name: &str, text: &str) {
    if !text.is_empty() {
        page.field(Tone::Plain, name, NAME, &marked(unsure, name, text));
    }
}

/// Where a fact comes from, and how far it goes.
pub(super) fn faint(page: &mut Page, name: &str, text: &str) {
    if !text.is_empty() {
        page.field(Tone::Faint, name, NAME, text);
    }
}

/// What somebody needs to get off the list, each with the name that `uncertain` has for it.
fn way_out(list: &List) -> [(&'static str, &'static str, String); 7] {
    let who = match list.who_may_ask_note.as_str() {
        "" if list.who_may_ask == WhoMayAsk::Unknown => String::new(),
        "" => who_may_ask(list).to_owned(),
        note => format!("{}: {note}", who_may_ask(list)),
    };
    let removal = match list.removal_page.as_str() {
        "" => list.removal.clone(),
        page => format!("{} (see {page})", list.removal),
    };
    [
        ("lookup", "lookup", list.lookup.clone()),
        ("removal", "removal", removal),
        ("who may ask", "who_may_ask", who),
        (
            "needs",
            "needs",
            marked_all(&list.uncertain, "needs", &list.needs, "; "),
        ),
        ("takes effect", "takes_effect", list.takes_effect.clone()),
        ("harm", "harm", list.harm.clone()),
        ("relisting", "relisting", list.relisting.clone()),
    ]
}

fn who_may_ask(list: &List) -> &'static str {
    let of_domains = list.zones().next().is_some() && list.zones().all(|zone| zone.domains);
    match list.who_may_ask {
        WhoMayAsk::Nobody | WhoMayAsk::Receiver if is_for_the_receiver_alone(list) => {
            "nobody, the receiver has to stop asking it"
        }
        WhoMayAsk::IpOwner if of_domains => "the domain's owner",
        WhoMayAsk::Sender => "whoever sends through the IP",
        WhoMayAsk::IpOwner => "the IP's owner (on a shared server: your hosting company)",
        WhoMayAsk::Receiver => "the receiver alone can change it",
        WhoMayAsk::Nobody => "nobody, it expires by itself",
        WhoMayAsk::Unknown => "unknown",
    }
}

/// Whether it is dead and has a zone: nobody is to be asked but who still asks it.
fn is_for_the_receiver_alone(list: &List) -> bool {
    list.status == Standing::Dead && list.zones().next().is_some()
}

/// `dead since 2019 (uncertain): its domain lapsed`; the doubt stands before the note, which it is not about.
fn status(list: &List) -> String {
    let unsure = |name| is_unsure(&list.uncertain, name);
    let mut text = list.status.to_string();
    if let Some(month) = list.dead_since {
        text.push_str(&format!(" since {month}"));
    }
    let mut says = Vec::new();
    let in_doubt = unsure("status") || (list.dead_since.is_some() && unsure("dead_since"));
    if in_doubt && list.status != Standing::Unknown {
        says.push("uncertain".to_owned());
    }
    match list.status_as_of.as_str() {
        "" if list.status == Standing::Alive && !in_doubt => says.push("undated source".to_owned()),
        "" => {}
        month => says.push(format!("as of {month}")),
    }
    if !in_doubt && !list.status_as_of.is_empty() && unsure("status_as_of") {
        says.push("uncertain".to_owned());
    }
    if !says.is_empty() {
        text.push_str(&format!(" ({})", says.join(", ")));
    }
    if !list.status_note.is_empty() {
        text.push_str(&format!(": {}", list.status_note));
    }
    text
}

/// The operator's own codes, each on a line of its own.
fn codes(list: &List, page: &mut Page) {
    if !list.codes.is_empty() {
        page.line("  codes");
    }
    for (code, meaning) in &list.codes {
        let line = marked(&list.uncertain, code, &format!("{code} = {meaning}"));
        let line = marked(&list.uncertain, "codes", &line);
        page.paragraph(Tone::Plain, 4, 4, &line);
    }
}

/// Each zone with what it knows, whom it refuses, and what its answers mean.
fn zones(list: &List, page: &mut Page) {
    if list.zones().next().is_some() {
        page.line("  zones");
    }
    for zone in list.zones() {
        page.paragraph(Tone::Plain, 4, 4, &zone_facts(list, &zone));
        if !zone.note.is_empty() {
            page.paragraph(Tone::Plain, 6, 2, &zone.note);
        }
        for answer in answers(list, &zone) {
            page.paragraph(Tone::Plain, 6, 2, &answer);
        }
    }
}

/// `zen.spamhaus.org: IPv4, IPv6, test entries`
pub(super) fn zone_facts(list: &List, zone: &ZoneFacts) -> String {
    let dead = zone.dead_since.map(|month| format!("dead since {month}"));
    let dead = dead.map(|text| marked(&list.uncertain, "dead_since", &text));
    let test_entries = match zone.test_entries {
        true => marked(&list.uncertain, "test_entries", "test entries"),
        false => marked(&list.uncertain, "test_entries", "no test entry known"),
    };
    let says = [
        (zone.ipv4, "IPv4".to_owned()),
        (zone.ipv6, "IPv6".to_owned()),
        (zone.domains, "domains, never addresses".to_owned()),
        (zone.needs_key, "with a key before the name".to_owned()),
        (zone.allows, "an allow list".to_owned()),
        (!zone.domains && zone.dead_since.is_none(), test_entries),
        (dead.is_some(), dead.unwrap_or_default()),
    ];
    let says: Vec<String> = says
        .into_iter()
        .filter_map(|(holds, text)| holds.then_some(text))
        .collect();
    let line = format!("{}: {}", zone.zone, says.join(", "));
    marked(&list.uncertain, zone.zone.as_str(), &line)
}

/// What each answer of a zone means.
pub(super) fn answers(list: &List, zone: &ZoneFacts) -> Vec<String> {
    let line = |code: &Ipv4Addr, text: String| {
        let line = marked(&list.uncertain, &code.to_string(), &format!("{code} = {text}"));
        // `codes` in `uncertain` means these where the operator has none of its own.
        match list.codes.is_empty() {
            true => marked(&list.uncertain, "codes", &line),
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
pub(super) fn marked(unsure: &[String], name: &str, text: &str) -> String {
    if is_unsure(unsure, name) && !text.ends_with(UNCERTAIN) && !text.ends_with(ALL_UNCERTAIN) {
        format!("{text}{UNCERTAIN}")
    } else {
        text.to_owned()
    }
}

/// Several of them in one field: the mark says that it is about each.
pub(super) fn marked_all(unsure: &[String], name: &str, items: &[String], between: &str) -> String {
    let text = items.join(between);
    match items {
        // nothing is not in doubt
        [] => text,
        [_] => marked(unsure, name, &text),
        [_, _, ..] if is_unsure(unsure, name) => format!("{text}{ALL_UNCERTAIN}"),
        [_, _, ..] => text,
    }
}

fn is_unsure(unsure: &[String], name: &str) -> bool {
    unsure.iter().any(|entry| {
        let word = entry.split([' ', ':']).next().unwrap_or_default();
        word == name || word == EVERYTHING
    })
}

const UNCERTAIN: &str = " (uncertain)";
const ALL_UNCERTAIN: &str = " (all uncertain)";

#[cfg(test)]
mod tests {
    use crate::catalogue::{Catalogue, Known, Standing};
    use crate::report::layout::cells;
    use crate::report::lists::{NAME, lists_table};
    use crate::report::settings::Lang;
    use crate::report::table::Look;

    fn shown(known: &Known<'_>) -> String {
        let look = Look {
            width: 80,
            color: false,
            verbose: false,
        };
        let text = lists_table(known, look, Lang::En);
        for line in text.lines() {
            assert!(cells(line) <= 80 || !line.trim_start().contains(' '), "{line:?}");
            // a doubt about nothing
            let value = line.strip_prefix("  ").and_then(|row| row.get(NAME..));
            let is_row = !line.starts_with("   ");
            assert!(
                !is_row || value.is_none_or(|value| value.trim() != "(uncertain)"),
                "{line:?}"
            );
        }
        text
    }

    fn shown_by(filters: &[&str]) -> String {
        let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
        shown(&Catalogue::built_in().unwrap().meant_by(&filters).unwrap())
    }

    #[test]
    fn a_public_and_a_dead_list_at_80_columns() {
        insta::assert_snapshot!(shown_by(&["abusix", "sorbs"]));
    }

    #[test]
    fn a_private_list_by_its_code() {
        insta::assert_snapshot!(shown_by(&["S3150"]));
    }

    #[test]
    fn a_receiver_and_a_hosting_company() {
        insta::assert_snapshot!(shown_by(&["hotmail.co.jp", "sakura.ne.jp", "conoha"]));
    }

    #[test]
    fn the_whole_catalogue() {
        insta::assert_snapshot!(shown_by(&[]));
    }

    /// The lines that begin with a name, and those that hang below them, in one line.
    fn paragraph(text: &str, name: &str) -> Option<String> {
        let begins = |line: &&str| {
            let rest = line.trim_start().strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', ':']))
        };
        let depth = |line: &str| line.len() - line.trim_start().len();
        let first = text.lines().find(begins)?;
        let hanging = text.lines().skip_while(|line| !begins(line)).skip(1);
        let words = hanging
            .take_while(|line| depth(line) > depth(first))
            .flat_map(str::split_whitespace);
        let words: Vec<&str> = first.split_whitespace().chain(words).collect();
        Some(words.join(" "))
    }

    /// The names that `uncertain` begins with.
    fn doubted(unsure: &[String]) -> impl Iterator<Item = &str> {
        unsure.iter().filter_map(|entry| entry.split([' ', ':']).next())
    }

    #[test]
    fn a_doubt_stands_beside_what_it_is_about() {
        let catalogue = Catalogue::built_in().unwrap();
        let all = catalogue.meant_by(&[]).unwrap();
        for list in all.lists {
            let text = shown(&Known {
                lists: vec![list],
                ..Known::default()
            });
            for name in doubted(&list.uncertain) {
                let row = match name {
                    "everything" => "kind".to_owned(),
                    "status" | "status_as_of" if list.status == Standing::Unknown => continue,
                    "status_as_of" => "status".to_owned(),
                    "dead_since" | "test_entries" => "zones".to_owned(),
                    name => name.replace('_', " "),
                };
                let row = paragraph(&text, &row).unwrap_or_default();
                assert!(row.is_empty() || row.contains("uncertain"), "{name}: {row}");
            }
        }
        for receiver in all.receivers {
            let text = shown(&Known {
                receivers: vec![receiver],
                ..Known::default()
            });
            for name in doubted(&receiver.uncertain) {
                let rows = ["hosts", "domains"].map(|row| paragraph(&text, row).unwrap_or_default());
                let own_mark = format!("{name} (uncertain)");
                let is_marked = rows.iter().any(|row| match row.strip_prefix(name) {
                    Some(_) => row.ends_with("uncertain)"),
                    None => row.contains(&own_mark) || row.ends_with("(all uncertain)"),
                });
                assert!(is_marked, "{name}: {rows:?}");
            }
        }
    }

    #[test]
    fn a_doubt_is_about_something_that_the_entry_has() {
        const FIELDS: [&str; 17] = [
            "codes",
            "dead_since",
            "everything",
            "harm",
            "kind",
            "lookup",
            "needs",
            "note",
            "operator",
            "relisting",
            "removal",
            "seen_as",
            "status",
            "status_as_of",
            "takes_effect",
            "test_entries",
            "who_may_ask",
        ];
        let catalogue = Catalogue::built_in().unwrap();
        let all = catalogue.meant_by(&[]).unwrap();
        for list in all.lists {
            let zones: Vec<_> = list.zones().collect();
            let answers = zones
                .iter()
                .flat_map(|zone| zone.codes.keys().chain(zone.not_listed.keys()))
                .map(ToString::to_string);
            let known: Vec<String> = zones
                .iter()
                .map(|zone| zone.zone.to_string())
                .chain(answers)
                .chain(list.codes.keys().cloned())
                .chain(FIELDS.map(str::to_owned))
                .collect();
            for name in doubted(&list.uncertain) {
                assert!(known.iter().any(|known| known == name), "{}: {name}", list.id);
            }
        }
        for receiver in all.receivers {
            for name in doubted(&receiver.uncertain) {
                let names = receiver.mx.iter().chain(&receiver.domains);
                let is_known = names.into_iter().any(|known| known == name);
                assert!(
                    is_known || ["hosts", "domains"].contains(&name),
                    "{}: {name}",
                    receiver.id
                );
            }
        }
        for company in all.hosting {
            for name in doubted(&company.uncertain) {
                let fields = ["hosts", "channel", "needs", "answer", "self_ask", "everything"];
                assert!(fields.contains(&name), "{}: {name}", company.id);
            }
        }
    }

    #[test]
    fn what_is_said_of_a_list_has_a_source_or_is_doubted() {
        let catalogue = Catalogue::built_in().unwrap();
        for list in catalogue.lists() {
            let no_source = doubted(&list.uncertain).any(|name| name == "everything");
            assert!(no_source || !list.sources.is_empty(), "{}", list.id);
            // the day it died decides whose fault a bounce is
            let dead = list.status == Standing::Dead && list.zones().next().is_some();
            assert!(
                !dead || list.zones().all(|zone| zone.dead_since.is_some()),
                "{}",
                list.id
            );
        }
        for receiver in catalogue.meant_by(&[]).unwrap().receivers {
            let nowhere = receiver.seen.iter().all(|seen| seen == "none");
            let hosts = doubted(&receiver.uncertain).any(|name| name == "hosts");
            assert!(!nowhere || hosts, "{}", receiver.id);
        }
    }

    #[test]
    fn every_entry_says_what_is_uncertain() {
        let catalogue = Catalogue::built_in().unwrap();
        let all = catalogue.meant_by(&[]).unwrap();
        let says = |known: Known<'_>, unsure: &[String]| {
            let text = shown(&known);
            assert_eq!(text.contains("uncertain"), !unsure.is_empty(), "{text}");
        };
        for list in all.lists {
            let lists = vec![list];
            says(
                Known {
                    lists,
                    ..Known::default()
                },
                &list.uncertain,
            );
        }
        for receiver in all.receivers {
            let receivers = vec![receiver];
            says(
                Known {
                    receivers,
                    ..Known::default()
                },
                &receiver.uncertain,
            );
        }
        for company in all.hosting {
            let hosting = vec![company];
            says(
                Known {
                    hosting,
                    ..Known::default()
                },
                &company.uncertain,
            );
        }
    }
}
