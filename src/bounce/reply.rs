//! SMTP replies (RFC 5321 §4.2, RFC 2034, RFC 3463) as bounces quote them: on one line, nothing cut.

use crate::event::{ReplyCode, SmtpCommand, Status};

/// What a host said, with the numbers that stand in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    pub(super) code: Option<ReplyCode>,
    pub(super) status: Option<Status>,
    pub(super) text: String,
}

/// Exim's own words behind the host's last ones, in the text and in the report (4.60 to 4.97, `src/retry.c`).
const GIVEN_UP: &str = ": retry timeout exceeded";

/// Words of one reply beyond this many bytes are not read. RFC 5321 §4.5.3.1.5 has 512 of them in a line, so that a reply
/// of a hundred lines is whole.
const MAX_BYTES: usize = 64 * 1024;

impl Reply {
    /// Reads the words of one reply; several lines become one. `None` where there are no words.
    pub(super) fn read(words: &str) -> Option<Self> {
        let mut text = one_line(clipped(words));
        if text.is_empty() {
            return None;
        }
        if let Some(said) = text.strip_suffix(GIVEN_UP) {
            text.truncate(said.len());
        }
        let code = leading_code(&text).or_else(|| inner_code(&text));
        let status = status_beside(&text, code).or_else(|| status_anywhere(&text, code));
        Some(Self { code, status, text })
    }

    /// The words alone, where they are a person's.
    pub(super) fn without_numbers(self) -> Self {
        Self {
            text: self.text,
            ..Self::default()
        }
    }
}

fn clipped(words: &str) -> &str {
    let end = (MAX_BYTES..words.len()).find(|at| words.is_char_boundary(*at));
    end.and_then(|end| words.get(..end)).unwrap_or(words)
}

/// One line: blanks and line ends become one blank, and of a multi-line reply (`550-5.7.1 …`, `550 5.7.1 …`,
/// RFC 5321 §4.2.1) only the first line keeps its numbers.
pub(super) fn one_line(words: &str) -> String {
    let mut tokens = words.split_whitespace();
    let Some(first) = tokens.next() else {
        return String::new();
    };
    let (Some(code), Some(rest)) = (
        first.get(..3),
        first.get(3..).and_then(|rest| rest.strip_prefix('-')),
    ) else {
        return join(words.len(), std::iter::once(first).chain(tokens));
    };
    if reply_code(code).is_none() {
        return join(words.len(), std::iter::once(first).chain(tokens));
    }
    let tokens: Vec<&str> = tokens.collect();
    let opening = [code, rest];
    let rest_of = |token: &'_ str| -> Option<usize> {
        token
            .starts_with(code)
            .then(|| token.as_bytes().get(3))?
            .and_then(|dash| (*dash == b'-').then_some(4))
    };
    if let Some(status) = Some(rest).filter(|rest| rest.parse::<Status>().is_ok()) {
        // `550-5.7.26 a`, `550-5.7.26 b`, `550 5.7.26 c`; the last one may be `550 c`
        let ends_with_status = tokens.windows(2).any(|pair| pair == [code, status]);
        let bare_end = tokens
            .iter()
            .rposition(|token| *token == code)
            .filter(|_| !ends_with_status);
        let mut kept = vec![code, status];
        let mut skip = false;
        for (at, token) in tokens.iter().enumerate() {
            if Some(at) == bare_end {
                continue;
            }
            let last_line = *token == code && tokens.get(at + 1) == Some(&status);
            if std::mem::take(&mut skip)
                || rest_of(token).is_some_and(|from| token.get(from..) == Some(status))
            {
                continue;
            }
            skip = last_line;
            if !last_line {
                kept.push(token);
            }
        }
        return join(words.len(), kept);
    }
    let end = tokens.iter().rposition(|token| *token == code);
    let others = tokens.iter().enumerate().filter(|(at, _)| Some(*at) != end);
    let others = others.map(|(_, token)| rest_of(token).and_then(|from| token.get(from..)).unwrap_or(token));
    join(
        words.len(),
        opening
            .into_iter()
            .chain(others)
            .filter(|token| !token.is_empty()),
    )
}

fn join<'a>(most: usize, tokens: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = String::with_capacity(most);
    for token in tokens {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(token);
    }
    line
}

/// `Reply-code = %x32-35 %x30-35 %x30-39` (RFC 5321 §4.2).
pub(super) fn reply_code(digits: &str) -> Option<ReplyCode> {
    match digits.as_bytes() {
        [b'2'..=b'5', b'0'..=b'5', b'0'..=b'9'] => ReplyCode::try_from(digits.parse::<u16>().ok()?).ok(),
        _ => None,
    }
}

/// The code that a text begins with: `550 5.1.1 …`, `550-…`, `550`, `550: …`, `#550 …`.
pub(super) fn leading_code(text: &str) -> Option<ReplyCode> {
    let text = text.trim_start_matches(['"', '\'', '#', '(', '<', '[', ' ']);
    let digits = text.get(..3)?;
    let after = text.get(3..)?.chars().next();
    let ends =
        after.is_none_or(|c| c.is_whitespace() || matches!(c, '-' | ':' | '#' | ',' | ';' | ')' | '.' | '_'));
    // `550.5.1.1`: a dot is no decimal point where a status follows
    ends.then(|| reply_code(digits)).flatten()
}

/// A code inside a text counts where its enhanced status follows (`… #550 5.1.1 …`) or a mark announces it
/// (`returned: 550 User unknown`): a bare number may be anything.
fn inner_code(text: &str) -> Option<ReplyCode> {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let previous = std::mem::replace(&mut before, c);
        if !matches!(c, '4' | '5')
            || previous.is_alphanumeric()
            || matches!(previous, '.' | '-' | '_' | '@' | '=' | '/')
        {
            continue;
        }
        let Some(code) = text.get(at..at + 3).and_then(reply_code) else {
            continue;
        };
        let Some(after) = text.get(at + 3..) else { continue };
        let called = text.get(..at).is_some_and(calls_it_code);
        // `ERROR_CODE :421, …` (Zoho)
        if called && after.starts_with([',', ']', ')']) {
            return Some(code);
        }
        let Some(after) = after.strip_prefix([' ', '-']) else {
            continue;
        };
        let announced = text
            .get(..at)
            .is_some_and(|head| head.trim_end().ends_with([':', ';', '"', '\'', '#', '(', '<']));
        let announced = announced || called;
        let word_follows = after
            .trim_start_matches([' ', '<'])
            .starts_with(char::is_alphabetic);
        let after = after.trim_start_matches(['#', ' ', '(', '\'']);
        let status_follows =
            leading_status(after).is_some_and(|status| u16::from(status.class()) == code.class());
        if status_follows || (announced && word_follows) {
            return Some(code);
        }
    }
    None
}

/// `… ERROR_CODE :`, `ResponseCode `, `error: `
fn calls_it_code(before: &str) -> bool {
    let word = before.trim_end_matches([' ', ':', '#', '=', '"']);
    let from = word.len().saturating_sub(5);
    let end = word
        .get(from..)
        .or_else(|| word.get(from + 1..))
        .unwrap_or("")
        .to_ascii_lowercase();
    end.ends_with("code") || end.ends_with("error")
}

/// The status that stands right behind the code: `550 5.7.1`, `550-5.7.1`, `550 #5.1.0`, `554 554 5.7.0`.
fn status_beside(text: &str, code: Option<ReplyCode>) -> Option<Status> {
    let code = code?.to_string();
    let mut rest = text;
    while let Some(at) = rest.find(&code) {
        let after = rest.get(at + 3..)?;
        if let Some(status) = leading_status(after.trim_start_matches([' ', '-', '#', '(', ':', '.', '\''])) {
            return Some(status);
        }
        rest = after;
    }
    None
}

/// A status anywhere: `… (#5.1.1)`, `… [5.7.1] …`; of the code's class where there is a code.
fn status_anywhere(text: &str, code: Option<ReplyCode>) -> Option<Status> {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        let previous = std::mem::replace(&mut before, c);
        if !matches!(c, '2' | '4' | '5') || !(previous.is_whitespace() || "(#[<:;'\"-".contains(previous)) {
            continue;
        }
        let status = text.get(at..).and_then(leading_status);
        if let Some(status) = status
            && code.is_none_or(|code| code.class() == u16::from(status.class()))
            && (code.is_some() || status.class() != 2)
        {
            return Some(status);
        }
    }
    None
}

/// The status at the start of a text; what goes on with digits or dots (`4.16.55.1`) is none, nor is a subject that
/// RFC 3463 §3 does not have.
pub(super) fn leading_status(text: &str) -> Option<Status> {
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    if text
        .get(end..)
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_alphabetic() || c == '@'))
    {
        return None;
    }
    let status: Status = text.get(..end)?.trim_end_matches('.').parse().ok()?;
    (status.subject() <= 7).then_some(status)
}

/// The command in words such as `RCPT TO command`, `end of DATA command`, `MAIL FROM:<a@b>`, `end of data`.
pub(super) fn command(words: &str) -> Option<SmtpCommand> {
    let words = words.trim_start();
    let words = words
        .get(..7)
        .filter(|head| head.eq_ignore_ascii_case("end of "))
        .map_or(words, |_| words.get(7..).unwrap_or(words));
    let end = words
        .find(|c: char| !c.is_ascii_alphabetic())
        .unwrap_or(words.len());
    words.get(..end)?.parse().ok()
}

/// Takes `(in reply to RCPT TO command)` off the end of a text (Postfix since 2.0; others copy it).
pub(super) fn in_reply_to(text: &str) -> (&str, Option<SmtpCommand>) {
    const MARK: &str = "(in reply to ";
    // Yahoo ends with `[RCPT_TO]`
    let bracket = || {
        text.trim_end()
            .strip_suffix(']')
            .and_then(|text| text.rsplit_once('['))
    };
    let Some((head, tail)) = text.rsplit_once(MARK).or_else(bracket) else {
        return (text, None);
    };
    match command(tail) {
        Some(command) => (head.trim_end(), Some(command)),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use crate::bounce::reply::{Reply, in_reply_to, one_line};
    use crate::event::SmtpCommand;

    fn numbers(text: &str) -> (Option<u16>, Option<String>) {
        let reply = Reply::read(text).unwrap();
        (
            reply.code.map(u16::from),
            reply.status.map(|status| status.to_string()),
        )
    }

    #[test]
    fn a_reply_of_several_lines_becomes_one() {
        let lines = "550-5.7.26 Unauthenticated email is not accepted due to domain's\n550-5.7.26 DMARC policy.\n550 5.7.26  https://support.google.com/mail/?p=Dmarc";
        assert_eq!(
            one_line(lines),
            "550 5.7.26 Unauthenticated email is not accepted due to domain's DMARC policy. https://support.google.com/mail/?p=Dmarc"
        );
        assert_eq!(
            one_line("550-Blocked\n550-see\n550 http://x.example/"),
            "550 Blocked see http://x.example/"
        );
        assert_eq!(one_line("550 one line of 550 bytes"), "550 one line of 550 bytes");
    }

    #[test]
    fn numbers_are_read_where_they_are_numbers_of_smtp() {
        for (text, code, status) in [
            ("550 5.7.1 Service unavailable", Some(550), Some("5.7.1")),
            ("554 554 5.7.0 Reject (state 4)", Some(554), Some("5.7.0")),
            ("550 #5.1.0 Address rejected", Some(550), Some("5.1.0")),
            (
                "Sorry, no mailbox here by that name. (#5.1.1)",
                None,
                Some("5.1.1"),
            ),
            (
                "421 4.7.0 [TSS04] deferred - 4.16.55.1; see x",
                Some(421),
                Some("4.7.0"),
            ),
            ("mx.example.net #550 5.1.1 user unknown", Some(550), Some("5.1.1")),
            ("message of 550 KB refused by version 4.0.1a", None, None),
            ("571 No PTR Record found", None, None),
            ("553 sorry (#5.7.1)", Some(553), Some("5.7.1")),
        ] {
            assert_eq!(numbers(text), (code, status.map(str::to_owned)), "{text}");
        }
    }

    #[test]
    fn the_command_is_what_the_reply_answered() {
        assert_eq!(
            in_reply_to("550 no (in reply to end of DATA command)"),
            ("550 no", Some(SmtpCommand::Data))
        );
        assert_eq!(
            in_reply_to("550 no (in reply to RCPT TO\n    command)").1,
            Some(SmtpCommand::Rcpt)
        );
        assert_eq!(
            in_reply_to("550 no (in reply to you)"),
            ("550 no (in reply to you)", None)
        );
    }
}
