//! The rule engine: tries rules in their order; the first that matches wins.
//!
//! Each pattern's necessary words are looked for in one pass (Aho-Corasick), so that only few patterns are tried at all.

use std::path::Path;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Captures;
use toml::Spanned;

use crate::catalogue::literals;
use crate::catalogue::pattern::{Compile, Pattern};
use crate::catalogue::rules::{RuleEntry, RuleError, Subject};

/// A rule with its patterns as indices into the engine's.
#[derive(Debug)]
struct Rule {
    entry: RuleEntry,
    reply: Vec<usize>,
    and: Vec<usize>,
    unless: Vec<usize>,
}

/// A rule that matched, with the groups of its patterns.
#[derive(Debug)]
pub(crate) struct Hit<'r, 't> {
    pub(crate) rule: &'r RuleEntry,
    groups: Vec<Captures<'t>>,
}

impl<'t> Hit<'_, 't> {
    /// What a named group holds, by the first of the rule's patterns that has it.
    pub(crate) fn group(&self, name: &str) -> Option<&'t str> {
        let found = self.groups.iter().find_map(|groups| groups.name(name));
        found.map(|found| found.as_str()).filter(|text| !text.is_empty())
    }
}

/// Rules ready to be tried.
#[derive(Debug)]
pub(crate) struct Engine {
    rules: Vec<Rule>,
    names: Vec<Rule>,
    patterns: Vec<Pattern>,
    words: AhoCorasick,
    /// For each word, the patterns that need it (or another of theirs).
    needed_by: Vec<Vec<usize>>,
    /// Patterns without a necessary word.
    always: Vec<bool>,
}

/// The patterns that may match a text, because a word that they need is there.
pub(crate) struct Candidates(Vec<bool>);

/// Collects rules, in their order, until they are made an [`Engine`].
#[derive(Debug, Default)]
pub(crate) struct Builder {
    rules: Vec<Rule>,
    names: Vec<Rule>,
    patterns: Vec<Pattern>,
    words: Vec<Option<Vec<String>>>,
}

impl Builder {
    /// # Errors
    /// When a pattern is no regular expression or the rule has no condition.
    pub(crate) fn add(
        &mut self,
        file: &Path,
        text: &str,
        entry: RuleEntry,
        when: Compile,
    ) -> Result<(), RuleError> {
        let error = |at: usize, wrong: String| RuleError::at(file, text, at, entry.id.get_ref(), wrong);
        if entry.has_no_condition() {
            return Err(error(entry.id.span().start, "it has no condition".to_owned()));
        }
        let mut indices = |patterns: &[Spanned<String>]| {
            patterns
                .iter()
                .map(|pattern| {
                    self.pattern(pattern.get_ref(), when)
                        .map_err(|wrong| error(pattern.span().start, wrong.to_string()))
                })
                .collect::<Result<Vec<_>, _>>()
        };
        let (reply, and, unless) = (
            indices(&entry.reply)?,
            indices(&entry.and)?,
            indices(&entry.unless)?,
        );
        let table = match entry.reason {
            Some(_) => &mut self.rules,
            None => &mut self.names,
        };
        table.push(Rule {
            entry,
            reply,
            and,
            unless,
        });
        Ok(())
    }

    fn pattern(&mut self, pattern: &str, when: Compile) -> Result<usize, regex::Error> {
        self.patterns.push(Pattern::new(pattern.to_owned(), when)?);
        self.words.push(literals::necessary(pattern));
        Ok(self.patterns.len() - 1)
    }

    /// # Errors
    /// When the words do not fit into one automaton.
    pub(crate) fn build(self) -> Result<Engine, aho_corasick::BuildError> {
        let mut words = Vec::new();
        let mut needed_by = Vec::new();
        for (pattern, needs) in self.words.iter().enumerate() {
            for word in needs.iter().flatten() {
                words.push(word);
                needed_by.push(vec![pattern]);
            }
        }
        Ok(Engine {
            always: self.words.iter().map(Option::is_none).collect(),
            words: AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .kind(Some(AhoCorasickKind::ContiguousNFA))
                .build(words)?,
            needed_by,
            rules: self.rules,
            names: self.names,
            patterns: self.patterns,
        })
    }
}

impl Engine {
    /// Patterns that cannot be compiled.
    #[cfg(test)]
    pub(crate) fn broken(&self) -> Vec<&str> {
        self.patterns
            .iter()
            .filter(|pattern| pattern.regex().is_none())
            .map(Pattern::text)
            .collect()
    }

    #[cfg(test)]
    pub(crate) fn entries(&self) -> impl Iterator<Item = &RuleEntry> {
        self.rules.iter().chain(&self.names).map(|rule| &rule.entry)
    }

    /// Which patterns may match; asked once for a text.
    pub(crate) fn candidates(&self, text: &str) -> Candidates {
        let mut candidates = self.always.clone();
        for found in self.words.find_overlapping_iter(text) {
            for pattern in self
                .needed_by
                .get(found.pattern().as_usize())
                .into_iter()
                .flatten()
            {
                if let Some(flag) = candidates.get_mut(*pattern) {
                    *flag = true;
                }
            }
        }
        Candidates(candidates)
    }

    /// The first rule that matches.
    pub(crate) fn first<'r, 't>(
        &'r self,
        subject: Subject<'t>,
        candidates: &Candidates,
    ) -> Option<Hit<'r, 't>> {
        self.rules
            .iter()
            .find_map(|rule| self.try_rule(rule, subject, candidates))
    }

    /// The naming rules that match, in their order.
    pub(crate) fn names<'r, 't>(
        &'r self,
        subject: Subject<'t>,
        candidates: &Candidates,
    ) -> impl Iterator<Item = Hit<'r, 't>> {
        self.names
            .iter()
            .filter_map(move |rule| self.try_rule(rule, subject, candidates))
    }

    fn try_rule<'r, 't>(
        &self,
        rule: &'r Rule,
        subject: Subject<'t>,
        candidates: &Candidates,
    ) -> Option<Hit<'r, 't>> {
        let entry = &rule.entry;
        let may_match = |index: &usize| candidates.0.get(*index).copied().unwrap_or(true);
        if !rule.reply.is_empty() && !rule.reply.iter().any(may_match) || !rule.and.iter().all(may_match) {
            return None;
        }
        let regex = |index: &usize| {
            self.patterns
                .get(*index)
                .filter(|_| may_match(index))
                .and_then(Pattern::regex)
        };
        let occurs = |index: &usize| regex(index).is_some_and(|regex| regex.is_match(subject.text));
        if !entry.fits_circumstances(subject)
            || !rule.reply.is_empty() && !rule.reply.iter().any(occurs)
            || !rule.and.iter().all(occurs)
            || rule.unless.iter().any(occurs)
        {
            return None;
        }
        let with_groups = rule
            .reply
            .iter()
            .filter_map(regex)
            .filter(|regex| regex.captures_len() > 1);
        Some(Hit {
            rule: entry,
            groups: with_groups
                .filter_map(|regex| regex.captures(subject.text))
                .collect(),
        })
    }
}
