//! What `bounceaudit lists` prints for people: a block for each list, receiver and hosting company.
//!
//! A field that no source was seen for is never printed without the word `uncertain` beside it.

use std::net::Ipv4Addr;

use clap::ValueEnum;

use crate::catalogue::{Known, List, Standing, WhoMayAsk, ZoneFacts};
use crate::report::lang::Lang;
use crate::report::layout::{Page, Tone};
use crate::report::list_words::{Doubts, Field, is_for_the_receiver_alone};
use crate::report::table::Look;
use crate::report::ways;
use crate::report::words::{Words, fill};
use crate::report::{Error, providers};

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

/// A block for each entry, in the reader's language; what a user's own catalogue says, in its words.
///
/// # Errors
/// When the program's own texts cannot be read.
pub fn lists_table(known: &Known<'_>, look: Look, lang: Lang) -> Result<String, Error> {
    let words = Words::of(lang)?;
    let mut page = Page::new(look.width, look.color);
    for list in &known.lists {
        page.gap();
        block(list, &mut Block::new(&mut page, &list.uncertain, &words));
    }
    for receiver in &known.receivers {
        page.gap();
        providers::receiver(receiver, &mut Block::new(&mut page, &receiver.uncertain, &words));
    }
    for company in &known.hosting {
        page.gap();
        providers::hosting(company, &mut Block::new(&mut page, &company.uncertain, &words));
    }
    for way in &known.ways {
        page.gap();
        ways::block(way, lang, &mut Block::new(&mut page, &[], &words));
    }
    Ok(page.finish())
}

/// An entry that is being written.
pub(super) struct Block<'a> {
    pub(super) page: &'a mut Page,
    pub(super) doubts: Doubts<'a>,
    label_width: usize,
}

impl<'a> Block<'a> {
    fn new(page: &'a mut Page, unsure: &'a [String], words: &'a Words) -> Self {
        Self {
            page,
            doubts: Doubts::of(unsure, words),
            label_width: words.lists.label_width(),
        }
    }

    /// A field under its label, whatever is doubted; nothing where there is no text.
    pub(super) fn line(&mut self, tone: Tone, field: Field, text: &str) {
        self.labelled(tone, self.doubts.words.label(field), text);
    }

    /// A line under any label; nothing where there is no text.
    pub(super) fn labelled(&mut self, tone: Tone, label: &str, text: &str) {
        if !text.is_empty() {
            self.page.field(tone, label, self.label_width, text);
        }
    }

    /// A field, marked where `uncertain` has its name.
    pub(super) fn field(&mut self, field: Field, text: &str) {
        if !text.is_empty() {
            let text = self.doubts.marked(field.into(), text);
            self.line(Tone::Plain, field, &text);
        }
    }

    /// Fields, and below them the names of those about which nothing is known.
    pub(super) fn fields(&mut self, fields: impl IntoIterator<Item = (Field, String)>) -> String {
        let mut missing = Vec::new();
        for (field, text) in fields {
            if text.is_empty() {
                missing.push(self.doubts.words.label(field));
            }
            self.field(field, &text);
        }
        missing.join(&self.doubts.join.list)
    }
}

/// What it is and whether it lives, how to get off it, then what tells its refusals from others'.
fn block(list: &List, block: &mut Block<'_>) {
    let Doubts {
        words, join, phrases, ..
    } = block.doubts;
    block.page.heading(&list.id.0, phrases.fact(&list.name));
    let event_id = list.event_id.as_ref().map(ToString::to_string);
    // An event carries another id where replies do not tell the operator's lists apart.
    block.field(Field::Blocklist, &event_id.unwrap_or_default());
    block.field(Field::Operator, phrases.fact(&list.operator));
    block.field(Field::Kind, words.kind(list.kind));
    let tone = match list.status {
        Standing::Alive => Tone::Good,
        Standing::Dead => Tone::Bad,
        Standing::Unknown => Tone::Warn,
    };
    block.line(tone, Field::Status, &status(list, &block.doubts));
    let way_out = way_out(list, &block.doubts);
    let missing = block.fields(way_out);
    // there is no way off a dead list
    if !is_for_the_receiver_alone(list) {
        block.line(Tone::Plain, Field::NotKnown, &missing);
    }
    block.field(Field::Note, phrases.fact(&list.note));
    codes(list, block);
    zones(list, block);
    let marks = block
        .doubts
        .marked_all(Field::SeenAs.into(), &list.seen_as, &join.facts);
    block.line(Tone::Plain, Field::SeenAs, &marks);
    let serves: Vec<&str> = list.serves.iter().map(|id| id.0.as_str()).collect();
    block.field(Field::AskedVia, &serves.join(&join.list));
    let old: Vec<&str> = list
        .lookup_old
        .iter()
        .chain(&list.removal_old)
        .map(String::as_str)
        .collect();
    block.line(Tone::Faint, Field::OldPages, &old.join(&join.words));
    block.line(Tone::Faint, Field::Uncertain, &block.doubts.all());
    block.line(Tone::Faint, Field::Sources, &list.sources.join(&join.facts));
}

/// What somebody needs to get off the list.
fn way_out(list: &List, doubts: &Doubts<'_>) -> [(Field, String); 7] {
    let Doubts {
        words, join, phrases, ..
    } = doubts;
    let who = match list.who_may_ask_note.as_str() {
        "" if list.who_may_ask == WhoMayAsk::Unknown => String::new(),
        "" => words.who_may_ask(list).to_owned(),
        note => join.note(&words.who_may_ask(list), &phrases.fact(note)),
    };
    let removal = match list.removal_page.as_str() {
        "" => list.removal.clone(),
        page => join.aside(&list.removal, &fill(&words.see, &[("page", &page)])),
    };
    let needs = doubts.marked_all(Field::Needs.into(), &phrases.facts(&list.needs), &join.facts);
    [
        (Field::Lookup, list.lookup.clone()),
        (Field::Removal, removal),
        (Field::WhoMayAsk, who),
        (Field::Needs, needs),
        (Field::TakesEffect, phrases.fact(&list.takes_effect).to_owned()),
        (Field::Harm, phrases.fact(&list.harm).to_owned()),
        (Field::Relisting, phrases.fact(&list.relisting).to_owned()),
    ]
}

/// `dead since 2019 (uncertain): its domain lapsed`; the doubt stands before the note, which it is not about.
fn status(list: &List, doubts: &Doubts<'_>) -> String {
    let Doubts { words, join, .. } = doubts;
    let mut text = words.status(list.status).to_owned();
    if let Some(month) = list.dead_since {
        text = fill(&words.since, &[("status", &text), ("month", &month)]);
    }
    let mut says = Vec::new();
    let in_doubt = doubts.about("status") || (list.dead_since.is_some() && doubts.about("dead_since"));
    if in_doubt && list.status != Standing::Unknown {
        says.push(words.uncertain.clone());
    }
    match list.status_as_of.as_str() {
        "" if list.status == Standing::Alive && !in_doubt => says.push(words.undated.clone()),
        "" => {}
        month => says.push(fill(&words.as_of, &[("month", &month)])),
    }
    if !in_doubt && !list.status_as_of.is_empty() && doubts.about("status_as_of") {
        says.push(words.uncertain.clone());
    }
    if !says.is_empty() {
        text = join.aside(&text, &says.join(&join.list));
    }
    match list.status_note.as_str() {
        "" => text,
        note => join.note(&text, &doubts.phrases.fact(note)),
    }
}

/// The operator's own codes, each on a line of its own.
fn codes(list: &List, block: &mut Block<'_>) {
    let Block { page, doubts, .. } = block;
    if !list.codes.is_empty() {
        page.line(&format!("  {}", doubts.words.label(Field::Codes)));
    }
    for (code, meaning) in &list.codes {
        // A name may describe a form, such as `BL and six digits`.
        let (shown, meaning) = (doubts.phrases.fact(code), doubts.phrases.fact(meaning));
        let line = fill(&doubts.words.code, &[("code", &shown), ("text", &meaning)]);
        let line = doubts.marked(code, &line);
        let line = doubts.marked(Field::Codes.into(), &line);
        page.paragraph(Tone::Plain, 4, 4, &line);
    }
}

/// Each zone with what it knows, whom it refuses, and what its answers mean.
fn zones(list: &List, block: &mut Block<'_>) {
    let Block { page, doubts, .. } = block;
    if list.zones().next().is_some() {
        page.line(&format!("  {}", doubts.words.label(Field::Zones)));
    }
    for zone in list.zones() {
        page.paragraph(Tone::Plain, 4, 4, &zone_facts(&zone, doubts));
        let remarks = remarks(&zone, doubts);
        if !remarks.is_empty() {
            page.paragraph(Tone::Plain, 6, 2, &remarks);
        }
        for answer in answers(list, &zone, doubts) {
            page.paragraph(Tone::Plain, 6, 2, &answer);
        }
    }
}

/// `zen.spamhaus.org: IPv4, IPv6, test entries`
pub(super) fn zone_facts(zone: &ZoneFacts, doubts: &Doubts<'_>) -> String {
    let Doubts { words, join, .. } = doubts;
    let dead = zone.dead_since.map(|month| {
        let text = fill(&words.dead_since, &[("month", &month)]);
        doubts.marked(Field::DeadSince.into(), &text)
    });
    let test_entries = match zone.test_entries {
        true => &words.test_entries,
        false => &words.no_test_entry,
    };
    let test_entries = doubts.marked(Field::TestEntries.into(), test_entries);
    let says = [
        (zone.ipv4, words.ipv4.clone()),
        (zone.ipv6, words.ipv6.clone()),
        (zone.domains, words.domains_only.clone()),
        (zone.needs_key, words.needs_key.clone()),
        (zone.allows, words.allows.clone()),
        (!zone.domains && zone.dead_since.is_none(), test_entries),
        (dead.is_some(), dead.unwrap_or_default()),
    ];
    let says: Vec<String> = says
        .into_iter()
        .filter_map(|(holds, text)| holds.then_some(text))
        .collect();
    let line = join.note(&zone.zone, &says.join(&join.list));
    doubts.marked(zone.zone.as_str(), &line)
}

/// Whom a zone refuses, and anything else.
fn remarks(zone: &ZoneFacts, doubts: &Doubts<'_>) -> String {
    let refuses = match zone.refuses.as_str() {
        "" => String::new(),
        whom => fill(&doubts.words.refuses, &[("whom", &doubts.phrases.fact(whom))]),
    };
    let remarks = [refuses.as_str(), doubts.phrases.fact(&zone.note)];
    let remarks: Vec<&str> = remarks.into_iter().filter(|text| !text.is_empty()).collect();
    remarks.join(&doubts.join.facts)
}

/// What each answer of a zone means.
pub(super) fn answers(list: &List, zone: &ZoneFacts, doubts: &Doubts<'_>) -> Vec<String> {
    let Doubts { words, phrases, .. } = doubts;
    let line = |code: &Ipv4Addr, text: &str| {
        let line = fill(&words.code, &[("code", code), ("text", &text)]);
        let line = doubts.marked(&code.to_string(), &line);
        // `codes` in `uncertain` means these where the operator has none of its own.
        match list.codes.is_empty() {
            true => doubts.marked(Field::Codes.into(), &line),
            false => line,
        }
    };
    let listed = zone
        .codes
        .iter()
        .map(|(code, text)| line(code, phrases.fact(text)));
    let not_listed = zone.not_listed.iter();
    listed
        .chain(not_listed.map(|(code, text)| {
            let text = phrases.fact(text);
            line(code, &fill(&words.no_listing, &[("text", &text)]))
        }))
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::catalogue::{Catalogue, Known, Standing};
    use crate::report::lang::Lang;
    use crate::report::layout::cells;
    use crate::report::lists::lists_table;
    use crate::report::table::Look;

    /// Cells of the longest English label.
    const NAME: usize = "takes effect".len();

    fn in_japanese(filters: &[&str]) -> String {
        let filters: Vec<String> = filters.iter().map(|filter| (*filter).to_owned()).collect();
        let catalogue = Catalogue::built_in().unwrap();
        let look = Look {
            width: 80,
            color: false,
            verbose: false,
        };
        let text = lists_table(&catalogue.meant_by(&filters).unwrap(), look, Lang::Ja).unwrap();
        for line in text.lines() {
            assert!(cells(line) <= 80 || !line.trim_start().contains(' '), "{line:?}");
        }
        text
    }

    fn shown(known: &Known<'_>) -> String {
        let look = Look {
            width: 80,
            color: false,
            verbose: false,
        };
        let text = lists_table(known, look, Lang::En).unwrap();
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
    fn the_same_in_japanese() {
        insta::assert_snapshot!(in_japanese(&[
            "abusix",
            "sorbs",
            "hotmail.co.jp",
            "sakura.ne.jp",
            "conoha"
        ]));
    }

    #[test]
    fn every_entry_fits_in_japanese_and_has_no_english_label() {
        let text = in_japanese(&[]);
        for label in [
            "  status",
            "  who may ask",
            "  takes effect",
            "  zones",
            "(all uncertain",
        ] {
            assert!(!text.contains(label), "{label}");
        }
        let marks = |text: &str, mark: &str| {
            let text: String = text.split_whitespace().collect();
            text.matches(mark).count()
        };
        assert_eq!(marks(&text, "未確認)"), marks(&shown_by(&[]), "uncertain)"));
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
