//! Where the local part begins that ends at an `@`: quoted, in a URL, behind a key or a path, in another writing.

use std::ops::Range;

use crate::report::at_signs::{Sign, ends_like_domain};

/// What logs and URLs write before an address: `to=taro@example.jp`. Anything else before a `=` may be somebody (SRS, VERP).
const KEYS: [&str; 38] = [
    "a",
    "addr",
    "address",
    "auth",
    "bcc",
    "cc",
    "domain",
    "e",
    "email",
    "envelope-from",
    "from",
    "header.from",
    "header.i",
    "id",
    "ip",
    "m",
    "mail",
    "mailfrom",
    "mfrom",
    "orcpt",
    "orig_to",
    "q",
    "r",
    "rcpt",
    "rcptto",
    "recipient",
    "s",
    "sasl_username",
    "sender",
    "smtp.mailfrom",
    "subject",
    "text",
    "to",
    "u",
    "url",
    "user",
    "username",
    "x",
];
/// Quotes as they stand in a text, the escaped ones first.
const QUOTES: [&str; 6] = ["\\\"", "\"", "&quot;", "%22", "=22", "＂"];
/// What encloses a local part that the `@` stands behind.
const BRACKETS: [(char, char); 10] = [
    ('<', '>'),
    ('(', ')'),
    ('[', ']'),
    ('{', '}'),
    ('＜', '＞'),
    ('（', '）'),
    ('「', '」'),
    ('“', '”'),
    ('‘', '’'),
    ('«', '»'),
];
/// What no local part has bare, as bytes in hexadecimal: controls, blank, `( ) , : ; < > [ ]`.
const SPECIALS: [&str; 12] = [
    "09", "0A", "0D", "20", "28", "29", "2C", "3A", "3B", "3C", "3E", "5B",
];
/// And what parts a URL: `# & / ?`, and the last bracket.
const SPECIALS_OF_URLS: [&str; 5] = ["23", "26", "2F", "3F", "5D"];

/// Where in `before` the local part stands that the sign behind it ends; `None` where nobody is before it.
pub(super) fn before_sign(
    before: &str,
    sign: Sign,
    in_url: bool,
    is_known: impl Fn(&str) -> bool,
) -> Option<Range<usize>> {
    let mut before = without_tags(before);
    for quote in QUOTES {
        if let Some(inside) = before.strip_suffix(quote) {
            let start = opening(inside, quote);
            let name = start.and_then(|start| inside.get(start + quote.len()..));
            if let Some((start, _)) = start.zip(name.filter(|name| is_somebody(name))) {
                return Some(start..before.len());
            }
            before = start.and_then(|start| inside.get(..start)).unwrap_or(inside);
            break;
        }
    }
    for (open, close) in BRACKETS {
        if let Some((head, inside)) = before
            .strip_suffix(close)
            .and_then(|inside| inside.rsplit_once(open))
        {
            let is_comment = open == '(' && !head.is_empty() && !head.ends_with(char::is_whitespace);
            if !is_comment {
                let start = head.len() + open.len_utf8();
                return is_somebody(inside).then_some(start..start + inside.len());
            }
            // RFC 5322 §3.2.2: the name stands before it.
            before = head;
            break;
        }
    }
    let start = token(before);
    let name = before.get(start..)?;
    let name = trimmed(name, sign, in_url);
    let name = of_known(name, is_known);
    // Not somebody: `*@*` of a rule.
    is_somebody(name).then(|| before.len() - name.len()..before.len())
}

/// Whether a text is what this program put in place of a local part.
pub(super) fn is_pseudonym(name: &str) -> bool {
    let name = name.replace("%2A", "*").replace("%2a", "*");
    let is_hex = |digits: &str| digits.len() >= 4 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.strip_prefix("***-").is_some_and(is_hex)
}

fn is_somebody(name: &str) -> bool {
    name.chars().any(|c| c.is_alphanumeric() || !c.is_ascii())
}

/// `<b>taro</b>@example.jp`
fn without_tags(mut before: &str) -> &str {
    while let Some(tag) = before.strip_suffix('>').and_then(|inside| inside.rfind('<')) {
        let name = before.get(tag + 1..before.len() - 1).unwrap_or_default();
        let is_tag = name.starts_with('/') || name.starts_with("wbr");
        match before.get(..tag) {
            Some(rest) if is_tag => before = rest,
            Some(_) | None => break,
        }
    }
    before
}

/// Where the quote opens that ends behind this text.
fn opening(inside: &str, quote: &str) -> Option<usize> {
    let mut head = inside;
    loop {
        let start = head.rfind(quote)?;
        head = head.get(..start)?;
        if quote != "\"" || !head.ends_with('\\') {
            return Some(start);
        }
    }
}

/// Where the last word of a text begins, of what stands in local parts.
fn token(before: &str) -> usize {
    let mut rest = before;
    while let Some(c) = rest.chars().next_back() {
        let head = rest.get(..rest.len() - c.len_utf8()).unwrap_or_default();
        if is_of_token(c) {
            rest = head;
        } else if let Some(start) = entity(rest).filter(|_| c == ';') {
            rest = rest.get(..start).unwrap_or_default();
        } else if matches!(c, ' ' | ',' | ':' | ';' | '<' | '>' | '(' | ')') && head.ends_with('\\') {
            // A quoted pair (RFC 5322 §3.2.1) that stands outside of quotes.
            rest = head.get(..head.len() - 1).unwrap_or_default();
        } else {
            break;
        }
    }
    rest.len()
}

/// RFC 5322 §3.2.3 (`atext`) with dots, backslashes and, by RFC 6531, everything that is not ASCII; there without blanks
/// and the quotes and brackets that enclose addresses in texts.
fn is_of_token(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.\\".contains(c);
    }
    let encloses = matches!(c,
        '\u{ab}' | '\u{bb}' | '\u{2018}'..='\u{201f}' | '\u{2026}' | '\u{2039}' | '\u{203a}'
        | '\u{3001}'..='\u{3003}' | '\u{3008}'..='\u{301f}' | '\u{ff02}' | '\u{ff08}' | '\u{ff09}' | '\u{ff0c}'
        | '\u{ff1a}'..='\u{ff1e}' | '\u{ff3b}' | '\u{ff3d}' | '\u{ff62}'..='\u{ff64}');
    !c.is_whitespace() && !c.is_control() && !encloses
}

/// Where the entity begins that a text ends with, if it stands for a character of a local part.
fn entity(text: &str) -> Option<usize> {
    let start = text.rfind('&').filter(|start| text.len() - start <= 12)?;
    let name = text.get(start + 1..text.len() - 1)?;
    let stands_for = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
        None => match name {
            "period" => '.',
            "lowbar" => '_',
            "hyphen" | "dash" => '-',
            "plus" => '+',
            "equals" => '=',
            "amp" => '&',
            "apos" => '\'',
            _ => return None,
        },
    };
    is_of_token(stands_for).then_some(start)
}

/// The name without what stands before it in URLs, logs and paths.
fn trimmed(name: &str, sign: Sign, in_url: bool) -> &str {
    let mut name = match (sign, in_url || name.contains("%3C") || name.contains("%3c")) {
        (Sign::Percent, _) | (Sign::Plain | Sign::Wide | Sign::Written, true) => behind_escapes(name, '%'),
        (Sign::Written, false) => behind_escapes(name, '='),
        (Sign::Plain | Sign::Wide, false) => name,
    };
    if in_url {
        if let Some((_, part)) = name.rsplit_once(['/', '#']) {
            name = part;
        }
        if let Some((_, query)) = name.rsplit_once(['?', '&']) {
            name = query;
            if let Some((key, value)) = query.split_once('=')
                && !ends_like_domain(value)
                && !key.contains(['+', '%'])
            {
                name = value;
            }
        }
    } else if name.starts_with('/') && !name.contains('=') {
        name = name.rsplit_once('/').map_or(name, |(_, last)| last);
    }
    loop {
        let bare = without_punctuation(name);
        match bare.split_once('=') {
            Some((key, value)) if KEYS.contains(&key.to_ascii_lowercase().as_str()) => name = value,
            Some(_) | None => return bare,
        }
    }
}

/// Quotes, bullets and arrows of the text stand right before a name.
fn without_punctuation(name: &str) -> &str {
    let is_of_text = |c: char| c.is_ascii_punctuation() && !matches!(c, '_' | '%' | '\\' | '&');
    if let Some(masked) = name
        .rfind("***-")
        .and_then(|at| name.get(at..))
        .filter(|end| is_pseudonym(end))
    {
        return masked;
    }
    let mut bare = name;
    while let Some(shorter) = bare.strip_prefix(is_of_text) {
        bare = shorter;
    }
    if is_somebody(bare) { bare } else { name }
}

/// What stands behind the last escape of a character that no local part has.
fn behind_escapes(name: &str, escape: char) -> &str {
    let ends = |rest: &str| {
        let rest = rest.trim_start_matches("25");
        let code = rest.get(..2).unwrap_or_default().to_ascii_uppercase();
        let is_special = SPECIALS.contains(&code.as_str())
            || escape == '%' && SPECIALS_OF_URLS.contains(&code.as_str())
            || escape == '%' && code == "3D";
        is_special.then(|| name.len() - rest.len() + 2)
    };
    let mut begin = 0;
    for (at, _) in name.match_indices(escape) {
        let rest = name.get(at + 1..).unwrap_or_default();
        let Some(end) = ends(rest) else { continue };
        let is_equals = rest
            .trim_start_matches("25")
            .to_ascii_uppercase()
            .starts_with("3D");
        let key = name.get(begin..at).unwrap_or_default().to_ascii_lowercase();
        if !is_equals || KEYS.contains(&key.as_str()) {
            begin = end;
        }
    }
    name.get(begin..).unwrap_or(name)
}

/// Behind words of a language without blanks: the name, where it is somebody's that is known.
fn of_known(name: &str, is_known: impl Fn(&str) -> bool) -> &str {
    let behind = name.trim_start_matches(|c: char| !c.is_ascii());
    let last = name.char_indices().rfind(|(_, c)| !c.is_ascii());
    let ascii = last
        .and_then(|(at, c)| name.get(at + c.len_utf8()..))
        .unwrap_or(name);
    [behind, ascii]
        .into_iter()
        .find(|part| !part.is_empty() && part.len() < name.len() && is_known(part))
        .unwrap_or(name)
}
