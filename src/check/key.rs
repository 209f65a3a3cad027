//! Keys of zones that answer customers only: where they come from, and that nobody gets to see them.
//!
//! A key is a label of every name that is asked (`2.0.0.127.KEY.zen.dq.spamhaus.net`), so that whatever prints a name
//! prints the key. Outside of this file and of the name in a question it does not exist as text.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

/// Shown where a key was.
const MASK: &str = "…";
/// The most that one label of a name can hold (RFC 1035 §2.3.4).
const LONGEST_LABEL: usize = 63;

/// Where a key lies: `{ file = "dqs.key" }` or `{ env = "DQS_KEY" }`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// In the first line of a file that only its owner can read.
    File(PathBuf),
    /// In a variable of the environment.
    Env(String),
    /// Somewhere else, most likely the key itself; it was not kept.
    Misplaced,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum NoKey {
    /// The configuration holds something else than a place.
    #[error(
        "write where it lies, {{ file = \"…\" }} or {{ env = \"…\" }}; it must not stand in the configuration itself"
    )]
    Misplaced,
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// Others than its owner may read the file.
    #[error("others can read {path} (mode {mode:03o}): chmod 600 {path}", path = .path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// The variable is not set.
    #[error("{0} is not set in the environment")]
    Unset(String),
    /// It is no label; what it is instead is not told.
    #[error("what was found is no key: letters, digits, - and _ in one line, at most 63")]
    Unusable,
}

/// A key. Neither `Display` nor `Debug` shows it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(String);

impl KeySource {
    /// The same place, for a configuration file in `folder`.
    pub(crate) fn based_at(self, folder: &Path) -> Self {
        match self {
            Self::File(path) => Self::File(folder.join(path)),
            other => other,
        }
    }

    /// Reads the key.
    pub(crate) fn read(&self) -> Result<Secret, NoKey> {
        let text = match self {
            Self::Misplaced => return Err(NoKey::Misplaced),
            Self::Env(name) => std::env::var(name).map_err(|_| NoKey::Unset(name.clone()))?,
            Self::File(path) => {
                let unreadable = |source| NoKey::File {
                    path: path.clone(),
                    source,
                };
                refuse_open_file(path, unreadable)?;
                let bytes = std::fs::read(path).map_err(unreadable)?;
                String::from_utf8(bytes).map_err(|_| NoKey::Unusable)?
            }
        };
        Secret::of(text.lines().next().unwrap_or_default().trim())
    }
}

#[cfg(unix)]
fn refuse_open_file(path: &Path, unreadable: impl Fn(io::Error) -> NoKey) -> Result<(), NoKey> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).map_err(unreadable)?.permissions().mode() & 0o777;
    match mode & 0o077 {
        0 => Ok(()),
        _ => Err(NoKey::OpenToOthers {
            path: path.to_owned(),
            mode,
        }),
    }
}

#[cfg(not(unix))]
fn refuse_open_file(_: &Path, _: impl Fn(io::Error) -> NoKey) -> Result<(), NoKey> {
    Ok(())
}

impl Secret {
    fn of(text: &str) -> Result<Self, NoKey> {
        let fits = (1..=LONGEST_LABEL).contains(&text.len());
        let is_label = text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        match fits && is_label {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => Err(NoKey::Unusable),
        }
    }

    /// `KEY.zone`, to be asked and not to be shown.
    pub(crate) fn before(&self, zone: &str) -> String {
        format!("{}.{zone}", self.0)
    }

    /// The text without the key: an answer may repeat the name that was asked, in any case.
    pub(crate) fn hide_in(&self, text: &str) -> String {
        // ASCII alone changes, so positions in the one are positions in the other.
        let lower = text.to_ascii_lowercase();
        let mut shown = String::with_capacity(text.len());
        let mut from = 0;
        for (at, found) in lower.match_indices(&self.0) {
            shown.push_str(text.get(from..at).unwrap_or_default());
            shown.push_str(MASK);
            from = at + found.len();
        }
        shown + text.get(from..).unwrap_or_default()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl<'de> Deserialize<'de> for KeySource {
    /// What is no place is taken in and refused later: an error here would show the line, and with it the key.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Place;

        impl<'de> Visitor<'de> for Place {
            type Value = KeySource;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("{ file = \"…\" } or { env = \"…\" }")
            }

            fn visit_str<E>(self, _: &str) -> Result<KeySource, E> {
                Ok(KeySource::Misplaced)
            }

            fn visit_i64<E>(self, _: i64) -> Result<KeySource, E> {
                Ok(KeySource::Misplaced)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<KeySource, A::Error> {
                let mut found = None;
                while let Some(name) = map.next_key::<String>()? {
                    let place = match name.as_str() {
                        "file" => KeySource::File(map.next_value()?),
                        "env" => KeySource::Env(map.next_value()?),
                        _ => {
                            map.next_value::<IgnoredAny>()?;
                            KeySource::Misplaced
                        }
                    };
                    found = Some(found.map_or(place, |_| KeySource::Misplaced));
                }
                Ok(found.unwrap_or(KeySource::Misplaced))
            }
        }

        deserializer.deserialize_any(Place)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;

    use crate::check::key::{KeySource, NoKey, Secret};

    fn source(text: &str) -> KeySource {
        let table: BTreeMap<String, KeySource> = toml::from_str(text).unwrap();
        table.into_values().next().unwrap()
    }

    #[test]
    fn a_key_that_stands_in_the_configuration_is_refused_without_being_shown() {
        for text in [
            "z = 'abcsecret'",
            "z = { key = 'abcsecret' }",
            "z = { file = 'a', env = 'abcsecret' }",
        ] {
            let source = source(text);
            assert_eq!(source, KeySource::Misplaced, "{text}");
            let error = source.read().unwrap_err();
            assert!(!format!("{error} {error:?} {source:?}").contains("abcsecret"));
        }
    }

    #[test]
    fn a_key_is_one_label_from_the_first_line_of_a_file_of_ones_own() {
        use std::os::unix::fs::PermissionsExt;
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(&file, "AbcSecret_1-2\r\nsecond line\n").unwrap();
        let source = KeySource::File(file.path().to_owned());
        let secret = source.read().unwrap();
        assert_eq!(secret.before("zone.example"), "abcsecret_1-2.zone.example");
        assert_eq!(format!("{secret:?}"), "Secret(…)");
        for wrong in ["", "\n", "two.labels", "with space", &"a".repeat(64), "\u{e9}"] {
            fs::write(&file, wrong).unwrap();
            assert!(matches!(source.read(), Err(NoKey::Unusable)), "{wrong:?}");
        }
        fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(source.read(), Err(NoKey::OpenToOthers { .. })));
    }

    #[test]
    fn a_text_that_repeats_the_question_does_not_show_the_key() {
        let secret = Secret::of("AbcSecret").unwrap();
        assert_eq!(
            secret.hide_in("é 2.0.0.127.ABCsecret.zen.dq.spamhaus.net, abcsecret"),
            "é 2.0.0.127.….zen.dq.spamhaus.net, …"
        );
        assert_eq!(secret.hide_in("nothing"), "nothing");
    }
}
