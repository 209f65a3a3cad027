//! The roles of the addresses in a reply: who is refused, and who only happens to be named.
//!
//! `rules/addresses.toml` holds the words by which a role is told; the order there is the order of trial.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;

use regex::Regex;
use serde::Deserialize;
use toml::Spanned;

use crate::catalogue::pattern::{Compile, Pattern};
use crate::catalogue::rules::{EntryError, compile, no_pattern};

/// What looks like an address: IPv4, also masked or impossible, or IPv6 (RFC 4291 §2.2; the tag is RFC 5321 §4.1.3's).
const LOOKS_LIKE_ONE: &str = concat!(
    r"(?:[0-9]{1,3}|[x*#]{1,3})(?:\.(?:[0-9]{1,3}|[x*#]{1,3})){3}",
    r"|(?:IPv6:)?[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}(?:(?:\.[0-9]{1,3}){3})?",
);
/// How much text around an address is looked at.
const CONTEXT_CHARS: usize = 70;

/// What an address is in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Role {
    /// The sending address that is refused.
    Refused,
    /// The address that a link asks about.
    Linked,
    /// Nothing tells what it is.
    Unnamed,
    /// Something else: the receiver, its resolver, a netblock, a version, a code.
    Other,
}

/// How a role is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleEntry {
    pub(crate) id: Spanned<String>,
    role: Role,
    /// What stands right before the address.
    before: Option<Spanned<String>>,
    /// What stands right after it.
    after: Option<Spanned<String>>,
    /// Where this was read; the program's own roles all say it.
    #[serde(default)]
    #[cfg_attr(not(test), expect(dead_code, reason = "for people"))]
    source: String,
    /// Replies with the address that comes out, an empty text for none.
    #[serde(default)]
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the tests take them through the catalogue")
    )]
    pub(crate) examples: Vec<RoleExample>,
    /// Replies in which something else tells what the address is.
    #[serde(default)]
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "the tests take them through the catalogue")
    )]
    pub(crate) near_misses: Vec<RoleExample>,
}

/// A reply and the address that is refused in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "the tests take them through the catalogue")
)]
pub(crate) struct RoleExample {
    pub(crate) reply: String,
    pub(crate) ip: String,
}

/// Ready to tell roles.
#[derive(Debug)]
pub(crate) struct Roles {
    looks_like_one: Regex,
    rules: Vec<RoleRule>,
    #[cfg(test)]
    entries: Vec<RoleEntry>,
}

#[derive(Debug)]
struct RoleRule {
    role: Role,
    before: Option<Pattern>,
    after: Option<Pattern>,
}

impl Roles {
    /// # Errors
    /// When a pattern is no regular expression.
    pub(crate) fn new() -> Result<Self, regex::Error> {
        Ok(Self {
            looks_like_one: compile(LOOKS_LIKE_ONE)?,
            rules: Vec::new(),
            #[cfg(test)]
            entries: Vec::new(),
        })
    }

    /// # Errors
    /// When a pattern is no regular expression.
    pub(crate) fn add(
        &mut self,
        file: &Path,
        text: &str,
        entry: &RoleEntry,
        when: Compile,
    ) -> Result<(), EntryError> {
        let ready = |pattern: &Option<Spanned<String>>, form: fn(&str) -> String| {
            let Some(pattern) = pattern else {
                return Ok(None);
            };
            let wrong = |error: regex::Error| {
                EntryError::at(
                    file,
                    text,
                    pattern.span().start,
                    entry.id.get_ref(),
                    no_pattern(&error),
                )
            };
            Pattern::new(form(pattern.get_ref()), when)
                .map(Some)
                .map_err(wrong)
        };
        #[cfg(test)]
        self.entries.push(entry.clone());
        self.rules.push(RoleRule {
            role: entry.role,
            before: ready(&entry.before, |pattern| format!("(?:{pattern})$"))?,
            after: ready(&entry.after, |pattern| format!("^(?:{pattern})"))?,
        });
        Ok(())
    }

    /// Patterns that cannot be compiled.
    #[cfg(test)]
    pub(crate) fn broken(&self) -> Vec<&str> {
        let patterns = self
            .rules
            .iter()
            .flat_map(|rule| rule.before.iter().chain(&rule.after));
        let broken = patterns.filter(|pattern| pattern.regex().is_none());
        broken.map(Pattern::text).collect()
    }

    #[cfg(test)]
    pub(crate) fn entries(&self) -> impl Iterator<Item = &RoleEntry> {
        self.entries.iter()
    }

    /// The ids of the roles that tell what the addresses of a reply are.
    #[cfg(test)]
    pub(crate) fn told_by(&self, reply: &str) -> Vec<&str> {
        let tokens = self.looks_like_one.find_iter(reply);
        let at = tokens.filter_map(|token| {
            let (before, after) = (&reply[..token.start()], &reply[token.end()..]);
            self.position(tail(before), head(after))
        });
        at.map(|at| self.entries[at].id.get_ref().as_str()).collect()
    }

    /// Ids of the roles of which nobody says where they were read, or which no example shows.
    #[cfg(test)]
    pub(crate) fn unfounded(&self) -> Vec<&str> {
        let unfounded = |entry: &&RoleEntry| entry.source.is_empty() || entry.examples.is_empty();
        let entries = self.entries.iter().filter(unfounded);
        entries.map(|entry| entry.id.get_ref().as_str()).collect()
    }

    /// The address that the reply refuses, in canonical form; `remote` is the refusing host's own.
    pub(crate) fn refused(&self, reply: &str, remote: Option<IpAddr>) -> Option<IpAddr> {
        // Links write the colons of IPv6 as %3A (RFC 3986 §2.1).
        let reply = match reply.contains("%3") {
            true => Cow::Owned(reply.replace("%3A", ":").replace("%3a", ":")),
            false => Cow::Borrowed(reply),
        };
        let mut found = Vec::new();
        for token in self.looks_like_one.find_iter(&reply) {
            let (before, after) = (reply.get(..token.start())?, reply.get(token.end()..)?);
            let text = token.as_str();
            // `2001:db8::25: blocked`
            let text = text
                .strip_suffix(':')
                .filter(|rest| !rest.ends_with(':'))
                .unwrap_or(text);
            let address = canonical(text);
            if !stands_alone(before, after, text)
                || address.is_some() && address == remote.map(|ip| ip.to_canonical())
            {
                continue;
            }
            let role = self.role(tail(before), head(after));
            // A masked address is still the refused one, so that none of the others is taken for it.
            if role == Role::Refused {
                return address.filter(can_be_refused);
            }
            found.extend(address.filter(can_be_refused).map(|address| (role, address)));
        }
        let first = |wanted| {
            found
                .iter()
                .find(|(role, _)| *role == wanted)
                .map(|(_, address)| *address)
        };
        first(Role::Linked).or_else(|| first(Role::Unnamed))
    }

    fn role(&self, before: &str, after: &str) -> Role {
        let rule = self.position(before, after).and_then(|at| self.rules.get(at));
        rule.map_or(Role::Unnamed, |rule| rule.role)
    }

    /// Which rule tells what stands between these texts.
    fn position(&self, before: &str, after: &str) -> Option<usize> {
        let fits =
            |pattern: &Option<Pattern>, text| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
        self.rules
            .iter()
            .position(|rule| fits(&rule.before, before) && fits(&rule.after, after))
    }
}

/// One spelling for an address: brackets and tag off, IPv4 in IPv6 made plain.
pub(crate) fn canonical(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches(['[', ']', '(', ')', '<', '>', '"', '\'', ' ']);
    let text = match text.split_at_checked(5) {
        Some((tag, rest)) if tag.eq_ignore_ascii_case("IPv6:") => rest,
        _ => text,
    };
    text.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
}

/// Whether mail can come from it: no loopback, no group, no placeholder.
fn can_be_refused(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            !(ip.is_loopback()
                || ip.is_multicast()
                || ip.is_broadcast()
                || *ip == Ipv4Addr::UNSPECIFIED
                || ip.octets().starts_with(&[0]))
        }
        IpAddr::V6(ip) => !(ip.is_loopback() || ip.is_multicast() || *ip == Ipv6Addr::UNSPECIFIED),
    }
}

/// Whether it is an address of its own and not a part of a name, a number, or a netblock.
fn stands_alone(before: &str, after: &str, text: &str) -> bool {
    let mut backwards = before.chars().rev();
    let free_before = match (backwards.next(), backwards.next()) {
        (Some(c), _) if c.is_ascii_alphanumeric() || c == '.' || c == '_' => false,
        (Some('-'), Some(c)) if c.is_ascii_alphanumeric() => false,
        _ => true,
    };
    let mut forwards = after.chars();
    let digits = |text: &str| text.chars().take_while(char::is_ascii_digit).collect::<String>();
    let free_after = match (forwards.next(), forwards.next()) {
        (Some(c), _) if c.is_ascii_alphanumeric() => false,
        (Some('.'), Some(_)) if is_page(after) => true,
        (Some('.' | '-'), Some(c)) if c.is_ascii_alphanumeric() => false,
        (Some('/'), Some(c)) if c.is_ascii_digit() => {
            let length = digits(after.trim_start_matches('/'));
            length == if text.contains(':') { "128" } else { "32" }
        }
        _ => true,
    };
    free_before && free_after
}

/// `http://www.robtex.com/rbl/192.0.2.1.html`: what follows is the page's ending.
fn is_page(after: &str) -> bool {
    let ending = after.trim_start_matches('.');
    let ending = ending.split(|c: char| !c.is_ascii_alphanumeric()).next();
    ending.is_some_and(|ending| matches!(ending, "html" | "htm" | "php" | "asp" | "aspx"))
}

fn tail(text: &str) -> &str {
    match text.char_indices().nth_back(CONTEXT_CHARS) {
        Some((at, _)) => text.get(at..).unwrap_or(text),
        None => text,
    }
}

fn head(text: &str) -> &str {
    match text.char_indices().nth(CONTEXT_CHARS) {
        Some((at, _)) => text.get(..at).unwrap_or(text),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use crate::catalogue::addresses::{Roles, canonical};

    #[test]
    fn an_address_has_one_spelling() {
        for text in [
            "::ffff:192.0.2.1",
            "[192.0.2.1]",
            "IPv6:::FFFF:c000:201",
            "[ipv6:::ffff:192.0.2.1]",
        ] {
            assert_eq!(
                canonical(text).map(|ip| ip.to_string()).as_deref(),
                Some("192.0.2.1"),
                "{text}"
            );
        }
        assert_eq!(
            canonical("IPv6:2001:0DB8:0::25")
                .map(|ip| ip.to_string())
                .as_deref(),
            Some("2001:db8::25")
        );
        assert_eq!(canonical("999.999.999.999"), None);
    }

    #[test]
    fn what_is_part_of_a_name_or_a_netblock_is_no_address() {
        let roles = Roles::new().unwrap();
        for reply in [
            "192.0.2.1.dyn.example.net is dynamic",
            "host-192.0.2.1.example.net is dynamic",
            "the network 192.0.2.0/24 is listed",
            "exim 14.92.0.2.1",
            "127.0.0.2",
            "255.255.255.255",
        ] {
            assert_eq!(roles.refused(reply, None), None, "{reply}");
        }
    }

    #[test]
    fn any_text_gives_an_address_or_none() {
        let roles = Roles::new().unwrap();
        proptest::proptest!(|(reply in ".{0,200}")| {
            let _ = roles.refused(&reply, None);
        });
    }
}
