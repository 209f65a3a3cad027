//! A reply as the rules look at it: one line, without the codes that repeat in its continuation lines.

use std::borrow::Cow;

use regex::{Captures, Regex};

use crate::catalogue::addresses::Roles;
use crate::catalogue::rules::{Subject, compile};
use crate::event::{Event, ReplyCode, Status};

/// `550-5.7.1 [192.0.2.22 18] Our system has 550-5.7.1 detected 550 5.7.1 spam` becomes
/// `550 5.7.1 [192.0.2.22 18] Our system has detected spam`: RFC 5321 §4.2.1 repeats the code in each line.
pub(crate) fn plain(reply: &str) -> String {
    let mut tokens = reply.split_whitespace().peekable();
    let mut kept = Line(String::with_capacity(reply.len()));
    let mut code: Option<&str> = None;
    let mut status: Option<&str> = None;
    let mut first = true;
    while let Some(token) = tokens.next() {
        let Some((number, rest)) = leading_code(token) else {
            kept.push(token);
            first = false;
            continue;
        };
        let repeats = code == Some(number);
        if first {
            code = Some(number);
            kept.push(number);
            first = false;
        } else if !repeats || rest.is_none() && tokens.peek().is_some_and(|next| Some(*next) != status) {
            kept.push(token);
            continue;
        }
        match rest {
            Some(rest) if is_status(rest) => {
                if !repeats {
                    kept.push(rest);
                }
                status = Some(rest);
            }
            Some(rest) if !rest.is_empty() => kept.push(rest),
            Some(_) | None => {
                if let Some(next) = tokens.next_if(|next| is_status(next)) {
                    if !repeats {
                        kept.push(next);
                    }
                    status = Some(next);
                }
            }
        }
    }
    kept.0
}

/// Words on one line, a blank between them.
struct Line(String);

impl Line {
    fn push(&mut self, word: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(word);
    }
}

/// An event with its plain reply, as rules look at it.
pub(crate) fn subject<'a>(text: &'a str, event: &'a Event, roles: &Roles) -> Subject<'a> {
    Subject {
        address: roles.refused(text, event.remote_ip),
        event,
        text,
        status: status(text, event),
        code: code(text, event),
    }
}

/// The enhanced status in the reply's first words, else the bounce's own.
fn status(reply: &str, event: &Event) -> Option<Status> {
    let mut words = reply.split([' ', '-', ';']).take(4);
    let found = words.find_map(|word| {
        word.trim_matches(['#', '(', ')', ':', ',', '<', '>', '[', ']'])
            .parse()
            .ok()
    });
    found.or(event.status)
}

/// The reply code in the reply's first word, else the bounce's own.
fn code(reply: &str, event: &Event) -> Option<ReplyCode> {
    let (number, _) = leading_code(reply.split_whitespace().next()?)?;
    let found = number
        .parse::<u16>()
        .ok()
        .and_then(|number| ReplyCode::try_from(number).ok());
    found.or(event.smtp_code)
}

/// `550` and nothing, or `550-rest`.
fn leading_code(token: &str) -> Option<(&str, Option<&str>)> {
    let (number, rest) = match token.split_once('-') {
        Some((number, rest)) => (number, Some(rest)),
        None => (token, None),
    };
    let looks_right = number.len() == 3
        && number.starts_with(['4', '5'])
        && number.bytes().all(|byte| byte.is_ascii_digit());
    looks_right.then_some((number, rest))
}

fn is_status(text: &str) -> bool {
    text.parse::<Status>().is_ok()
}

/// Takes the client's names out of a reply: `mx1.sender.example[192.0.2.10]` becomes `[192.0.2.10]`. Who sends through a
/// mail company is refused under that company's host name, and that company keeps no list for it.
#[derive(Debug)]
pub(crate) struct ClientNames {
    beside_address: Regex,
}

impl ClientNames {
    /// # Errors
    /// When the pattern is no regular expression.
    pub(crate) fn new() -> Result<Self, regex::Error> {
        // A name behind `using` or `listed at` is a zone, one before `said` is the receiver's.
        let beside_address = compile(concat!(
            r"(?P<zone>\b(?:using|by|at|in|on|list|listed|dnsbl|rbl)[ :='\x22]+)?",
            r"\b(?:[a-z0-9_-]+\.)+[a-z0-9-]+\.?(?:\s?\([^()\s]*\))?",
            r"\s?(?P<address>[\[(](?:ipv6:)?[0-9a-f.:]{7,}[\])])",
            r"(?P<said>:? (?:said|refused to talk))?",
        ))?;
        Ok(Self { beside_address })
    }

    pub(crate) fn without<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if !has_address_in_brackets(text) {
            return Cow::Borrowed(text);
        }
        self.beside_address.replace_all(text, |found: &Captures<'_>| {
            let kept = match (found.name("zone"), found.name("said")) {
                (None, None) => found.name("address"),
                (Some(_), _) | (_, Some(_)) => found.get(0),
            };
            kept.map_or_else(String::new, |kept| kept.as_str().to_owned())
        })
    }
}

/// Without one no name stands beside it, and most replies are spared the search.
fn has_address_in_brackets(text: &str) -> bool {
    let is_address = |inner: &str| {
        let inner = match inner.split_at_checked(5) {
            Some((tag, rest)) if tag.eq_ignore_ascii_case("ipv6:") => rest,
            _ => inner,
        };
        let end = inner.find(|c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':'));
        end.is_some_and(|end| end >= 7)
    };
    text.split(['[', '(']).skip(1).any(is_address)
}

#[cfg(test)]
mod tests {
    use crate::catalogue::reply::{ClientNames, plain};

    #[test]
    fn the_clients_name_is_taken_out_and_a_zone_or_the_receiver_is_not() {
        let names = ClientNames::new().unwrap();
        for (reply, wanted) in [
            (
                "554 <mx1.strato.de[192.0.2.44]>: Client host rejected",
                "554 <[192.0.2.44]>: Client host rejected",
            ),
            (
                "550 JunkMail rejected - a.zoho.com (helo.zoho.com) [192.0.2.44]:34032",
                "550 JunkMail rejected - [192.0.2.44]:34032",
            ),
            (
                "554 blocked using bl.spamcop.net [192.0.2.44]",
                "554 blocked using bl.spamcop.net [192.0.2.44]",
            ),
            (
                "host mx.yandex.ru[203.0.113.9] said: 554 blocked",
                "host mx.yandex.ru[203.0.113.9] said: 554 blocked",
            ),
        ] {
            assert_eq!(names.without(reply), wanted);
        }
    }

    #[test]
    fn the_codes_of_continuation_lines_are_gone() {
        for (reply, wanted) in [
            (
                "550-5.7.1 [192.0.2.22 18] Our system 550-5.7.1 has detected 550 5.7.1 spam",
                "550 5.7.1 [192.0.2.22 18] Our system has detected spam",
            ),
            (
                "550-Blocked 550-see https://a.example/ 550 Bye",
                "550 Blocked see https://a.example/ 550 Bye",
            ),
            (
                "550-\"JunkMail rejected - mx22 550-(helo) [198.51.100.164]:34032",
                "550 \"JunkMail rejected - mx22 (helo) [198.51.100.164]:34032",
            ),
            (
                "550 5.1.1 <a@b.example> 550 unknown",
                "550 5.1.1 <a@b.example> 550 unknown",
            ),
            ("  a   b\tc ", "a b c"),
        ] {
            assert_eq!(plain(reply), wanted);
        }
    }
}
