//! What a user may say about the catalogue.

use std::path::{Path, PathBuf};

use serde::Deserialize;

/// A file of the user's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(transparent)]
#[group(skip)]
pub struct Settings {
    /// Your own lists, providers and rules, laid over those of the program
    #[arg(
        hide_short_help = true,
        id = "catalogue",
        long = "catalogue",
        value_name = "FILE",
        env = "BOUNCEAUDIT_CATALOGUE"
    )]
    pub file: Option<PathBuf>,
}

impl Settings {
    /// These settings, and where they are silent the `lower` ones.
    #[must_use]
    pub fn or(self, lower: Self) -> Self {
        Self {
            file: self.file.or(lower.file),
        }
    }

    /// A relative path starts in `folder`, that of the configuration file.
    #[must_use]
    pub fn based_at(self, folder: &Path) -> Self {
        Self {
            file: self.file.map(|file| folder.join(file)),
        }
    }
}
