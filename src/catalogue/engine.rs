//! The rule engine: tries rules in their order; the first that matches wins.
//!
//! Of its patterns only those are tried whose necessary words are in the reply ([`Words`]).

use std::path::Path;

use regex::Captures;
use toml::Spanned;

use crate::catalogue::literals::{self, OneOf};
use crate::catalogue::pattern::{Compile, Pattern};
use crate::catalogue::rules::{EntryError, RuleEntry, Subject, no_pattern};
use crate::catalogue::words::{Fulfilled, Words};

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
    /// The rules with a reason; behind them the naming rules.
    rules: Vec<Rule>,
    reasons: usize,
    patterns: Vec<Pattern>,
    words: Words,
    /// For each pattern of which a rule's reply must hold one, the rule.
    rule_of: Vec<Option<usize>>,
    /// The rules that may fit whatever the reply says.
    always: Vec<usize>,
}

/// What may fit a text.
pub(crate) struct Candidates {
    patterns: Fulfilled,
    /// Numbers of rules in their order.
    rules: Vec<usize>,
}

/// Collects rules, in their order, until they are made an [`Engine`].
#[derive(Debug, Default)]
pub(crate) struct Builder {
    rules: Vec<Rule>,
    names: Vec<Rule>,
    patterns: Vec<Pattern>,
    needs: Vec<Vec<OneOf>>,
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
    ) -> Result<(), EntryError> {
        let error = |at: usize, wrong: String| EntryError::at(file, text, at, entry.id.get_ref(), wrong);
        if entry.has_no_condition() {
            return Err(error(
                entry.id.span().start,
                "it has no condition; give it a reply, a host, a status or a code to look for".to_owned(),
            ));
        }
        let mut indices = |patterns: &[Spanned<String>]| {
            patterns
                .iter()
                .map(|pattern| {
                    self.pattern(pattern.get_ref(), when)
                        .map_err(|wrong| error(pattern.span().start, no_pattern(&wrong)))
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
        self.needs.push(literals::necessary(pattern));
        Ok(self.patterns.len() - 1)
    }

    /// # Errors
    /// When the words do not fit into one automaton.
    pub(crate) fn build(self) -> Result<Engine, aho_corasick::BuildError> {
        let reasons = self.rules.len();
        let mut rules = self.rules;
        rules.extend(self.names);
        let words = Words::new(&self.needs)?;
        let mut rule_of = vec![None; self.patterns.len()];
        for (number, rule) in rules.iter().enumerate() {
            for pattern in &rule.reply {
                if let Some(of) = rule_of.get_mut(*pattern) {
                    *of = Some(number);
                }
            }
        }
        let fits_any =
            |rule: &Rule| rule.reply.is_empty() || rule.reply.iter().any(|pattern| words.fits_any(*pattern));
        let always = rules.iter().enumerate().filter(|(_, rule)| fits_any(rule));
        Ok(Engine {
            always: always.map(|(number, _)| number).collect(),
            rules,
            reasons,
            patterns: self.patterns,
            words,
            rule_of,
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

    /// The rules in their order.
    pub(crate) fn entries(&self) -> impl Iterator<Item = &RuleEntry> {
        self.rules.iter().map(|rule| &rule.entry)
    }

    /// Which rules may fit; asked once for a text.
    pub(crate) fn candidates(&self, text: &str) -> Candidates {
        let patterns = self.words.fulfilled_in(text);
        let needy = patterns
            .needy
            .iter()
            .filter_map(|pattern| *self.rule_of.get(*pattern)?);
        let mut rules: Vec<usize> = self.always.iter().copied().chain(needy).collect();
        rules.sort_unstable();
        rules.dedup();
        Candidates { patterns, rules }
    }

    /// The first rule that matches.
    pub(crate) fn first<'r, 't>(
        &'r self,
        subject: Subject<'t>,
        candidates: &Candidates,
    ) -> Option<Hit<'r, 't>> {
        let numbers = candidates
            .rules
            .iter()
            .take_while(|number| **number < self.reasons);
        numbers
            .filter_map(|number| self.rules.get(*number))
            .find_map(|rule| self.try_rule(rule, subject, &candidates.patterns))
    }

    /// The naming rules that match, in their order.
    pub(crate) fn names<'r, 't>(
        &'r self,
        subject: Subject<'t>,
        candidates: &Candidates,
    ) -> impl Iterator<Item = Hit<'r, 't>> {
        let numbers = candidates.rules.iter().filter(|number| **number >= self.reasons);
        numbers
            .filter_map(|number| self.rules.get(*number))
            .filter_map(move |rule| self.try_rule(rule, subject, &candidates.patterns))
    }

    fn try_rule<'r, 't>(
        &self,
        rule: &'r Rule,
        subject: Subject<'t>,
        candidates: &Fulfilled,
    ) -> Option<Hit<'r, 't>> {
        let entry = &rule.entry;
        if !rule.and.iter().all(|pattern| candidates.has(*pattern)) || !entry.fits_circumstances(subject) {
            return None;
        }
        let regex = |index: &usize| {
            self.patterns
                .get(*index)
                .filter(|_| candidates.has(*index))
                .and_then(Pattern::regex)
        };
        let occurs = |index: &usize| regex(index).is_some_and(|regex| regex.is_match(subject.text));
        let mut fits = rule.reply.is_empty();
        let mut groups = Vec::new();
        for regex in rule.reply.iter().filter_map(regex) {
            if regex.captures_len() > 1 {
                groups.extend(regex.captures(subject.text));
            } else {
                fits = fits || regex.is_match(subject.text);
            }
        }
        fits |= !groups.is_empty();
        if !fits || !rule.and.iter().all(occurs) || rule.unless.iter().any(occurs) {
            return None;
        }
        Some(Hit { rule: entry, groups })
    }
}
