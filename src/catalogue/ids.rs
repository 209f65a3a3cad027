//! What holds a catalogue together: in one file each id stands once, and every list that is named is there.

use std::collections::{BTreeMap, BTreeSet};

use toml::Spanned;

use crate::catalogue::load::Source;
use crate::catalogue::rules::{EntryError, RuleEntry, line_of};
use crate::event::ListId;

/// # Errors
/// When a file has two entries of one kind with the same id: which of them is meant nobody can tell.
pub(crate) fn refuse_twins(source: &Source) -> Result<(), EntryError> {
    let file = &source.file;
    let ids =
        |rules: &[RuleEntry]| -> Vec<(String, usize)> { rules.iter().map(|rule| place(&rule.id)).collect() };
    let kinds = [
        file.list
            .iter()
            .map(|list| (list.get_ref().id.0.clone(), list.span().start))
            .collect(),
        file.receiver
            .iter()
            .map(|receiver| (receiver.get_ref().id.clone(), receiver.span().start))
            .collect(),
        file.sender
            .iter()
            .map(|company| (company.get_ref().id.clone(), company.span().start))
            .collect(),
        file.way
            .iter()
            .map(|way| (way.get_ref().id.clone(), way.span().start))
            .collect(),
        file.role.iter().map(|role| place(&role.id)).collect(),
        ids(&file.rule),
        ids(&file.name),
    ];
    for entries in kinds {
        let mut first: BTreeMap<String, usize> = BTreeMap::new();
        for (id, at) in entries {
            if let Some(first) = first.get(&id) {
                let wrong = format!(
                    "this id stands in line {} already; give one of the two another id, or take it out",
                    line_of(&source.text, *first)
                );
                return Err(source.error(at, &id, wrong));
            }
            first.insert(id, at);
        }
    }
    Ok(())
}

fn place(id: &Spanned<String>) -> (String, usize) {
    (id.get_ref().clone(), id.span().start)
}

/// # Errors
/// When a rule, a list, a receiver or a way names a list that no file has.
pub(crate) fn refuse_strangers(sources: &[Source]) -> Result<(), EntryError> {
    let lists = sources.iter().flat_map(|source| &source.file.list);
    let known: BTreeSet<&ListId> = lists.map(|list| &list.get_ref().id).collect();
    for source in sources {
        let file = &source.file;
        for rule in file.rule.iter().chain(&file.name) {
            for named in rule.blocklist.iter().chain(&rule.operator) {
                let at = named.span().start;
                source.know(&known, named.get_ref(), rule.id.get_ref(), at)?;
            }
        }
        for list in &file.list {
            let (entry, at) = (list.get_ref(), list.span().start);
            for named in entry.serves.iter().chain(&entry.event_id) {
                source.know(&known, named, &entry.id.0, at)?;
            }
        }
        for receiver in &file.receiver {
            let (entry, at) = (receiver.get_ref(), receiver.span().start);
            for named in entry.lists.iter().chain(&entry.own) {
                source.know(&known, named, &entry.id, at)?;
            }
        }
        for way in &file.way {
            let (entry, at) = (way.get_ref(), way.span().start);
            for named in entry.lists.iter().chain(&entry.parts_of) {
                source.know(&known, named, &entry.id, at)?;
            }
        }
    }
    Ok(())
}

impl Source {
    fn know(&self, known: &BTreeSet<&ListId>, list: &ListId, id: &str, at: usize) -> Result<(), EntryError> {
        match known.contains(list) {
            true => Ok(()),
            false => {
                let wrong = format!(
                    "it names the list {:?}, which is not there; add a [[list]] with that id, or name one that \
                     `bounceaudit lists` shows",
                    list.0
                );
                Err(self.error(at, id, wrong))
            }
        }
    }

    fn error(&self, at: usize, id: &str, wrong: String) -> EntryError {
        EntryError::at(&self.path, &self.text, at, id, wrong)
    }
}

#[cfg(test)]
mod tests {
    use crate::catalogue::{Catalogue, WhoMayAsk};
    use crate::event::{ListId, ReceivingDomain};

    const LIST: &str = "[[list]]\nid = 'ours'\nname = 'Ours'\nkind = 'private'\nstatus = 'alive'\n";

    fn load(text: &str) -> anyhow::Result<Catalogue> {
        let file = tempfile::Builder::new().suffix("own.toml").tempfile()?;
        std::fs::write(&file, text)?;
        Ok(Catalogue::load(Some(file.path()))?)
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table: an error a line")]
    fn what_does_not_hold_together_is_refused_with_its_line_and_a_remedy() {
        let rule = "[[rule]]\nid = 'r'\nreply = ['no']\nreason = 'blocked'\n";
        let name = "[[name]]\nid = 'n'\nreply = ['ours']\n";
        let receiver = "[[receiver]]\nid = 'p'\nname = 'P'\nmx = ['mx.example']\n";
        let sender = "[[sender]]\nid = 's'\nname = 'S'\nhosts = ['hosting.example']\n";
        let role = "[[role]]\nid = 'a'\nrole = 'other'\nbefore = 'relay '\n";
        for (text, line, words) in [
            (
                format!("{LIST}{LIST}"),
                6,
                ["ours", "line 1 already", "another id"],
            ),
            (
                format!("{rule}\n{rule}"),
                7,
                ["r:", "line 2 already", "another id"],
            ),
            (format!("{name}{name}"), 5, ["n:", "line 2 already", "another id"]),
            (
                format!("{receiver}{receiver}"),
                5,
                ["p:", "line 1 already", "another id"],
            ),
            (
                format!("{sender}{sender}"),
                5,
                ["s:", "line 1 already", "another id"],
            ),
            (format!("{role}{role}"), 6, ["a:", "line 2 already", "another id"]),
            (
                format!("{LIST}{rule}blocklist = 'uors'\n"),
                10,
                ["r:", "\"uors\"", "add a [[list]]"],
            ),
            (
                format!("{name}operator = 'uors'\n"),
                4,
                ["n:", "\"uors\"", "bounceaudit lists"],
            ),
            (
                format!("{LIST}serves = ['uors']\n"),
                1,
                ["ours:", "\"uors\"", "add a [[list]]"],
            ),
            (
                format!("{receiver}own = 'uors'\n"),
                1,
                ["p:", "\"uors\"", "add a [[list]]"],
            ),
            (
                format!("{rule}and = ['(']\n"),
                5,
                ["r:", "no regular expression", "unclosed group"],
            ),
            (
                format!("{role}after = '['\n"),
                5,
                ["a:", "no regular expression", "unclosed"],
            ),
            (
                "[[rule]]\nid = 'r'\nreason = 'blocked'\n".to_owned(),
                2,
                ["r:", "no condition", "a reply"],
            ),
            (
                "[[rule]]\nid = 'r'\nreply = ['no']\n".to_owned(),
                2,
                ["r:", "needs a reason", "[[name]]"],
            ),
            (
                format!("{name}reason = 'blocked'\n"),
                2,
                ["n:", "no reason", "[[rule]]"],
            ),
            (
                format!("{LIST}colour = 'red'\n"),
                6,
                ["colour", "expected one of", "removal"],
            ),
            (
                "[[lists]]\n".to_owned(),
                1,
                ["lists", "expected one of", "receiver"],
            ),
            (
                format!("{LIST}dead_since = 'soon'\n"),
                6,
                ["soon", "2024-06", "dead_since"],
            ),
            (
                "[[rule]]\nid = 'r'\nreason = 'blokced'\n".to_owned(),
                3,
                ["blokced", "expected one of", "blocked"],
            ),
        ] {
            let error = format!("{:#}", load(&text).unwrap_err());
            assert!(
                error.contains("own.toml") && error.contains(&format!("line {line}")),
                "{text}\n{error}"
            );
            for word in words {
                assert!(error.contains(word), "{word}:\n{text}\n{error}");
            }
        }
    }

    #[test]
    fn one_id_may_stand_for_things_of_different_kinds() {
        let named = "[[name]]\nid = 'ours'\nreply = ['ours']\nblocklist = 'ours'\n";
        let ruled = "[[rule]]\nid = 'ours'\nreply = ['ours']\nreason = 'blocked'\n";
        load(&format!("{LIST}{named}{ruled}")).unwrap();
    }

    #[test]
    fn what_a_user_says_of_a_zone_a_host_or_a_list_stands_before_what_the_program_knows() {
        let text = format!(
            "{LIST}who_may_ask = 'receiver'\n[[list.zone]]\nname = 'bl.spamcop.net'\nipv4 = true\n\
             [[receiver]]\nid = 'p'\nname = 'Ours'\nmx = ['protection.outlook.com']\n"
        );
        let catalogue = load(&text).unwrap();
        let zone = catalogue.zone(&"bl.spamcop.net".to_owned().into()).unwrap();
        assert_eq!(zone.list, ListId("ours".into()));
        assert_eq!(
            catalogue.list(&zone.list).unwrap().who_may_ask,
            WhoMayAsk::Receiver
        );
        let domain = ReceivingDomain::of("a@b.example").unwrap();
        let host = Some("b-example.protection.outlook.com");
        assert_eq!(catalogue.provider(host, &domain), Some("Ours"));
    }
}
