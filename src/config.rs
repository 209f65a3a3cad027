//! Finds, reads and merges the configuration file.
//!
//! In: the path that the user gave, or the default one. Out: a [`Config`] whose sections are the rooms' own settings.
//! Options win over the environment (both by clap), those over the file, that over the defaults: see each `or`.
//! Fails when a named file is missing, or when a file says what no room understands; the error shows the line.

use std::io;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use serde::Deserialize;

use crate::catalogue;
use crate::check;
use crate::ledger;
use crate::mailbox;
use crate::report;

/// The configuration file, section by section.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Our addresses, networks, servers and sender domains.
    pub own_addresses: Vec<report::OwnAddress>,
    /// Through whom removals are asked for.
    pub ask_via: Option<report::AskVia>,
    /// Who holds our addresses, where we do not.
    pub hosting: Option<report::HostingCompany>,
    /// The file with the user's own lists, providers and rules.
    pub catalogue: catalogue::Settings,
    /// The mailboxes, `[[account]]`.
    #[serde(rename = "account")]
    pub accounts: Vec<mailbox::Settings>,
    /// `[dns]`.
    pub dns: check::Settings,
    /// `[ledger]`.
    pub ledger: ledger::Settings,
    /// `[report]`.
    pub report: report::Settings,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file that the user named cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is no TOML, or holds a key or a value that nothing understands.
    #[error("the configuration file {} is wrong", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// The line, and what is wrong with it.
        source: Box<toml::de::Error>,
    },
    /// No mailbox was named anywhere.
    #[error("no mailbox to read: give --host and --user, or write an [[account]] into {}", path.display())]
    NoAccount {
        /// Where an account could stand.
        path: PathBuf,
    },
    /// The user asked for an account that the file does not have.
    #[error("no account {name:?} in the configuration file; it has: {known}")]
    UnknownAccount {
        /// What was asked for.
        name: String,
        /// The accounts that exist.
        known: String,
    },
    /// There is no home directory to look in.
    #[error("no configuration folder: set HOME or XDG_CONFIG_HOME, or give --config FILE")]
    NoHome(#[source] etcetera::HomeDirError),
}

impl Config {
    /// Reads the file that was named, or the default one where it exists.
    ///
    /// # Errors
    /// When a named file cannot be read, or when a file is wrong.
    pub fn load(named: Option<&Path>) -> Result<Self, Error> {
        let path = match named.map_or_else(default_path, |path| Ok(path.to_owned())) {
            // reading files or the catalogue needs no home, and nobody named a configuration
            Err(Error::NoHome(_)) => return Ok(Self::default()),
            path => path?,
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound && named.is_none() => {
                return Ok(Self::default());
            }
            Err(source) => return Err(Error::Unreadable { path, source }),
        };
        let read: Result<Self, _> = toml::from_str(&text);
        let config = read.map_err(|error| Error::Wrong {
            path: path.clone(),
            source: Box::new(error),
        })?;
        Ok(config.based_at(path.parent().unwrap_or(Path::new("."))))
    }

    /// Paths in the file are relative to the file.
    fn based_at(self, folder: &Path) -> Self {
        Self {
            accounts: self
                .accounts
                .into_iter()
                .map(|account| account.based_at(folder))
                .collect(),
            catalogue: self.catalogue.based_at(folder),
            dns: self.dns.based_at(folder),
            ledger: self.ledger.based_at(folder),
            report: self.report.based_at(folder),
            own_addresses: self.own_addresses,
            ask_via: self.ask_via,
            hosting: self.hosting,
        }
    }

    /// The accounts to read: the one that the options describe, else those of the file that were named, else all of it.
    ///
    /// # Errors
    /// When there is none, or when a name is not in the file.
    pub fn accounts(
        &self,
        names: &[String],
        options: &mailbox::Settings,
        file: Option<&Path>,
    ) -> Result<Vec<mailbox::Settings>, Error> {
        if let Some(unknown) = names
            .iter()
            .find(|name| !self.accounts.iter().any(|a| a.account_name() == **name))
        {
            let known: Vec<_> = self
                .accounts
                .iter()
                .map(mailbox::Settings::account_name)
                .collect();
            return Err(Error::UnknownAccount {
                name: unknown.clone(),
                known: known.join(", "),
            });
        }
        if options.host.is_some() && names.is_empty() {
            return Ok(vec![options.clone()]);
        }
        let wanted = self
            .accounts
            .iter()
            .filter(|a| names.is_empty() || names.contains(&a.account_name()));
        let accounts: Vec<_> = wanted
            .map(|account| options.clone().or(account.clone()))
            .collect();
        match accounts.is_empty() {
            true => Err(Error::NoAccount {
                path: file.map_or_else(default_path, |path| Ok(path.to_owned()))?,
            }),
            false => Ok(accounts),
        }
    }
}

/// `$XDG_CONFIG_HOME/bounceaudit/config.toml`
fn default_path() -> Result<PathBuf, Error> {
    let base = etcetera::base_strategy::Xdg::new().map_err(Error::NoHome)?;
    Ok(base.config_dir().join("bounceaudit").join("config.toml"))
}

#[cfg(test)]
mod tests {
    use crate::config::Config;

    const SAMPLE: &str = include_str!("../examples/config.toml");

    /// The keys of a table, as the error about another one names them.
    fn keys(table: &str) -> Vec<String> {
        let error = toml::from_str::<Config>(&format!("{table}nobodys_key = 1")).unwrap_err();
        let (_, expected) = error.message().split_once("expected ").unwrap();
        expected
            .split('`')
            .skip(1)
            .step_by(2)
            .map(str::to_owned)
            .collect()
    }

    #[test]
    fn the_sample_is_read_and_names_every_key() {
        let sample: Config = toml::from_str(SAMPLE).unwrap();
        assert_eq!(sample.accounts.len(), 1);
        let mut part = SAMPLE;
        for table in ["", "[[account]]\n", "[dns]\n", "[ledger]\n", "[report]\n"] {
            part = part.split_once(table).unwrap().1;
            let of_table = part.split("\n[").next().unwrap();
            for key in keys(table) {
                let is_there = |line: &str| line.trim_start_matches("# ").starts_with(&format!("{key} = "));
                let is_table =
                    ["account", "dns", "ledger", "report"].contains(&key.as_str()) && table.is_empty();
                assert!(is_table || of_table.lines().any(is_there), "{table}{key}");
            }
        }
    }

    #[test]
    fn what_the_sample_shows_behind_a_mark_is_read_too() {
        let uncommented: String = SAMPLE
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(key) if key.split_once(" = ").is_some_and(|(name, _)| !name.contains(' ')) => {
                    format!("{key}\n")
                }
                Some(_) | None => format!("{line}\n"),
            })
            .collect();
        let uncommented = uncommented.replace("sha256:1cde…", &format!("sha256:{}", "1c".repeat(32)));
        toml::from_str::<Config>(&uncommented).unwrap();
    }
}
