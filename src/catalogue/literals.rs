//! Words without which a pattern cannot match.

use regex_syntax::hir::{Hir, HirKind};

use crate::catalogue::rules::with_gaps;

/// Shorter ones are in nearly every reply and spare nothing.
const MIN_BYTES: usize = 3;

/// Words of which each match holds at least one.
pub(crate) type OneOf = Vec<String>;

/// What each match of the pattern holds: one word of each of these; nothing where there are no such words.
///
/// Only ASCII words: the search for them knows no other letters' case.
pub(crate) fn necessary(pattern: &str) -> Vec<OneOf> {
    // what may stand in a gap is no necessary word: the shortest way of writing one is read fastest
    regex_syntax::parse(&with_gaps(pattern, |_| ".?".to_owned()))
        .map(|hir| words(&hir))
        .unwrap_or_default()
}

fn words(hir: &Hir) -> Vec<OneOf> {
    match hir.kind() {
        HirKind::Literal(literal) => ascii_run(&literal.0).into_iter().collect(),
        HirKind::Capture(capture) => words(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => words(&repetition.sub),
        HirKind::Concat(parts) => parts.iter().flat_map(words).collect(),
        HirKind::Alternation(parts) => {
            let longest = |part| {
                words(part)
                    .into_iter()
                    .max_by_key(|one_of| one_of.iter().map(String::len).min())
            };
            let each: Option<Vec<OneOf>> = parts.iter().map(longest).collect();
            each.map(|words| words.concat()).into_iter().collect()
        }
        HirKind::Repetition(_) | HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => Vec::new(),
    }
}

/// The longest run of ASCII in a literal.
fn ascii_run(literal: &[u8]) -> Option<OneOf> {
    let run = literal
        .split(|byte| !byte.is_ascii())
        .max_by_key(|run| run.len())
        .filter(|run| run.len() >= MIN_BYTES)?;
    String::from_utf8(run.to_vec()).ok().map(|word| vec![word])
}

#[cfg(test)]
mod tests {
    use crate::catalogue::literals::necessary;

    #[test]
    fn a_match_holds_one_word_of_each() {
        assert_eq!(
            necessary("blocked using %40% by [a-z]+"),
            [["blocked using "], [" by "]]
        );
        assert_eq!(
            necessary("(?:listed|found) in"),
            [vec!["listed", "found"], vec![" in"]]
        );
        assert_eq!(necessary("(?<code>S31[0-9]+)"), [["S31"]]);
        assert!(necessary("(?:Postfach|почта)").is_empty());
        assert!(necessary("a?b*[0-9]+").is_empty());
    }
}
