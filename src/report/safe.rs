//! The one function through which strangers' text reaches a terminal.
//!
//! A bounce can carry escape sequences that repaint the screen, set its title or answer for the user, and bidirectional
//! overrides that make a line read as another (Unicode Standard Annex #9 §2). All of them are shown, none is sent.

use std::borrow::Cow;

/// The text with everything that steers a terminal made visible: `\x1b`, `\u{202e}`.
///
/// Line breaks are made visible too: whoever wants lines breaks them after this.
#[must_use]
pub fn visible(text: &str) -> Cow<'_, str> {
    if !text.chars().any(steers) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        let code = u32::from(c);
        match (steers(c), code < 0x100) {
            (false, _) => shown.push(c),
            (true, true) => shown.push_str(&format!("\\x{code:02x}")),
            (true, false) => shown.push_str(&format!("\\u{{{code:x}}}")),
        }
    }
    Cow::Owned(shown)
}

/// Whether a character acts instead of standing for itself.
///
/// Zero-width joiners stay: Persian and emoji need them, and they neither move nor hide anything.
pub(super) fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' // soft hyphen: there or not, as the terminal likes
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}' // bidi
            | '\u{200b}' | '\u{2060}'..='\u{2064}' | '\u{feff}' // nothing to see, but there
            | '\u{2028}' | '\u{2029}' // line and paragraph separator
            | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}') // annotations, tags
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert, proptest};

    use crate::report::safe::{steers, visible};

    #[test]
    fn an_escape_sequence_is_read_and_not_obeyed() {
        assert_eq!(
            visible("550 \u{1b}[2Jno\u{9b}1m\r\n"),
            r"550 \x1b[2Jno\x9b1m\x0d\x0a"
        );
    }

    #[test]
    fn an_override_does_not_turn_the_line_around() {
        assert_eq!(visible("see moc.\u{202e}evil"), r"see moc.\u{202e}evil");
    }

    #[test]
    fn japanese_and_emoji_stay_as_they_are() {
        let text = "迷惑メール 受信拒否 \u{1f468}\u{200d}\u{1f467}";
        assert_eq!(visible(text), text);
    }

    proptest! {
        #[test]
        fn nothing_steers_after_it(text in "\\PC*|.*|[\\x00-\\xff\u{202a}-\u{202e}]*") {
            prop_assert!(!visible(&text).chars().any(steers));
        }
    }
}
