//! What a user may say about the ledger.

use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// Where the history lies and how long it is kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[group(skip)]
pub struct Settings {
    /// The file that holds the history; made where there is none [default: $XDG_STATE_HOME/bounceaudit/ledger.db]
    #[arg(
        id = "ledger",
        long = "ledger",
        value_name = "FILE",
        env = "BOUNCEAUDIT_LEDGER"
    )]
    pub url: Option<String>,
    /// Keep no history: this run stands alone
    #[arg(hide_short_help = true, long)]
    #[serde(skip)]
    pub no_ledger: bool,
    /// How long events are kept, since they hold strangers' addresses, such as `400d` [default: for ever]
    #[arg(skip)]
    #[serde(deserialize_with = "span")]
    pub keep: Option<Duration>,
}

impl Settings {
    /// These settings, and where they are silent the `lower` ones.
    #[must_use]
    pub fn or(self, lower: Self) -> Self {
        Self {
            url: self.url.or(lower.url),
            no_ledger: self.no_ledger || lower.no_ledger,
            keep: self.keep.or(lower.keep),
        }
    }

    /// A relative path starts in `folder`, that of the configuration file.
    #[must_use]
    pub fn based_at(self, folder: &Path) -> Self {
        let url = self
            .url
            .map(|url| match url.contains("://") || url.starts_with("~/") {
                true => url,
                false => folder.join(url).display().to_string(),
            });
        Self { url, ..self }
    }
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map(Some)
        .map_err(|error| serde::de::Error::custom(format!("{error}; write it like \"400d\"")))
}
