//! The rule engine: conditions on a reply, tried in order; the first rule that matches wins.
//!
//! Patterns are regular expressions (case-insensitive) with the named groups `ip`, `list`, `zone`, `code` and `removal`.
//! Each pattern's necessary words are looked for in one pass (Aho-Corasick), so that only few patterns are tried at all.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::{Captures, Regex, RegexBuilder};
use serde::Deserialize;
use toml::Spanned;

use crate::catalogue::literals;
use crate::event::{Event, Format, ListId, Reason, ReplyCode, SmtpCommand, Status, Zone};

/// A rule as a file writes it. All the conditions given have to hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleEntry {
    pub(crate) id: Spanned<String>,
    /// One of these occurs in the reply.
    #[serde(default)]
    reply: Vec<Spanned<String>>,
    /// Each of these occurs as well.
    #[serde(default)]
    and: Vec<Spanned<String>>,
    /// None of these occurs.
    #[serde(default)]
    unless: Vec<Spanned<String>>,
    /// The host that refused, or else the receiving domain, ends in one of these.
    #[serde(default)]
    host: Vec<String>,
    /// The enhanced status is one of these; `x` stands for any number.
    #[serde(default)]
    status: Vec<StatusPattern>,
    /// The reply code is one of these; `x` stands for any digit.
    #[serde(default)]
    smtp: Vec<String>,
    #[serde(default)]
    command: Vec<SmtpCommand>,
    #[serde(default)]
    format: Vec<Format>,
    /// Why the mail failed; a naming rule has none.
    pub(crate) reason: Option<Reason>,
    /// The list that is meant, whatever else the reply names.
    pub(crate) blocklist: Option<ListId>,
    /// The list that is meant if the reply names no other.
    pub(crate) operator: Option<ListId>,
    pub(crate) zone: Option<Zone>,
    pub(crate) code: Option<String>,
    /// Whether the address in the reply is the refused one; where this is not said, the reason decides.
    pub(crate) address: Option<bool>,
    #[expect(dead_code, reason = "for people; the file is refused without it")]
    source: String,
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the tests take them through the catalogue")
    )]
    pub(crate) examples: Vec<Example>,
    #[serde(default)]
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the tests take them through the catalogue")
    )]
    pub(crate) near_misses: Vec<Example>,
}

/// A reply as it was seen; as a table, with what else has to come out of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the tests take them through the catalogue")
)]
pub(crate) enum Example {
    Reply(String),
    Whole(Box<WholeExample>),
}

/// An example with its circumstances and the verdict's fields; an empty text asks for none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WholeExample {
    pub(crate) reply: String,
    pub(crate) host: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) command: Option<SmtpCommand>,
    pub(crate) status: Option<Status>,
    pub(crate) smtp: Option<ReplyCode>,
    pub(crate) ip: Option<String>,
    pub(crate) blocklist: Option<String>,
    pub(crate) zone: Option<String>,
    pub(crate) code: Option<String>,
    pub(crate) removal: Option<String>,
}

/// An enhanced status (RFC 3463 §2) in which `x` stands for any number.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct StatusPattern([Option<u16>; 3]);

impl TryFrom<String> for StatusPattern {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no status such as 5.7.1 or x.7.25");
        let mut parts = text.split('.').map(|part| match part {
            "x" => Some(None),
            number => number.parse().ok().map(Some),
        });
        let mut next = || parts.next().flatten().ok_or_else(wrong);
        let pattern = Self([next()?, next()?, next()?]);
        match parts.next() {
            None => Ok(pattern),
            Some(_) => Err(wrong()),
        }
    }
}

impl StatusPattern {
    fn fits(self, status: Status) -> bool {
        let numbers = [u16::from(status.class()), status.subject(), status.detail()];
        self.0
            .into_iter()
            .zip(numbers)
            .all(|(wanted, number)| wanted.is_none_or(|wanted| wanted == number))
    }
}

/// A rule that cannot be used, with the place in its file.
#[derive(Debug, thiserror::Error)]
#[error("catalogue file {}, line {line}: {id}: {wrong}", file.display())]
pub struct RuleError {
    file: PathBuf,
    line: usize,
    id: String,
    wrong: String,
}

impl RuleError {
    /// What is wrong at a byte of a file's text.
    pub(crate) fn at(file: &Path, text: &str, byte: usize, id: &str, wrong: String) -> Self {
        Self {
            file: file.to_owned(),
            line: text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1,
            id: id.to_owned(),
            wrong,
        }
    }
}

/// A pattern as all of the catalogue's files write them.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).case_insensitive(true).build()
}

/// A rule with its patterns as indices into the engine's.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) entry: RuleEntry,
    reply: Vec<usize>,
    and: Vec<usize>,
    unless: Vec<usize>,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) event: &'a Event,
    pub(crate) text: &'a str,
    pub(crate) status: Option<Status>,
    pub(crate) code: Option<ReplyCode>,
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

/// A pattern, compiled when a reply first needs it: most runs need few of them.
#[derive(Debug)]
struct Pattern {
    text: String,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    fn regex(&self) -> Option<&Regex> {
        // `Builder::add` has refused what cannot be compiled, and a test compiles all that come with the program.
        self.regex.get_or_init(|| compile(&self.text).ok()).as_ref()
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

/// When patterns are compiled: a user's own at once, so that an error is one of loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compile {
    AtOnce,
    WhenNeeded,
}

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
        let any = entry.reply.len() + entry.and.len() + entry.host.len();
        if any + entry.status.len() + entry.smtp.len() + entry.command.len() + entry.format.len() == 0 {
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
        let text = pattern.to_owned();
        let regex = match when {
            Compile::AtOnce => OnceLock::from(Some(compile(pattern)?)),
            Compile::WhenNeeded => OnceLock::new(),
        };
        self.patterns.push(Pattern { text, regex });
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
            .map(|pattern| pattern.text.as_str())
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
        let regex = |index: &usize| {
            let may_match = candidates.0.get(*index).copied().unwrap_or(true);
            self.patterns
                .get(*index)
                .filter(|_| may_match)
                .and_then(Pattern::regex)
        };
        let occurs = |index: &usize| regex(index).is_some_and(|regex| regex.is_match(subject.text));
        if !circumstances(entry, subject)
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

/// Whether what does not stand in the reply fits the rule.
fn circumstances(entry: &RuleEntry, subject: Subject<'_>) -> bool {
    let event = subject.event;
    let code = subject.code.map(u16::from);
    (entry.host.is_empty() || entry.host.iter().any(|suffix| is_host(event, suffix)))
        && (entry.status.is_empty()
            || subject
                .status
                .is_some_and(|status| entry.status.iter().any(|wanted| wanted.fits(status))))
        && (entry.smtp.is_empty()
            || code.is_some_and(|code| entry.smtp.iter().any(|wanted| fits_code(wanted, code))))
        && (entry.command.is_empty()
            || event
                .smtp_command
                .is_some_and(|command| entry.command.contains(&command)))
        && (entry.format.is_empty() || entry.format.contains(&event.format))
}

fn is_host(event: &Event, suffix: &str) -> bool {
    let host = event.remote_host.as_deref().unwrap_or_default();
    ends_in(host, suffix) || ends_in(event.receiving_domain.as_str(), suffix)
}

fn ends_in(host: &str, suffix: &str) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    host.strip_suffix(suffix)
        .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

fn fits_code(wanted: &str, code: u16) -> bool {
    let code = code.to_string();
    wanted.len() == code.len()
        && wanted
            .bytes()
            .zip(code.bytes())
            .all(|(wanted, digit)| wanted == b'x' || wanted == digit)
}
