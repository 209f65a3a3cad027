//! Finds the local parts of addresses in any text (RFC 5321 §4.1.2, RFC 6531 §3.3), however the `@` is written.

use std::ops::Range;

use crate::report::local_part;

/// Last labels of domains, beside those of two letters: where a name with dots ends in one, it is a host's.
const TOP_LEVELS: [&str; 40] = [
    "app",
    "arpa",
    "asia",
    "biz",
    "blog",
    "cat",
    "cloud",
    "club",
    "com",
    "coop",
    "dev",
    "edu",
    "email",
    "example",
    "gov",
    "host",
    "info",
    "int",
    "internal",
    "invalid",
    "lan",
    "local",
    "localdomain",
    "localhost",
    "mil",
    "mobi",
    "museum",
    "name",
    "net",
    "nagoya",
    "online",
    "org",
    "osaka",
    "pro",
    "shop",
    "site",
    "tech",
    "test",
    "tokyo",
    "xyz",
];

/// A local part in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Local {
    /// Where it stands.
    pub(super) at: Range<usize>,
    /// The domain behind it, as far as there is one.
    pub(super) domain: Range<usize>,
}

/// How an `@` is written, which decides what else has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// As itself.
    Plain,
    /// As full-width or small form, which Japanese texts use as a word as well.
    Wide,
    /// As `%40`, in URLs.
    Percent,
    /// As `=40`, `&#64;`, `\u0040`, `(at)` and the like, which may be something else by chance.
    Written,
}

/// The local parts in their order. `is_known` says whether a text is somebody's: where words of a language without
/// blanks stand right before an address, nothing else tells where it begins.
pub(super) fn locals(text: &str, is_known: impl Fn(&str) -> bool) -> Vec<Local> {
    let mut found: Vec<Local> = Vec::new();
    // Behind the last sign: what stands before it is no part of what comes.
    let mut floor = 0;
    let mut in_url = false;
    let mut from = 0;
    while let Some((start, end, sign)) = next_sign(text, from) {
        from = end;
        let domain = end..end + domain_length(text.get(end..).unwrap_or_default());
        if !is_address(sign, text, &domain) {
            continue;
        }
        let before = text.get(floor..start).unwrap_or_default();
        in_url = goes_on_in_url(before, in_url);
        let local = local_part::before_sign(before, sign, in_url, &is_known);
        if let Some(local) = local {
            let at = floor + local.start..floor + local.end;
            let name = text.get(at.clone()).unwrap_or_default();
            match found
                .last_mut()
                .filter(|last| at.start == floor && last.domain.start == floor)
            {
                // `postmaster@x.jp@host`: the second sign has nobody before it.
                Some(_) if ends_like_domain(name) => {}
                // `taro@home@x.jp`
                Some(last) => {
                    *last = Local {
                        at: last.at.start..at.end,
                        domain,
                    }
                }
                None => found.push(Local { at, domain }),
            }
        }
        floor = end;
    }
    found
}

/// Whether a name ends as only hosts' names do.
pub(super) fn ends_like_domain(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.rsplit_once('.').is_some_and(|(rest, last)| {
        let is_two_letters = last.len() == 2 && last.bytes().all(|byte| byte.is_ascii_alphabetic());
        !rest.is_empty()
            && (is_two_letters || last.starts_with("xn--") || !last.is_ascii() || TOP_LEVELS.contains(&last))
    })
}

/// Start, end and kind of the first sign from `from` on. Several at once are one.
fn next_sign(text: &str, from: usize) -> Option<(usize, usize, Sign)> {
    let mut rest = text.get(from..)?;
    loop {
        let offset = rest.find(['@', '＠', '﹫', '%', '=', '&', '\\', '+', '(', '[', '{'])?;
        rest = rest.get(offset..)?;
        if let Some((length, sign)) = sign(rest) {
            let start = text.len() - rest.len();
            return Some((start, start + length, sign));
        }
        rest = rest.get(rest.chars().next()?.len_utf8()..)?;
    }
}

/// The sign that a text begins with, and its length.
fn sign(text: &str) -> Option<(usize, Sign)> {
    let behind = text.trim_start_matches(['@', '＠', '﹫']);
    if behind.len() < text.len() {
        let length = text.len() - behind.len();
        let plain = text.get(..length).is_some_and(|signs| signs.contains('@'));
        return Some((length, if plain { Sign::Plain } else { Sign::Wide }));
    }
    let mut chars = text.chars();
    let (rest, sign) = match chars.next()? {
        '%' => {
            let mut rest = chars.as_str();
            while let Some(deeper) = rest.strip_prefix("25") {
                rest = deeper;
            }
            (rest.strip_prefix("40"), Sign::Percent)
        }
        '=' => (chars.as_str().strip_prefix("40"), Sign::Written),
        '+' => (chars.as_str().strip_prefix("AEA-"), Sign::Written),
        '&' => (entity(chars.as_str()), Sign::Written),
        '\\' => {
            let escapes = ["u0040", "x40", "x{40}", "100"];
            let rest = escapes
                .iter()
                .find_map(|escape| chars.as_str().strip_prefix(escape));
            (rest, Sign::Written)
        }
        '(' | '[' | '{' => {
            let word = chars.as_str().get(..3).unwrap_or_default().to_ascii_lowercase();
            let is_at = ["at)", "at]", "at}"].contains(&word.as_str());
            (is_at.then(|| chars.as_str().get(3..)).flatten(), Sign::Written)
        }
        _ => (None, Sign::Written),
    };
    Some((text.len() - rest?.len(), sign))
}

/// What follows an entity that stands for `@`, its `&` taken off.
fn entity(text: &str) -> Option<&str> {
    let mut rest = text;
    while let Some(deeper) = rest.strip_prefix("amp;") {
        rest = deeper;
    }
    if let Some(behind) = rest.strip_prefix("commat;") {
        return Some(behind);
    }
    let number = rest.strip_prefix('#')?;
    let (digits, code) = match number.strip_prefix(['x', 'X']) {
        Some(hex) => (hex, "40"),
        None => (number, "64"),
    };
    let behind = digits.trim_start_matches('0').strip_prefix(code)?;
    match behind.strip_prefix(';') {
        Some(behind) => Some(behind),
        None if behind.starts_with(|c: char| c.is_ascii_hexdigit()) => None,
        None => Some(behind),
    }
}

/// A sign that may be something else needs a domain behind it.
fn is_address(sign: Sign, text: &str, domain: &Range<usize>) -> bool {
    match sign {
        Sign::Plain | Sign::Percent => true,
        Sign::Wide | Sign::Written => {
            let behind = text.get(domain.start..).unwrap_or_default();
            let domain = text.get(domain.clone()).unwrap_or_default();
            let domain = domain.trim_end_matches(['.', '．', '。']);
            let last = domain.rsplit_once(['.', '．', '。']);
            // A domain that is written in the same way has no dots to be seen.
            let is_written = sign == Sign::Written && behind.starts_with(['&', '=', '%', '\\', '[']);
            is_written
                || last.is_some_and(|(rest, last)| {
                    !rest.is_empty() && last.chars().count() >= 2 && last.chars().all(char::is_alphabetic)
                })
        }
    }
}

fn domain_length(text: &str) -> usize {
    let is_of_domain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '.' | '．' | '。' | '_');
    text.find(|c| !is_of_domain(c)).unwrap_or(text.len())
}

/// Whether what ends here is part of a URL: one begins in it, or it goes on with the one before.
fn goes_on_in_url(before: &str, was_in_url: bool) -> bool {
    let ends = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"');
    let (is_cut, word) = match before.rsplit_once(ends) {
        Some((_, word)) => (true, word),
        None => (false, before),
    };
    let word = word.to_ascii_lowercase();
    word.contains("://") || word.contains("mailto:") || was_in_url && !is_cut
}

#[cfg(test)]
mod tests {
    use crate::report::at_signs::locals;

    fn hidden(text: &str) -> Vec<&str> {
        let locals = locals(text, |name| name == "taro");
        locals
            .into_iter()
            .map(|local| text.get(local.at).unwrap())
            .collect()
    }

    #[test]
    fn a_local_part_is_found_in_every_form() {
        for (text, found) in [
            ("550 taro@x.jp unknown", "taro"),
            ("<taro@x.jp>: User unknown", "taro"),
            ("rfc822;taro@x.jp", "taro"),
            ("taro@", "taro"),
            ("no such user taro@ here", "taro"),
            ("taro.yamada+news@x.jp", "taro.yamada+news"),
            ("\"taro yamada\"@x.jp", "\"taro yamada\""),
            (r#""taro \"t\" y"@x.jp"#, r#""taro \"t\" y""#),
            (r#"{\"to\":\"taro@x.jp\"}"#, "taro"),
            (r#"\"taro yamada\"@x.jp"#, r#"\"taro yamada\""#),
            ("&quot;taro yamada&quot;&#64;x.jp", "&quot;taro yamada&quot;"),
            ("SRS0=hash=tt=x.jp=taro@fwd.jp", "SRS0=hash=tt=x.jp=taro"),
            ("bounces+taro=x.jp@list.jp", "bounces+taro=x.jp"),
            ("@a.jp,@b.jp:taro@x.jp", "taro"),
            ("postmaster%40x.jp@mail.host", "postmaster"),
            ("postmaster@x.jp@mail.host", "postmaster"),
            ("taro@home@x.jp", "taro@home"),
            ("taro@@x.jp", "taro"),
            ("imaps://postmaster@host/INBOX", "postmaster"),
            ("imaps://post%40x.jp@host/INBOX", "post"),
            ("https://h.jp/u?id=1&email=taro%40x.jp&n=2", "taro"),
            ("https://h.jp/u?email=taro@x.jp", "taro"),
            ("https://h.jp/u/taro%2540x.jp", "taro"),
            ("https://h.jp:8080/u/taro@x.jp", "taro"),
            ("https://h.jp/u?taro=x.jp@list.jp", "taro=x.jp"),
            (
                "https://h.jp/?q=%22taro%20yamada%22%40x.jp",
                "%22taro%20yamada%22",
            ),
            ("q=3Ctaro=40x.jp=3E", "taro"),
            ("taro&#64;x.jp", "taro"),
            ("&lt;taro&#064;x.jp&gt;", "taro"),
            ("taro&commat;x.jp", "taro"),
            ("taro&#x40;x.jp", "taro"),
            ("&#116;aro&#64;&#120;.jp", "&#116;aro"),
            (r"taro\u0040x.jp", "taro"),
            ("taro[at]x.jp", "taro"),
            ("宛先：taro＠x.jp", "taro"),
            ("ｔａｒｏ＠ｘ．ｊｐ", "ｔａｒｏ"),
            ("宛先のtaro@x.jpは存在しません", "taro"),
            ("用户@例え.jp", "用户"),
            ("josé@x.jp", "josé"),
            ("to=taro@x.jp, relay=mx", "taro"),
            ("/var/mail/taro@x.jp", "taro"),
            ("/G=Taro/S=Yamada/@gw.jp", "G=Taro/S=Yamada/"),
            ("'taro@x.jp'", "taro"),
            ("<b>taro</b>@x.jp", "taro"),
            ("<taro>@x.jp", "taro"),
            ("taro(work phone)@x.jp", "taro"),
            (r"taro\ yamada@x.jp", r"taro\ yamada"),
            ("taro@[192.0.2.1]", "taro"),
        ] {
            assert!(hidden(text).contains(&found), "{text}: {:?}", hidden(text));
            assert!(hidden(text).len() <= 1, "{text}: {:?}", hidden(text));
        }
        assert_eq!(
            hidden("mailto:taro@x.jp?cc=hanako@y.jp&bcc=jiro%40z.jp"),
            ["taro", "hanako", "jiro"]
        );
    }

    #[test]
    fn what_is_no_address_stays() {
        for text in [
            "451 4.7.500 Server busy. [AS(8558)]",
            "*@* rejected",
            "@example.com is blocked",
            "a lone @ sign",
            "@",
            "",
            "limit=40 messages",
            "営業＠渋谷",
            "10%=40.",
        ] {
            assert_eq!(hidden(text), Vec::<&str>::new(), "{text}");
        }
    }
}
