//! What the catalogue knows, and what the checks say, in the reader's language.
//!
//! Both are written in English, and so the ledger keeps them; `text/facts.LANG.toml` has each text beside its translation.
//! The English text is the key: what a user's own catalogue says, or an earlier version said, stays in its own words.
//! For people alone. CSV, NDJSON and JSON have the catalogue's own words in each language.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;

use serde::Deserialize;

use crate::report::lang::Lang;
use crate::report::words::fill;

const JAPANESE: &str = include_str!("text/facts.ja.toml");
/// What parts the meanings of several codes.
const BETWEEN: &str = "; ";

/// A file of texts and their translations.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    fact: Vec<Phrase>,
}

/// A text and its translation. Where it has `{names}`, any values may stand there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Phrase {
    en: String,
    ja: String,
}

/// The translations of one language; English has none, and needs none.
#[derive(Clone, Debug, Default)]
pub(super) struct Phrasebook {
    texts: BTreeMap<String, String>,
    /// Those with values, in the file's order.
    templates: Vec<(String, String)>,
}

impl Phrasebook {
    /// The translations into a language.
    pub(super) fn of(lang: Lang) -> Result<Self, toml::de::Error> {
        let mut book = Self::default();
        let file: File = match lang {
            Lang::En => return Ok(book),
            Lang::Ja => toml::from_str(JAPANESE)?,
        };
        for Phrase { en, ja } in file.fact {
            if en.contains('{') {
                book.templates.push((en, ja));
            } else {
                book.texts.insert(en, ja);
            }
        }
        Ok(book)
    }

    /// A text of the catalogue; itself where it has no translation.
    pub(super) fn fact<'a>(&'a self, text: &'a str) -> &'a str {
        self.texts.get(text).map_or(text, String::as_str)
    }

    /// Several of them.
    pub(super) fn facts(&self, texts: &[String]) -> Vec<String> {
        texts.iter().map(|text| self.fact(text).to_owned()).collect()
    }

    /// What a check said: a sentence with its values, or the meanings of the codes that came.
    pub(super) fn said<'a>(&'a self, text: &'a str) -> Cow<'a, str> {
        self.whole(text)
            .or_else(|| self.of_a_code(text).map(Cow::Owned))
            .or_else(|| self.several(text).map(Cow::Owned))
            .unwrap_or(Cow::Borrowed(text))
    }

    fn whole(&self, text: &str) -> Option<Cow<'_, str>> {
        if let Some(known) = self.texts.get(text) {
            return Some(Cow::Borrowed(known));
        }
        self.templates.iter().find_map(|(template, translation)| {
            let values = values(template, text)?;
            let values: Vec<(&str, &dyn Display)> = values
                .iter()
                .map(|(name, value)| (*name, value as &dyn Display))
                .collect();
            Some(Cow::Owned(fill(translation, &values)))
        })
    }

    /// `127.255.255.252: the name of the zone is mistyped`
    fn of_a_code(&self, text: &str) -> Option<String> {
        let (code, meaning) = text.split_once(": ")?;
        let meaning = self.whole(meaning).filter(|_| code.parse::<IpAddr>().is_ok())?;
        Some(format!("{code}: {meaning}"))
    }

    /// A meaning may itself hold what parts them, so the longest known beginning is taken.
    fn several(&self, text: &str) -> Option<String> {
        let parted = |at: usize| {
            let (first, rest) = text.split_at_checked(at)?;
            Some((first, rest.strip_prefix(BETWEEN)?))
        };
        let known = text.rmatch_indices(BETWEEN).find_map(|(at, _)| {
            let (first, rest) = parted(at)?;
            Some((self.whole(first)?, rest))
        });
        let (first, rest) = match known {
            Some(known) => known,
            None => text
                .split_once(BETWEEN)
                .map(|(first, rest)| (Cow::Borrowed(first), rest))?,
        };
        Some(format!("{first}{BETWEEN}{}", self.said(rest)))
    }
}

/// The values of a text that reads as the template does.
fn values<'t>(template: &'t str, text: &'t str) -> Option<Vec<(&'t str, &'t str)>> {
    let (before, mut template) = template.split_once('{')?;
    let mut text = text.strip_prefix(before)?;
    let mut values = Vec::new();
    loop {
        let (name, behind) = template.split_once('}')?;
        let Some((between, next)) = behind.split_once('{') else {
            values.push((name, text.strip_suffix(behind)?));
            return Some(values);
        };
        let (value, rest) = text.split_once(between)?;
        values.push((name, value));
        (template, text) = (next, rest);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use unicode_width::UnicodeWidthChar;

    use crate::catalogue::{Catalogue, Hosting, List, Receiver};
    use crate::report::lang::Lang;
    use crate::report::phrasebook::{File, JAPANESE, Phrase, Phrasebook};

    /// The files of the check room that form what people read of an answer.
    const CHECKS: [&str; 5] = [
        include_str!("../check/dnsbl.rs"),
        include_str!("../check/health.rs"),
        include_str!("../check/owner.rs"),
        include_str!("../check/resolver.rs"),
        include_str!("../check/run.rs"),
    ];
    /// One warning stands among errors that only stderr has.
    const DOOR: &str = include_str!("../check/mod.rs");
    /// Theirs that no report shows: the log's, the CSV's words for a test, and what parts a code from its meaning.
    const NOT_SHOWN: [&str; 7] = [
        " {code}",
        "{fault}: {}",
        "its test entry is not listed: emptied, or hidden by the resolver",
        "lists what no list may hold:",
        "no reason",
        "no test entry: it can list, not clear",
        "refuses the resolver:",
    ];

    fn phrases() -> Vec<Phrase> {
        toml::from_str::<File>(JAPANESE).unwrap().fact
    }

    /// What a list is called, and by whom it is kept: proper names, of which only those with other words in them are
    /// translated.
    fn names(lists: &[&List], receivers: &[&Receiver], companies: &[&Hosting]) -> BTreeSet<String> {
        let of_lists = lists.iter().flat_map(|list| [&list.name, &list.operator]);
        let of_receivers = receivers.iter().map(|receiver| &receiver.name);
        let of_companies = companies.iter().map(|company| &company.name);
        let all = of_lists.chain(of_receivers).chain(of_companies);
        all.cloned().collect()
    }

    fn of_list(list: &List) -> Vec<String> {
        let mut texts = vec![
            &list.status_note,
            &list.who_may_ask_note,
            &list.takes_effect,
            &list.harm,
            &list.relisting,
            &list.note,
        ];
        texts.extend(list.needs.iter().chain(list.codes.values()));
        texts.extend(list.codes.keys().filter(|code| code.contains(' ')));
        let mut texts: Vec<String> = texts.into_iter().cloned().collect();
        for zone in list.zones() {
            texts.extend(zone.codes.into_values().chain(zone.not_listed.into_values()));
            texts.extend([zone.refuses, zone.note]);
        }
        texts
    }

    /// A doubt is the name of a field or zone, with or without more words.
    fn doubts(unsure: &[String]) -> impl Iterator<Item = String> {
        unsure.iter().filter(|doubt| doubt.contains(' ')).cloned()
    }

    /// The names of the built-in catalogue, and everything else that it says to people.
    fn catalogue() -> (BTreeSet<String>, BTreeSet<String>) {
        let catalogue = Catalogue::built_in().unwrap();
        let all = catalogue.meant_by(&[]).unwrap();
        let mut facts: BTreeSet<String> = catalogue.never_listed().values().cloned().collect();
        for list in &all.lists {
            facts.extend(of_list(list));
            facts.extend(doubts(&list.uncertain));
        }
        for receiver in &all.receivers {
            facts.insert(receiver.note.clone());
            facts.extend(doubts(&receiver.uncertain));
        }
        for company in &all.hosting {
            facts.extend([&company.channel, &company.answer, &company.self_ask_note].map(String::clone));
            facts.extend(company.needs.iter().cloned());
            facts.extend(doubts(&company.uncertain));
        }
        facts.remove("");
        (names(&all.lists, &all.receivers, &all.hosting), facts)
    }

    /// Whether it is made of names of hosts, lists and companies alone.
    fn is_proper_name(text: &str) -> bool {
        let is_word = |word: &str| word.chars().all(|c| c.is_ascii_lowercase());
        let mut words = text.split([' ', ',', '(', ')']).filter(|word| !word.is_empty());
        words.all(|word| !is_word(word))
    }

    /// The sentences in a file's code, each as it is written there.
    fn sentences(file: &str) -> BTreeSet<&str> {
        let (code, _) = file.split_once("mod tests {").unwrap_or((file, ""));
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let literals = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
        let is_sentence = |literal: &&str| literal.contains(' ') && literal.contains(char::is_alphabetic);
        literals.filter(is_sentence).collect()
    }

    fn values(text: &str) -> BTreeSet<&str> {
        let opened = text.split('{').skip(1);
        opened.filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
    }

    #[test]
    fn everything_that_the_catalogue_says_is_translated() {
        let translated: BTreeSet<String> = phrases().into_iter().map(|phrase| phrase.en).collect();
        let (_, facts) = catalogue();
        let missing = facts.difference(&translated).filter(|fact| !is_proper_name(fact));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&String>::new());
    }

    #[test]
    fn everything_that_a_check_says_is_translated() {
        let translated: BTreeSet<String> = phrases().into_iter().map(|phrase| phrase.en).collect();
        let said: BTreeSet<&str> = CHECKS.into_iter().flat_map(sentences).collect();
        let missing = said
            .into_iter()
            .filter(|said| !NOT_SHOWN.contains(said) && !translated.contains(*said));
        assert_eq!(missing.collect::<Vec<_>>(), Vec::<&str>::new());
    }

    #[test]
    fn nothing_is_translated_that_nobody_says_or_twice() {
        let (names, facts) = catalogue();
        let said: BTreeSet<&str> = CHECKS.into_iter().chain([DOOR]).flat_map(sentences).collect();
        let mut seen = BTreeSet::new();
        for Phrase { en, .. } in phrases() {
            assert!(
                names.contains(&en) || facts.contains(&en) || said.contains(en.as_str()),
                "nobody says {en:?}"
            );
            assert!(seen.insert(en.clone()), "{en:?} stands there twice");
        }
    }

    #[test]
    fn a_translation_has_the_values_of_its_text_and_a_width_that_terminals_agree_on() {
        for Phrase { en, ja } in phrases() {
            assert_eq!(values(&en), values(&ja), "{en}");
            assert_ne!(en, ja);
            let is_plain = |c: char| c.width() == c.width_cjk() && c != '\u{3000}' && !c.is_control();
            assert!(!ja.is_empty() && ja.chars().all(is_plain), "{ja:?}");
        }
    }

    #[test]
    fn several_meanings_and_values_find_their_translations() {
        let book = Phrasebook::of(Lang::Ja).unwrap();
        for (said, in_japanese) in [
            ("no answer in time", "時間内に応答がありません"),
            (
                "listed, code 127.0.0.99 not in the catalogue",
                "掲載あり、コード 127.0.0.99 は未収録",
            ),
            (
                "BCL: botnet controller; listed, code 127.0.0.99 not in the catalogue",
                "BCL: ボットネットの制御サーバー; 掲載あり、コード 127.0.0.99 は未収録",
            ),
            (
                "ours: hacked; no answer in time",
                "ours: hacked; 時間内に応答がありません",
            ),
            (
                "127.255.255.252: the name of the zone is mistyped",
                "127.255.255.252: ゾーン名が誤っています",
            ),
            (
                "resolver 127.0.0.1 is refused by zen.spamhaus.org, bl.example.org",
                "リゾルバー 127.0.0.1 からの照会を断っているゾーン: zen.spamhaus.org, bl.example.org",
            ),
            ("a fact of one's own", "a fact of one's own"),
        ] {
            assert_eq!(book.said(said), in_japanese);
            assert_eq!(Phrasebook::of(Lang::En).unwrap().said(said), said);
        }
    }
}
