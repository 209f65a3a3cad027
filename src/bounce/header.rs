//! Header fields as they stand in a report or a returned copy (RFC 5322 §2.2), read leniently.

/// `Name: value`, where the line begins with it.
pub(super) fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    let is_name = !name.is_empty() && name.len() < 80 && name.bytes().all(|byte| matches!(byte, b'!'..=b'~'));
    is_name.then(|| (name, value.trim()))
}

/// Whether a returned mail may begin here: at least two of the fields that every mail has stand before an empty line.
pub(super) fn begins_mail(block: &str) -> bool {
    const OF_A_MAIL: [&str; 13] = [
        "received",
        "return-path",
        "from",
        "to",
        "cc",
        "subject",
        "date",
        "message-id",
        "mime-version",
        "content-type",
        "sender",
        "delivered-to",
        "dkim-signature",
    ];
    let mut lines = block.lines().map(|line| line.strip_prefix('>').unwrap_or(line));
    let known = |line: &str| {
        field(line).is_some_and(|(name, _)| OF_A_MAIL.iter().any(|one| name.eq_ignore_ascii_case(one)))
    };
    let Some(first) = lines.next() else {
        return false;
    };
    if field(first).is_none() && !first.starts_with("From ") {
        return false;
    }
    let rest = lines.take_while(|line| !line.trim().is_empty()).take(200);
    usize::from(known(first)) + rest.filter(|line| known(line)).take(2).count() >= 2
}

#[cfg(test)]
mod tests {
    use crate::bounce::header::{begins_mail, field};

    #[test]
    fn a_line_of_words_is_no_field() {
        assert_eq!(field("Date: now"), Some(("Date", "now")));
        assert_eq!(field("The following failed: a@b"), None);
        assert!(begins_mail("Return-Path: <a@x>\nSubject: x\n\n"));
        assert!(!begins_mail("Subject: x\n\nFrom: a@x\n"));
    }
}
