//! Words without which a pattern cannot match.

use regex_syntax::hir::{Hir, HirKind};

use crate::catalogue::rules::with_gaps;

/// Shorter ones are in nearly every reply and spare nothing.
const MIN_BYTES: usize = 3;

/// Words of which each match of the pattern holds at least one; `None` where there are no such words.
///
/// Only ASCII words: the search for them knows no other letters' case.
pub(crate) fn necessary(pattern: &str) -> Option<Vec<String>> {
    // what may stand in a gap is no necessary word: the shortest way of writing one is read fastest
    regex_syntax::parse(&with_gaps(pattern, |_| ".?".to_owned()))
        .ok()
        .and_then(|hir| words(&hir))
}

fn words(hir: &Hir) -> Option<Vec<String>> {
    match hir.kind() {
        HirKind::Literal(literal) => ascii_run(&literal.0),
        HirKind::Capture(capture) => words(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => words(&repetition.sub),
        HirKind::Concat(parts) => parts
            .iter()
            .filter_map(words)
            .max_by_key(|words| words.iter().map(String::len).min()),
        HirKind::Alternation(parts) => {
            let each: Option<Vec<_>> = parts.iter().map(words).collect();
            each.map(|words| words.concat())
        }
        HirKind::Repetition(_) | HirKind::Empty | HirKind::Class(_) | HirKind::Look(_) => None,
    }
}

/// The longest run of ASCII in a literal.
fn ascii_run(literal: &[u8]) -> Option<Vec<String>> {
    let run = literal
        .split(|byte| !byte.is_ascii())
        .max_by_key(|run| run.len())
        .filter(|run| run.len() >= MIN_BYTES)?;
    String::from_utf8(run.to_vec()).ok().map(|word| vec![word])
}

#[cfg(test)]
mod tests {
    use crate::catalogue::literals::necessary;

    fn sorted(pattern: &str) -> Option<Vec<String>> {
        necessary(pattern).map(|mut words| {
            words.sort();
            words
        })
    }

    #[test]
    fn a_match_holds_one_of_the_words() {
        assert_eq!(
            sorted("blocked using [a-z]+"),
            Some(vec!["blocked using ".into()])
        );
        assert_eq!(
            sorted("(?:listed|found) in"),
            Some(vec!["found".into(), "listed".into()])
        );
        assert_eq!(sorted("(?<code>S31[0-9]+)"), Some(vec!["S31".into()]));
        assert_eq!(sorted("(?:Postfach|почта)"), None);
        assert_eq!(sorted("a?b*[0-9]+"), None);
    }
}
