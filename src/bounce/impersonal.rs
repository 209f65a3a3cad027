//! Words of a mail without what is somebody's own: addresses, hosts, numbers, ids, names, other people's subjects.

use crate::bounce::shape::SUBJECTS;

/// Characters that are kept of a text.
const MAX_CHARS: usize = 72;
/// A word with more characters than this is an id.
const MAX_WORD: usize = 24;
/// Words with a capital in subjects that mail servers write; any other one with a capital may be somebody's name.
const OF_SUBJECTS: [&str; 40] = [
    "a",
    "abuse",
    "address",
    "after",
    "auto",
    "by",
    "complaint",
    "daemon",
    "delivery",
    "dsn",
    "email",
    "feedback",
    "for",
    "from",
    "hours",
    "in",
    "is",
    "mail",
    "mailbox",
    "mailer",
    "message",
    "not",
    "of",
    "quarantine",
    "queue",
    "recipient",
    "report",
    "returning",
    "see",
    "sender",
    "sent",
    "smtp",
    "spam",
    "status",
    "system",
    "the",
    "to",
    "transcript",
    "user",
    "your",
];
/// What makes the subject of a feedback report (RFC 5965), beside the words of bounces.
const OF_COMPLAINTS: [&str; 3] = ["abuse", "complaint", "report"];
/// What stands before the colon of a subject that says nothing yet: `Warning: could not send message …`.
const OPENINGS: [&str; 9] = [
    "warning",
    "notice",
    "error",
    "notification",
    "re",
    "fwd",
    "fw",
    "auto",
    "attention",
];

/// A subject as the program that wrote it has it: what stands behind the words that announce a bounce is mostly the
/// original's subject, and a subject that announces none is a person's.
pub(super) fn subject(text: &str) -> String {
    let mut kept = Vec::new();
    let mut parts = text.split(": ").peekable();
    while let Some(part) = parts.next() {
        let lower = part.to_lowercase();
        let announces = SUBJECTS
            .iter()
            .chain(&OF_COMPLAINTS)
            .any(|word| lower.contains(word));
        let opens = OPENINGS.contains(&lower.trim());
        kept.push(match announces || opens {
            true => words(part, common),
            false => "<text>".to_owned(),
        });
        if announces && !opens && parts.peek().is_some() {
            kept.push("<text>".to_owned());
            break;
        }
    }
    cut(&kept.join(": "))
}

/// The name of a program and its version's place.
pub(super) fn program(text: &str) -> String {
    cut(&words(text, |word| Some(word.to_owned())))
}

/// The text word by word: placeholders for what a machine counts or addresses, and for what `keep` does not know.
fn words(text: &str, keep: impl Fn(&str) -> Option<String>) -> String {
    let mut said: Vec<String> = Vec::new();
    let mut quoted = false;
    for word in text.split_whitespace() {
        let quotes = word.matches(['"', '\u{201c}', '\u{201d}', '\u{201e}']).count();
        let was_quoted = quoted;
        quoted ^= quotes % 2 == 1;
        let word = word.trim_matches(['<', '>']);
        let bare = word.trim_matches(|c: char| c.is_ascii_punctuation() && c != '@');
        let word = match placeholder(bare).map(str::to_owned).or_else(|| keep(bare)) {
            _ if was_quoted || quotes > 0 => "<text>".to_owned(),
            _ if bare.is_empty() => word.to_owned(),
            Some(said) => word.replacen(bare, &said, 1),
            None => "<name>".to_owned(),
        };
        if said.last() != Some(&word) || !word.starts_with('<') {
            said.push(word);
        }
    }
    said.join(" ")
}

/// What a word is, where it is no plain word.
fn placeholder(word: &str) -> Option<&'static str> {
    let has_digit = word.contains(|c: char| c.is_ascii_digit());
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    match word {
        "" => None,
        _ if word.contains('@') => Some("<address>"),
        _ if has_digit && letters == 0 => Some("<n>"),
        _ if word.contains("://") || word.contains('.') && letters > 0 => Some("<host>"),
        _ if has_digit && letters <= 1 => Some("<n>"),
        _ if has_digit || word.chars().count() > MAX_WORD && word.is_ascii() => Some("<id>"),
        _ => None,
    }
}

/// What may be kept of a word of a subject: all of it where it is small or one of those that mail servers write. Japanese
/// has neither capitals nor spaces, so that a name may stand anywhere: of that the words of bounces alone.
fn common(word: &str) -> Option<String> {
    let uncased = |c: char| c.is_alphabetic() && !c.is_lowercase() && !c.is_uppercase();
    if word.contains(uncased) {
        let found = SUBJECTS
            .iter()
            .filter_map(|known| Some((word.find(known)?, *known)));
        let mut found: Vec<_> = found.collect();
        found.sort_unstable();
        let found: Vec<_> = found.into_iter().map(|(_, known)| known).collect();
        return (!found.is_empty()).then(|| format!("…{}…", found.join("…")));
    }
    let lower = word.to_lowercase();
    let mut parts = lower.split(|c: char| !c.is_alphanumeric());
    let known = parts.all(|part| {
        part.is_empty() || OF_SUBJECTS.contains(&part) || SUBJECTS.iter().any(|known| part.contains(known))
    });
    (known || lower == word).then(|| word.to_owned())
}

fn cut(text: &str) -> String {
    match text.char_indices().nth(MAX_CHARS) {
        Some((at, _)) => format!("{}…", text.get(..at).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use crate::bounce::impersonal::{program, subject};

    #[test]
    fn a_subject_keeps_the_words_of_the_program_alone() {
        for (text, want) in [
            (
                "Undelivered Mail Returned to Sender",
                "Undelivered Mail Returned to Sender",
            ),
            (
                "Delivery Status Notification (Failure)",
                "Delivery Status Notification (Failure)",
            ),
            (
                "Undeliverable: the figures of Taro Yamada",
                "Undeliverable: <text>",
            ),
            (
                "Warning: could not send message for past 4 hours",
                "Warning: could not send message for past <n> hours",
            ),
            (
                "Returned mail (AB12cd34) for taro@shop.example.jp",
                "Returned mail (<id>) for <address>",
            ),
            (
                "failure notice from mx4.shop.example.jp [192.0.2.7]",
                "failure notice from <host> [<n>]",
            ),
            (
                "Mail to Taro Yamada could not be delivered",
                "Mail to <name> could not be delivered",
            ),
            (
                "Message \"our offer\" was not sent",
                "Message <text> was not sent",
            ),
            ("山田太郎様宛の配信エラー", "…配信…エラー…"),
            ("Taro Yamada is away", "<text>"),
            ("", "<text>"),
        ] {
            assert_eq!(subject(text), want, "{text}");
        }
    }

    #[test]
    fn a_program_keeps_its_name_and_not_its_address() {
        for (text, want) in [
            (
                "Example Mail Gateway 7.2.1 (build 4711)",
                "Example Mail Gateway <n> (build <n>)",
            ),
            ("Mailer6 [https://mailer.example.net]", "<id> [<host>]"),
        ] {
            assert_eq!(program(text), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_address_and_no_number_stays(text in "[a-zA-Z0-9@.:<>\"\\[\\] -]{0,80}|.{0,80}") {
            for shown in [subject(&text), program(&text)] {
                prop_assert!(!shown.contains('@') && !shown.contains(|c: char| c.is_ascii_digit()), "{shown}");
                prop_assert!(shown.chars().count() <= 73);
            }
        }
    }
}
