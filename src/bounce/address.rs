//! Addresses as bounces write them: in angle brackets, with a type in front, beside other words.

use std::net::IpAddr;

/// The first address in a text, bare: brackets, quotes around it, the type of RFC 3464 §2.3.1 (`rfc822;`) and what
/// stands beside it taken off. `None` where no word has the form of an address.
pub(super) fn first(text: &str) -> Option<String> {
    all(text).next()
}

/// Every address in a text, in order.
pub(super) fn all(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let at = rest.find('@')?;
            let (before, after) = (rest.get(..at)?, rest.get(at + 1..)?);
            let domain = domain(after);
            let local = local(before);
            rest = after.get(domain.len()..)?;
            if let Some(local) = local
                && is_domain(domain)
            {
                return Some(format!("{local}@{domain}"));
            }
        }
    })
}

/// The address where a word is nothing but one (`<a@b.example>`, `a@b.example:`), else `None`.
pub(super) fn only(word: &str) -> Option<String> {
    let word = word.trim().trim_end_matches([':', ',', '.', ';']);
    let bare = word
        .strip_prefix('<')
        .and_then(|word| word.strip_suffix('>'))
        .unwrap_or(word);
    let bare = bare.strip_prefix("mailto:").unwrap_or(bare);
    first(bare).filter(|address| address.len() == bare.len())
}

/// The local part at the end of a text: an atom, or a quoted string (RFC 5321 §4.1.2).
fn local(before: &str) -> Option<&str> {
    if let Some(inner) = before.strip_suffix('"') {
        let from = inner.rfind('"')?;
        return before
            .get(from..)
            .filter(|quoted| !quoted.contains(char::is_control));
    }
    let from = before
        .char_indices()
        .rev()
        .take_while(|(_, c)| is_local(*c))
        .last()
        .map(|(at, _)| at)?;
    let local = before.get(from..)?.trim_start_matches(['.', '\'', '`', '/']);
    // SMTP parameters and URLs run into the address: `RCPT:a@b`, `to=a@b`, `mailto:a@b`
    let local = local.rsplit_once([':', ';']).map_or(local, |(_, local)| local);
    (!local.is_empty() && local.len() <= 128).then_some(local)
}

fn is_local(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.:;".contains(c)
}

/// The domain at the start of a text, or an address literal (RFC 5321 §4.1.3).
fn domain(after: &str) -> &str {
    if after.starts_with('[') {
        return after.find(']').and_then(|at| after.get(..=at)).unwrap_or("");
    }
    let end = after
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '.' | '-' | '_')))
        .unwrap_or(after.len());
    after.get(..end).unwrap_or("").trim_end_matches(['.', '-', '_'])
}

fn is_domain(domain: &str) -> bool {
    let literal = domain.strip_prefix('[').and_then(|inner| inner.strip_suffix(']'));
    match literal {
        Some(inner) => inner.trim_start_matches("IPv6:").parse::<IpAddr>().is_ok(),
        None => !domain.is_empty() && domain.len() <= 255 && !domain.split('.').any(str::is_empty),
    }
}

/// A host with its address: `mx.example.net[192.0.2.1]`, `mx.example.net [192.0.2.1]`, `mx.example.net (192.0.2.1)`,
/// `[192.0.2.1]:25`, or one of the two alone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Host {
    pub(super) name: Option<String>,
    pub(super) ip: Option<IpAddr>,
}

impl Host {
    /// Reads the host that a text begins with.
    pub(super) fn read(text: &str) -> Self {
        let ends =
            |c: char| c.is_whitespace() || matches!(c, '[' | '(' | ']' | ')' | ',' | ';' | '<' | '>' | '"');
        let text = text.trim_start();
        let end = text.find(ends).unwrap_or(text.len());
        let (word, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        let word = word.trim_end_matches([':', '.']);
        let alone = word.parse::<IpAddr>().ok();
        let beside = rest.trim_start().strip_prefix(['[', '(']).and_then(|rest| {
            rest.get(
                ..rest
                    .find([']', ')', ',', ' ', ':'])
                    .filter(|at| *at > 0)
                    .unwrap_or(rest.len()),
            )
        });
        let beside = beside.and_then(|inner| {
            let whole = rest
                .trim_start()
                .get(1..)
                .and_then(|rest| rest.get(..rest.find([']', ')', ',', ' '])?));
            whole.and_then(ip).or_else(|| ip(inner))
        });
        Self {
            name: (alone.is_none() && is_host(word)).then(|| word.to_owned()),
            ip: alone.or(beside).map(|ip| ip.to_canonical()),
        }
    }

    /// This host, with what it lacks taken from the other.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            name: self.name.or(other.name),
            ip: self.ip.or(other.ip),
        }
    }
}

fn ip(text: &str) -> Option<IpAddr> {
    let text = text.strip_prefix("IPv6:").unwrap_or(text);
    text.parse().ok()
}

/// Whether a word can name a host.
pub(super) fn is_host(word: &str) -> bool {
    !word.is_empty()
        && word.len() <= 255
        && word.starts_with(|c: char| c.is_alphanumeric() || c == '_')
        && word
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_'))
}

#[cfg(test)]
mod tests {
    use crate::bounce::address::{Host, all, first, only};

    #[test]
    fn an_address_comes_out_bare() {
        for (text, want) in [
            ("rfc822; <kijitora@example.jp>", "kijitora@example.jp"),
            ("rfc822;kijitora@example.jp", "kijitora@example.jp"),
            (
                "<\"neko....nyaan....\"@libsisimai.org>",
                "\"neko....nyaan....\"@libsisimai.org",
            ),
            (
                "rfc822;|/usr/bin/neko kijitora@example.com /home/neko",
                "kijitora@example.com",
            ),
            ("RCPT To:<a+b=c@example.jp> NOTIFY=NEVER", "a+b=c@example.jp"),
            ("kijitora@[192.0.2.1]", "kijitora@[192.0.2.1]"),
        ] {
            assert_eq!(first(text).as_deref(), Some(want), "{text}");
        }
        assert_eq!(first("|/path/to/some/script.py"), None);
        assert_eq!(first("\"a\0b\"@example.jp"), None);
        assert_eq!(only("<a@example.jp>:").as_deref(), Some("a@example.jp"));
        assert_eq!(only("write to a@example.jp"), None);
        assert_eq!(all("<a@x.example>, b@y.example.").count(), 2);
    }

    #[test]
    fn a_host_is_read_with_its_address() {
        let host = Host::read("mx.example.net[2001:db8::1]:25: Connection timed out");
        assert_eq!(host.name.as_deref(), Some("mx.example.net"));
        assert_eq!(host.ip, Some("2001:db8::1".parse().unwrap()));
        assert_eq!(Host::read("[192.0.2.7]").ip, Some("192.0.2.7".parse().unwrap()));
        assert_eq!(
            Host::read("mx.example.net. (192.0.2.7, the server)").ip,
            Some("192.0.2.7".parse().unwrap())
        );
        assert_eq!(Host::read("192.0.2.7").name, None);
    }
}
