//! Patterns that cost nothing until a reply needs them: most runs of the program need few, and some none.

use std::sync::OnceLock;

use regex::Regex;

use crate::catalogue::rules::compile;

/// When patterns are compiled: a user's own at once, so that an error is one of loading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compile {
    AtOnce,
    WhenNeeded,
}

/// A pattern, compiled when a reply first needs it.
#[derive(Debug)]
pub(crate) struct Pattern {
    text: String,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// # Errors
    /// When it is compiled at once and is no regular expression.
    pub(crate) fn new(text: String, when: Compile) -> Result<Self, regex::Error> {
        let regex = match when {
            Compile::AtOnce => OnceLock::from(Some(compile(&text)?)),
            Compile::WhenNeeded => OnceLock::new(),
        };
        Ok(Self { text, regex })
    }

    /// `None` where it is no regular expression: of those that come with the program, a test compiles all.
    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| compile(&self.text).ok()).as_ref()
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    #[cfg(test)]
    pub(crate) fn text(&self) -> &str {
        &self.text
    }
}
