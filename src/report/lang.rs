//! The languages of what is for people.

use clap::ValueEnum;
use serde::Deserialize;

/// The language of what is for people. What programs read has the same names in each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lang {
    /// English
    #[default]
    En,
    /// Japanese
    Ja,
}

impl Lang {
    /// That of a locale such as `ja_JP.UTF-8` or `ja-JP`; English where there are no texts in it.
    #[must_use]
    pub fn of_locale(locale: &str) -> Self {
        match locale.split(['_', '-', '.']).next() {
            Some("ja") => Self::Ja,
            Some(_) | None => Self::En,
        }
    }

    /// Its name for machines (BCP 47).
    pub(super) fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ja => "ja",
        }
    }
}
