//! Rules as the files write them: conditions on a reply, and what it means where they hold.
//!
//! Patterns are regular expressions (case-insensitive) with the named groups `ip`, `list`, `zone`, `code` and `removal`;
//! `%40%` stands for up to 40 characters of the same sentence.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use regex::{Regex, RegexBuilder};
use serde::Deserialize;
use toml::Spanned;

use crate::event::{Event, Format, ListId, Reason, ReplyCode, SmtpCommand, Status, Zone};

/// A rule as a file writes it. All the conditions given have to hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RuleEntry {
    pub(crate) id: Spanned<String>,
    /// One of these occurs in the reply.
    #[serde(default)]
    pub(crate) reply: Vec<Spanned<String>>,
    /// Each of these occurs as well.
    #[serde(default)]
    pub(crate) and: Vec<Spanned<String>>,
    /// None of these occurs.
    #[serde(default)]
    pub(crate) unless: Vec<Spanned<String>>,
    /// The reply names an address that may be the refused one.
    #[serde(default)]
    names_address: bool,
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
    pub(crate) blocklist: Option<Spanned<ListId>>,
    /// The list that is meant if the reply names no other.
    pub(crate) operator: Option<Spanned<ListId>>,
    pub(crate) zone: Option<Zone>,
    pub(crate) code: Option<String>,
    /// Whether the address in the reply is the refused one; where this is not said, the reason decides.
    pub(crate) address: Option<bool>,
    /// Where this was read; the program's own rules all say it.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "for people"))]
    pub(crate) source: String,
    #[serde(default)]
    pub(crate) examples: Vec<Example>,
    /// Replies close to the rule's words that are not its own, with the verdict that they get.
    #[serde(default)]
    pub(crate) near_misses: Vec<Example>,
}

/// A reply as it was seen; as a table, with what else has to come out of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Example {
    Reply(String),
    Whole(Box<WholeExample>),
}

/// An example with its circumstances and the verdict's fields; an empty text asks for none.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct WholeExample {
    pub(crate) reply: String,
    /// Nobody saw it: it was put together after the shape of such replies, or of a status alone.
    pub(crate) composed: bool,
    pub(crate) host: Option<String>,
    pub(crate) domain: Option<String>,
    pub(crate) command: Option<SmtpCommand>,
    pub(crate) format: Option<Format>,
    pub(crate) status: Option<Status>,
    pub(crate) smtp: Option<ReplyCode>,
    /// What a near miss means; an example's reason is its rule's.
    pub(crate) reason: Option<Reason>,
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

/// An entry that cannot be used, with the place in its file.
#[derive(Debug, thiserror::Error)]
#[error("the catalogue file {}, line {line}: {id}: {wrong}", file.display())]
pub struct EntryError {
    file: PathBuf,
    line: usize,
    id: String,
    wrong: String,
}

impl EntryError {
    /// What is wrong at a byte of a file's text.
    pub(crate) fn at(file: &Path, text: &str, byte: usize, id: &str, wrong: String) -> Self {
        Self {
            file: file.to_owned(),
            line: line_of(text, byte),
            id: id.to_owned(),
            wrong,
        }
    }
}

/// The line in which a byte of a text stands, counted from 1.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    text.bytes().take(byte).filter(|byte| *byte == b'\n').count() + 1
}

/// A pattern as all of the catalogue's files write them.
pub(crate) fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&spelt_out(pattern))
        .case_insensitive(true)
        .build()
}

/// `%40%` means: up to 40 characters of the same sentence. A dot ends it, unless it stands within an address or a name.
fn spelt_out(pattern: &str) -> String {
    with_gaps(pattern, |most| format!(r"(?:[^.;]|\.[^\s]){{0,{most}}}"))
}

/// The pattern with each `%40%` written as the gap of so many characters that is given for it.
pub(crate) fn with_gaps(pattern: &str, gap: impl Fn(&str) -> String) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        rest = match after.split_once('%') {
            Some((most, after)) if most.parse::<u8>().is_ok() => {
                text.push_str(&gap(most));
                after
            }
            Some(_) | None => {
                text.push('%');
                after
            }
        };
    }
    text + rest
}

/// What to say of a pattern that cannot be compiled: the error shows where in it.
pub(crate) fn no_pattern(error: &regex::Error) -> String {
    format!("this is no regular expression (a bracket that stands for itself is written \\( or \\[): {error}")
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Subject<'a> {
    pub(crate) event: &'a Event,
    pub(crate) text: &'a str,
    pub(crate) status: Option<Status>,
    pub(crate) code: Option<ReplyCode>,
    pub(crate) address: Option<IpAddr>,
}

impl RuleEntry {
    /// Whether what does not stand in the reply fits the rule.
    pub(crate) fn fits_circumstances(&self, subject: Subject<'_>) -> bool {
        let event = subject.event;
        let code = subject.code.map(u16::from);
        let command = event.smtp_command;
        (!self.names_address || subject.address.is_some())
            && (self.host.is_empty() || self.host.iter().any(|suffix| is_host(event, suffix)))
            && (self.status.is_empty()
                || subject
                    .status
                    .is_some_and(|status| self.status.iter().any(|wanted| wanted.fits(status))))
            && (self.smtp.is_empty()
                || code.is_some_and(|code| self.smtp.iter().any(|wanted| fits_code(wanted, code))))
            && (self.command.is_empty() || command.is_some_and(|command| self.command.contains(&command)))
            && (self.format.is_empty() || self.format.contains(&event.format))
    }

    /// The list that is meant, without its place in the file.
    pub(crate) fn blocklist(&self) -> Option<ListId> {
        self.blocklist.as_ref().map(|list| list.get_ref().clone())
    }

    /// The list that is meant if the reply names no other.
    pub(crate) fn operator(&self) -> Option<ListId> {
        self.operator.as_ref().map(|list| list.get_ref().clone())
    }

    /// Whether nothing at all is asked for.
    pub(crate) fn has_no_condition(&self) -> bool {
        let patterns = self.reply.len() + self.and.len();
        patterns
            + self.host.len()
            + self.status.len()
            + self.smtp.len()
            + self.command.len()
            + self.format.len()
            == 0
    }
}

fn is_host(event: &Event, suffix: &str) -> bool {
    let host = event.remote_host.as_deref().unwrap_or_default();
    ends_in(host, suffix) || ends_in(event.receiving_domain.as_str(), suffix)
}

fn ends_in(host: &str, suffix: &str) -> bool {
    let host = host.trim_end_matches('.');
    let at = host.len().checked_sub(suffix.len());
    at.and_then(|at| host.split_at_checked(at))
        .is_some_and(|(rest, end)| {
            end.eq_ignore_ascii_case(suffix) && (rest.is_empty() || rest.ends_with('.'))
        })
}

fn fits_code(wanted: &str, code: u16) -> bool {
    let code = code.to_string();
    wanted.len() == code.len()
        && wanted
            .bytes()
            .zip(code.bytes())
            .all(|(wanted, digit)| wanted == b'x' || wanted == digit)
}
