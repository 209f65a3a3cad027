//! The report's texts: one file for each language, `text/LANG.toml`, and how values come into them.
//!
//! A language that lacks a key, or has one too many, does not load; the tests see to it that none such ships.

use std::fmt::Display;

use serde::Deserialize;

use crate::ledger::State;
use crate::report::checks::AnswerWords;
use crate::report::days::DayWords;
use crate::report::draft::DraftWords;
use crate::report::event_table::EventWords;
use crate::report::health::HealthWords;
use crate::report::html::HtmlWords;
use crate::report::lang::Lang;
use crate::report::list_words::ListWords;
use crate::report::phrasebook::Phrasebook;
use crate::report::reasons::ReasonWords;
use crate::report::safe::visible;
use crate::report::strange::StrangeWords;
use crate::report::what::{AgainWords, WhatWords, WhyWords};
use crate::report::wide::WideWords;
use crate::report::xlsx::XlsxWords;

const ENGLISH: &str = include_str!("text/en.toml");
const JAPANESE: &str = include_str!("text/ja.toml");

/// All texts of one language. Each field is a table of its file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    pub(super) join: Join,
    pub(super) heading: Heading,
    pub(super) sentence: Sentence,
    pub(super) state: ByState<String>,
    pub(super) column: Column,
    pub(super) row: Row,
    pub(super) listed: Listed,
    pub(super) spells: Spells,
    pub(super) ask: Ask,
    pub(super) what: WhatWords,
    pub(super) why: WhyWords,
    pub(super) again: AgainWords,
    pub(super) wide: WideWords,
    pub(super) days: DayWords,
    pub(super) rest: Rest,
    pub(super) unseen: Unseen,
    pub(super) next: Next,
    pub(super) reasons: ReasonWords,
    pub(super) event: EventWords,
    pub(super) answer: AnswerWords,
    pub(super) check: Check,
    pub(super) health: HealthWords,
    pub(super) lists: ListWords,
    pub(super) html: HtmlWords,
    pub(super) xlsx: XlsxWords,
    pub(super) draft: DraftWords,
    /// What stands in the catalogue and in answers of the checks; it has a file of its own.
    #[serde(skip)]
    pub(super) phrases: Phrasebook,
}

impl Words {
    /// The texts of a language.
    pub(super) fn of(lang: Lang) -> Result<Self, toml::de::Error> {
        let words: Self = toml::from_str(match lang {
            Lang::En => ENGLISH,
            Lang::Ja => JAPANESE,
        })?;
        let phrases = Phrasebook::of(lang)?;
        Ok(Self { phrases, ..words })
    }
}

/// A text that depends on a number; `{n}` is the number. Japanese has one for all numbers.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub(super) enum Counted {
    /// The same whatever the number.
    Same(String),
    /// One thing, or several.
    ByNumber {
        /// For one.
        one: String,
        /// For none and for several.
        other: String,
    },
}

impl Counted {
    pub(super) fn of(&self, n: usize) -> String {
        self.with(n, &[])
    }

    pub(super) fn with(&self, n: usize, values: &[(&str, &dyn Display)]) -> String {
        let text = match self {
            Self::Same(text) => text,
            Self::ByNumber { one, .. } if n == 1 => one,
            Self::ByNumber { other, .. } => other,
        };
        let mut all: Vec<(&str, &dyn Display)> = vec![("n", &n)];
        all.extend_from_slice(values);
        fill(text, &all)
    }
}

/// A text for each state.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct ByState<T> {
    new: T,
    ongoing: T,
    relisted: T,
    cleared: T,
    receiver_fault: T,
    unknown: T,
}

impl<T> ByState<T> {
    pub(super) fn of(&self, state: State) -> &T {
        match state {
            State::New => &self.new,
            State::Ongoing => &self.ongoing,
            State::Relisted => &self.relisted,
            State::Cleared => &self.cleared,
            State::ReceiverFault => &self.receiver_fault,
            State::Unknown => &self.unknown,
        }
    }
}

/// The text with its values, each made visible. What a value holds is not read again: a reply that says `{ip}` stays so.
pub(super) fn fill(text: &str, values: &[(&str, &dyn Display)]) -> String {
    let mut filled = String::with_capacity(text.len() + 32);
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let value = after
            .split_once('}')
            .and_then(|(name, behind)| Some((values.iter().find(|(key, _)| *key == name)?.1, behind)));
        match value {
            Some((value, behind)) => {
                filled.push_str(&visible(&value.to_string()));
                rest = behind;
            }
            None => {
                filled.push('{');
                rest = after;
            }
        }
    }
    filled + rest
}

/// `[join]`: what stands between texts, and how one is put behind another.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Join {
    pub(super) list: String,
    pub(super) facts: String,
    pub(super) words: String,
    pub(super) sentences: String,
    aside: String,
    note: String,
}

impl Join {
    /// `text (aside)`
    pub(super) fn aside(&self, text: &dyn Display, aside: &dyn Display) -> String {
        fill(&self.aside, &[("text", text), ("aside", aside)])
    }

    /// `text: note`
    pub(super) fn note(&self, text: &dyn Display, note: &dyn Display) -> String {
        fill(&self.note, &[("text", text), ("note", note)])
    }
}

/// `[heading]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Heading {
    pub(super) everything: String,
    pub(super) since: String,
    pub(super) until: String,
    pub(super) between: String,
    pub(super) on: String,
}

/// `[sentence]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sentence {
    pub(super) none: String,
    pub(super) none_seen: String,
    pub(super) only: String,
    pub(super) several: String,
    pub(super) unnamed: Counted,
    pub(super) it: ByState<String>,
    pub(super) they: ByState<Counted>,
}

/// `[column]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Column {
    pub(super) state: String,
    pub(super) ip: String,
    pub(super) refused_by: String,
    pub(super) list: String,
    pub(super) mail: String,
    pub(super) late: String,
    pub(super) domain: String,
    pub(super) reasons: String,
    pub(super) no_ip: String,
    pub(super) no_list: String,
    pub(super) no_ptr: String,
    pub(super) rate: String,
    pub(super) reputation: String,
    pub(super) receiver_fault: String,
    pub(super) receivers: Counted,
    pub(super) provider: String,
    pub(super) recipients: String,
    pub(super) listed_now: String,
    pub(super) yes: String,
    pub(super) no: String,
    pub(super) unknown: String,
    pub(super) changes: String,
}

/// `[row]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Row {
    pub(super) domain: String,
    pub(super) more_domains: Counted,
    pub(super) unnamed: String,
    pub(super) unnamed_unknown: String,
    pub(super) code: Counted,
    pub(super) receiver_fault: String,
    pub(super) receiver_fault_of: String,
    pub(super) also_listed: String,
    pub(super) hosted: String,
    pub(super) several: String,
    pub(super) own: String,
    pub(super) helo: String,
    pub(super) note: String,
    pub(super) late: String,
    pub(super) late_past: String,
    pub(super) late_until: String,
    pub(super) late_none: String,
    pub(super) late_still: String,
    pub(super) delayed: Counted,
    pub(super) removal: String,
    pub(super) reply: String,
    pub(super) refused_by: String,
    pub(super) list: String,
    pub(super) mail: String,
}

/// `[listed]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Listed {
    pub(super) yes: String,
    pub(super) no: String,
    pub(super) no_since: String,
    pub(super) no_plain: String,
    pub(super) unknown: String,
    pub(super) at: String,
    pub(super) asked: String,
    pub(super) private: String,
    pub(super) not_asked: String,
    pub(super) stale: String,
    pub(super) refused: String,
    pub(super) timeout: String,
    pub(super) error: String,
    pub(super) dead: String,
    pub(super) not_proven: String,
}

/// `[spells]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Spells {
    pub(super) listings: Counted,
    pub(super) removals: Counted,
    pub(super) took: String,
    pub(super) hours: String,
    pub(super) days: String,
    pub(super) dates: String,
    pub(super) span: String,
    pub(super) open: String,
    pub(super) unclear: String,
    pub(super) earlier: Counted,
    pub(super) presumed: String,
}

/// `[ask]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Ask {
    pub(super) ask: String,
    pub(super) as_above: String,
    pub(super) mend: String,
    pub(super) sender: String,
    pub(super) ip_owner: String,
    pub(super) ip_owner_named: String,
    pub(super) ip_owner_own: String,
    pub(super) ip_owner_shared: String,
    pub(super) support: String,
    pub(super) not_alone: String,
    pub(super) abuse: String,
    pub(super) receiver: String,
    pub(super) ptr: String,
    pub(super) rate: String,
    pub(super) nobody: String,
    pub(super) unknown: String,
}

/// `[rest]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Rest {
    pub(super) not_blocks: String,
    pub(super) reason: String,
    pub(super) delays: Counted,
    pub(super) not_yours: String,
    pub(super) not_yours_ip: String,
    pub(super) no_bounces: String,
    pub(super) others: String,
}

/// `[unseen]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Unseen {
    pub(super) title: String,
    pub(super) account: String,
    pub(super) folder: String,
    pub(super) gap: String,
    pub(super) more: Counted,
    pub(super) refused: Counted,
    pub(super) timeout: Counted,
    pub(super) dead: Counted,
    pub(super) strange: StrangeWords,
}

/// `[next]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Next {
    pub(super) title: String,
    pub(super) draft: String,
    pub(super) check: String,
    pub(super) csv: String,
    pub(super) html: String,
}

/// `[check]`
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Check {
    pub(super) ptr_confirmed: String,
    pub(super) ptr_unconfirmed: String,
    pub(super) ptr_none: String,
    pub(super) ptr_unknown: String,
    pub(super) owner: String,
    pub(super) owner_none: String,
    pub(super) owner_unknown: String,
    pub(super) abuse: String,
    pub(super) hosted: String,
    pub(super) resolver: String,
    pub(super) believed: String,
    pub(super) not_asked: Counted,
    pub(super) clean_ips: Counted,
    pub(super) zone: String,
    pub(super) result: String,
    pub(super) meaning: String,
    pub(super) health: String,
    pub(super) health_line: String,
    pub(super) healthy: String,
    pub(super) no_test_entry: String,
    pub(super) no_test_answer: String,
    pub(super) refused: String,
    pub(super) dead: String,
    pub(super) not_tested: String,
    pub(super) listed: Counted,
    pub(super) not_listed: String,
    pub(super) unread: Counted,
    pub(super) nothing_asked: String,
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use unicode_width::UnicodeWidthChar;

    use crate::report::lang::Lang;
    use crate::report::words::{ENGLISH, JAPANESE, Words, fill};

    /// Every text by its key; those that depend on a number count as one.
    fn texts(file: &str) -> BTreeMap<String, String> {
        fn collect(key: &str, value: &toml::Value, texts: &mut BTreeMap<String, String>) {
            match value {
                toml::Value::String(text) => {
                    let key = key.trim_end_matches(".one").trim_end_matches(".other");
                    texts.entry(key.to_owned()).or_default().push_str(text);
                }
                toml::Value::Table(table) => table
                    .iter()
                    .for_each(|(name, value)| collect(&format!("{key}.{name}"), value, texts)),
                other => panic!("{key}: {other}"),
            }
        }
        let mut texts = BTreeMap::new();
        collect("", &toml::from_str(file).unwrap(), &mut texts);
        texts
    }

    /// The names of the values in a text.
    fn values(text: &str) -> BTreeSet<&str> {
        let opened = text.split('{').skip(1);
        opened.filter_map(|rest| Some(rest.split_once('}')?.0)).collect()
    }

    #[test]
    fn no_terminal_disagrees_about_the_width_of_our_texts() {
        for (key, text) in texts(ENGLISH).into_iter().chain(texts(JAPANESE)) {
            // A letter is no table: a desk reads its mark in a mail program.
            for c in text.chars().filter(|_| key != ".draft.mark") {
                assert_eq!(c.width(), c.width_cjk(), "{key}: {c:?} in {text:?}");
            }
            assert!(!text.contains('\u{3000}'), "{key}: {text:?}");
        }
    }

    #[test]
    fn no_language_names_a_value_that_another_does_not_know() {
        let (english, japanese) = (texts(ENGLISH), texts(JAPANESE));
        assert_eq!(
            english.keys().collect::<Vec<_>>(),
            japanese.keys().collect::<Vec<_>>()
        );
        for (key, text) in japanese {
            let unknown: Vec<_> = values(&text)
                .difference(&values(&english[&key]))
                .copied()
                .collect();
            // English says "1" where it counts one thing.
            assert!(unknown.iter().all(|name| *name == "n"), "{key}: {unknown:?}");
        }
    }

    #[test]
    fn the_texts_are_all_there() {
        for lang in [Lang::En, Lang::Ja] {
            Words::of(lang).unwrap();
        }
    }

    #[test]
    fn a_value_is_made_visible_and_not_filled_again() {
        let reply = "550 {ip} \u{1b}[0m {";
        assert_eq!(
            fill("Reply: {reply} {other", &[("reply", &reply), ("ip", &"no")]),
            r"Reply: 550 {ip} \x1b[0m { {other"
        );
    }
}
