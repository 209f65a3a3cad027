//! Who is known: local parts that were seen as addresses, found where they stand without their `@`.

use std::collections::{BTreeSet, HashSet};
use std::net::IpAddr;
use std::ops::Range;
use std::sync::Arc;

use aho_corasick::AhoCorasick;
use chrono::NaiveDate;

use crate::report::at_signs::ends_like_domain;
use crate::report::local_part::is_pseudonym;

/// Shorter names are in too many words.
const MIN_CHARS: usize = 3;
/// The longest name of a host (RFC 1035 §2.3.4).
const MAX_HOST: usize = 255;
/// Shorter numbers are reply codes, ports, years and counts.
const MIN_DIGITS: usize = 6;

/// Names of roles (RFC 2142, and what mail servers use): words of replies, and nobody.
const ROLES: [&str; 32] = [
    "abuse",
    "administrator",
    "admin",
    "bounce",
    "bounces",
    "contact",
    "daemon",
    "ftp",
    "help",
    "helpdesk",
    "hostmaster",
    "info",
    "listserv",
    "mail",
    "mailer-daemon",
    "marketing",
    "news",
    "no-reply",
    "nobody",
    "noc",
    "noreply",
    "owner",
    "postmaster",
    "request",
    "root",
    "sales",
    "security",
    "support",
    "trouble",
    "usenet",
    "uucp",
    "webmaster",
];
/// What dates are written with.
const OF_DATES: [&str; 20] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "mon", "tue", "wed",
    "thu", "fri", "sat", "sun", "jst",
];

/// Where a text comes from, which decides what a name with dots in it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Words, between which hosts are named.
    Words,
    /// A path or a folder: `taro.yamada.jp` is no host there.
    Path,
}

/// The people of one report.
#[derive(Clone, Debug)]
pub(super) struct People {
    /// In lower case.
    names: BTreeSet<String>,
    /// Words that a reply needs.
    ordinary: Arc<BTreeSet<String>>,
    hosts: HashSet<String>,
    /// Of `names`, until another one comes.
    finder: Option<AhoCorasick>,
}

impl People {
    /// Nobody yet; `ordinary` are words that are never taken for a name, in lower case.
    pub(super) fn new(ordinary: BTreeSet<String>) -> Self {
        Self {
            names: BTreeSet::new(),
            ordinary: Arc::new(ordinary),
            hosts: HashSet::new(),
            finder: None,
        }
    }

    /// Takes a local part for somebody's; it is plain and in lower case.
    pub(super) fn add(&mut self, local: &str) {
        for name in names_in(local) {
            let name = name.trim_matches(|c: char| !c.is_alphanumeric());
            if self.is_distinct(name) && self.names.insert(name.to_owned()) {
                self.finder = None;
            }
        }
    }

    /// Takes a name for a host's, which nobody is hidden in.
    pub(super) fn add_host(&mut self, host: &str) {
        self.hosts.insert(host.to_lowercase());
    }

    /// Whether this is somebody's name.
    pub(super) fn know(&self, name: &str) -> bool {
        self.names.contains(&name.to_lowercase())
    }

    /// Whether a name tells somebody from the words around it.
    fn is_distinct(&self, name: &str) -> bool {
        let is_number = name.bytes().all(|byte| byte.is_ascii_digit());
        name.chars().count() >= MIN_CHARS
            && !(is_number && (name.len() < MIN_DIGITS || NaiveDate::parse_from_str(name, "%Y%m%d").is_ok()))
            && !self.ordinary.contains(name)
            && !ROLES.contains(&name)
            && !OF_DATES.contains(&name)
            && name.parse::<IpAddr>().is_err()
            && !is_pseudonym(name)
    }

    /// Where they stand in a text, as words of their own.
    pub(super) fn find(&mut self, text: &str, kind: Kind) -> Vec<Range<usize>> {
        if self.names.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<Range<usize>> = match self.finder() {
            Some(finder) => finder
                .find_overlapping_iter(text)
                .map(|found| found.range())
                .collect(),
            None => self.find_one_by_one(text),
        };
        found.retain(|at| self.is_name_at(text, at, kind));
        found.sort_by_key(|at| (at.start, std::cmp::Reverse(at.end)));
        let mut end = 0;
        found.retain(|at| {
            let is_free = at.start >= end;
            if is_free {
                end = at.end;
            }
            is_free
        });
        found
    }

    fn finder(&mut self) -> Option<&AhoCorasick> {
        if self.finder.is_none() {
            // Only ASCII is found in either case.
            let upper = self
                .names
                .iter()
                .filter(|name| !name.is_ascii())
                .map(|name| name.to_uppercase());
            let patterns: Vec<String> = self.names.iter().cloned().chain(upper).collect();
            self.finder = AhoCorasick::builder()
                .ascii_case_insensitive(true)
                .build(patterns)
                .ok();
        }
        self.finder.as_ref()
    }

    /// Where there are more names than one search can hold.
    fn find_one_by_one(&self, text: &str) -> Vec<Range<usize>> {
        let text = text.to_ascii_lowercase();
        let each = self
            .names
            .iter()
            .flat_map(|name| text.match_indices(name.as_str()));
        each.map(|(at, name)| at..at + name.len()).collect()
    }

    fn is_name_at(&self, text: &str, at: &Range<usize>, kind: Kind) -> bool {
        let (Some(before), Some(name), Some(behind)) =
            (text.get(..at.start), text.get(at.clone()), text.get(at.end..))
        else {
            return false;
        };
        let joins = |inner: Option<char>, outer: Option<char>| {
            inner
                .zip(outer)
                .is_some_and(|(inner, outer)| is_spaced(inner) && is_spaced(outer))
        };
        let is_word = !joins(name.chars().next(), before.chars().next_back())
            && !joins(name.chars().next_back(), behind.chars().next());
        is_word
            && !before.ends_with("***-")
            && !is_in(
                text,
                at,
                |c| c.is_ascii_hexdigit() || matches!(c, ':' | '.'),
                |word| word.trim_end_matches([':', '.']).parse::<IpAddr>().is_ok(),
            )
            && (kind == Kind::Path
                || !name.chars().all(is_of_host)
                || !is_in(text, at, is_of_host, |host| self.is_host(host, name)))
    }

    fn is_host(&self, host: &str, name: &str) -> bool {
        let host = host.trim_matches(['.', '-', '_']);
        let host = host.to_lowercase();
        self.hosts.contains(&host) || !host.eq_ignore_ascii_case(name) && ends_like_domain(&host)
    }
}

/// Whether the word around `at`, made of what `is_of_word` takes, is what `is` says.
fn is_in(
    text: &str,
    at: &Range<usize>,
    is_of_word: impl Fn(char) -> bool,
    is: impl Fn(&str) -> bool,
) -> bool {
    let from = text.floor_char_boundary(at.start.saturating_sub(MAX_HOST));
    let to = text.floor_char_boundary(at.end.saturating_add(MAX_HOST));
    let before = text.get(from..at.start).unwrap_or_default();
    let start = from + before.trim_end_matches(&is_of_word).len();
    let behind = text.get(at.end..to).unwrap_or_default();
    let end = to - behind.trim_start_matches(&is_of_word).len();
    text.get(start..end).is_some_and(is)
}

fn is_of_host(c: char) -> bool {
    c.is_alphanumeric() && is_spaced(c) || matches!(c, '.' | '-' | '_')
}

/// Whether words of its script are set apart by blanks, so that one beside it belongs to the same word.
fn is_spaced(c: char) -> bool {
    c.is_alphanumeric()
        && !matches!(c, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{2e80}'..='\u{fdff}' | '\u{fe30}'..='\u{fe4f}' | '\u{ff00}'..='\u{ffef}' | '\u{20000}'..)
}

/// The local part and whom it is made for: before its `+tag`, within VERP and SRS.
fn names_in(local: &str) -> impl Iterator<Item = &str> {
    let untagged = local.split_once('+').map(|(name, _)| name);
    let rewritten = local.rsplit_once('=').map(|(rest, last)| {
        if rest.starts_with("srs") {
            return last;
        }
        // `bounces+taro=example.jp`, `bounces-123-taro=example.jp`
        let address = rest.split_once('+').map_or(rest, |(_, name)| name);
        address.rsplit_once('-').map_or(address, |(_, name)| name)
    });
    [Some(local), untagged, rewritten].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::report::people::{Kind, People};

    fn found(text: &str, kind: Kind) -> Vec<String> {
        let mut people = People::new(BTreeSet::from(["unknown".to_owned()]));
        for local in [
            "taro",
            "taro.yamada",
            "山田太郎",
            "unknown",
            "info",
            "shop",
            "550",
            "cafe",
            "may",
            "090123456",
        ] {
            people.add(local);
        }
        people.add("bounces+jiro.sato=x.jp");
        people.add("srs0=hash=tt=x.jp=hanako");
        let found = people.find(text, kind);
        found.into_iter().map(|at| text[at].to_owned()).collect()
    }

    #[test]
    fn somebody_known_is_found_as_a_word_of_its_own() {
        for (text, names) in [
            ("550 5.1.1 User taro.yamada unknown", &["taro.yamada"][..]),
            ("RCPT TO:<Taro>", &["Taro"]),
            ("taroさんは山田太郎様です", &["taro", "山田太郎"]),
            ("tarot, kentaro and taro2", &[]),
            ("For more info see the shop of May 550", &["shop"]),
            ("user_taro-quota taro.", &["taro", "taro"]),
            ("jiro.sato and hanako", &["jiro.sato", "hanako"]),
            ("call 090123456", &["090123456"]),
        ] {
            assert_eq!(found(text, Kind::Words), names, "{text}");
        }
    }

    #[test]
    fn hosts_and_ips_stay_whole() {
        for text in ["mx.shop.example.jp", "shop.jp[2001:db8:cafe::1]", "***-cafe@x.jp"] {
            assert_eq!(found(text, Kind::Words), Vec::<String>::new(), "{text}");
        }
        assert_eq!(found("mails/taro.jp", Kind::Path), ["taro"]);
        assert_eq!(found("see taro.yamada.pdf", Kind::Words), ["taro.yamada"]);
    }
}
