//! What the user says about one account; the options of `scan` and the keys of `[[account]]`.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// One mailbox: where it is, how to log in, what to read.
#[derive(Clone, Debug, Default, PartialEq, Eq, clap::Args, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[group(skip)]
pub struct Settings {
    /// What the account is called in reports and on the command line; `user@host` where it has no name
    #[arg(skip)]
    pub name: Option<String>,
    /// IMAP server of a mailbox that no configuration file describes.
    #[arg(long, env = "BOUNCEAUDIT_HOST", value_name = "HOST")]
    pub host: Option<String>,
    /// Its port [default: 993; 143 with --tls starttls or none]
    #[arg(hide_short_help = true, long, env = "BOUNCEAUDIT_PORT", value_name = "PORT")]
    pub port: Option<u16>,
    /// Login name.
    #[arg(long, env = "BOUNCEAUDIT_USER", value_name = "USER")]
    pub user: Option<String>,
    /// How the connection is encrypted [default: implicit]
    #[arg(hide_short_help = true, long, env = "BOUNCEAUDIT_TLS", value_enum)]
    pub tls: Option<Tls>,
    /// PEM file with further roots to trust, beside the platform's.
    #[arg(hide_short_help = true, long, env = "BOUNCEAUDIT_CA_FILE", value_name = "PEM")]
    pub ca_file: Option<PathBuf>,
    /// The one certificate to accept, as sha256:HEX (no name, issuer or date is checked then).
    #[arg(
        hide_short_help = true,
        long,
        env = "BOUNCEAUDIT_TLS_FINGERPRINT",
        value_name = "sha256:HEX"
    )]
    pub tls_fingerprint: Option<Fingerprint>,
    /// Command whose first line of output is the password [default: BOUNCEAUDIT_PASSWORD, else a prompt on a terminal]
    #[arg(
        long,
        env = "BOUNCEAUDIT_PASSWORD_COMMAND",
        value_name = "CMD",
        conflicts_with = "password_file"
    )]
    pub password_command: Option<String>,
    /// File whose first line is the password; only its owner may be allowed to read it.
    #[arg(
        hide_short_help = true,
        long,
        env = "BOUNCEAUDIT_PASSWORD_FILE",
        value_name = "FILE"
    )]
    pub password_file: Option<PathBuf>,
    /// Allow --tls none to a host that is not loopback: the password crosses the network in the clear.
    #[arg(hide_short_help = true, long)]
    pub allow_plaintext: bool,
    /// Folder to read, repeatable, with * and % as in LIST [default: INBOX and the folder marked \Junk]
    #[arg(long = "folder", value_name = "NAME")]
    pub folders: Vec<String>,
    /// Of a longer mail only the first 256 KiB are read [default: 4194304, at least 262144]
    #[arg(
        hide_short_help = true,
        long,
        env = "BOUNCEAUDIT_MAX_MESSAGE_SIZE",
        value_name = "BYTES"
    )]
    pub max_message_size: Option<u32>,
    /// Give up on a server that says nothing for so long, ten times as long from opening a folder to its first mails [default: 30s]
    #[arg(hide_short_help = true, long, env = "BOUNCEAUDIT_TIMEOUT", value_name = "SPAN", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "span")]
    pub timeout: Option<Duration>,
    /// Stop reading after so long; the next run goes on from there [default: 6h]
    #[arg(hide_short_help = true, long, env = "BOUNCEAUDIT_MAX_TIME", value_name = "SPAN", value_parser = humantime::parse_duration)]
    #[serde(deserialize_with = "span")]
    pub max_time: Option<Duration>,
}

/// How the connection is encrypted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// TLS from the first byte (port 993, RFC 8314).
    #[default]
    Implicit,
    /// In the clear until STARTTLS, which must succeed (port 143).
    Starttls,
    /// In the clear; only to a loopback address, or with --allow-plaintext.
    None,
}

/// SHA-256 of a certificate (DER).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// A text that is no `sha256:` fingerprint.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0:?} is no fingerprint: it is sha256: and 64 hexadecimal digits, with or without colons")]
pub struct NoFingerprint(String);

impl Settings {
    /// What the account is called: its name, else `user@host`.
    #[must_use]
    pub fn account_name(&self) -> String {
        match (&self.name, &self.user, &self.host) {
            (Some(name), _, _) => name.clone(),
            (None, Some(user), Some(host)) => format!("{user}@{host}"),
            (None, user, host) => user.as_ref().or(host.as_ref()).cloned().unwrap_or_default(),
        }
    }

    /// These settings, and those of `lower` where these say nothing.
    #[must_use]
    pub fn or(self, lower: Self) -> Self {
        // The two ways to a password stand for one setting: the higher one's must not lose against the lower one's other.
        let own_password = self.password_command.is_some() || self.password_file.is_some();
        let (command, file) = match own_password {
            true => (self.password_command, self.password_file),
            false => (lower.password_command, lower.password_file),
        };
        Self {
            name: self.name.or(lower.name),
            host: self.host.or(lower.host),
            port: self.port.or(lower.port),
            user: self.user.or(lower.user),
            tls: self.tls.or(lower.tls),
            ca_file: self.ca_file.or(lower.ca_file),
            tls_fingerprint: self.tls_fingerprint.or(lower.tls_fingerprint),
            password_command: command,
            password_file: file,
            allow_plaintext: self.allow_plaintext || lower.allow_plaintext,
            folders: match self.folders.is_empty() {
                true => lower.folders,
                false => self.folders,
            },
            max_message_size: self.max_message_size.or(lower.max_message_size),
            timeout: self.timeout.or(lower.timeout),
            max_time: self.max_time.or(lower.max_time),
        }
    }

    /// The same with its relative paths below `folder`, that of the configuration file.
    #[must_use]
    pub fn based_at(self, folder: &Path) -> Self {
        Self {
            ca_file: self.ca_file.map(|path| folder.join(path)),
            password_file: self.password_file.map(|path| folder.join(path)),
            ..self
        }
    }
}

fn span<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let text = String::deserialize(deserializer)?;
    humantime::parse_duration(&text)
        .map(Some)
        .map_err(serde::de::Error::custom)
}

impl FromStr for Fingerprint {
    type Err = NoFingerprint;

    /// `sha256:9f86…` or as `openssl x509 -fingerprint -sha256` writes it, `9F:86:…`.
    fn from_str(text: &str) -> Result<Self, NoFingerprint> {
        let malformed = || NoFingerprint(text.to_owned());
        let hex = match text.split_at_checked(7) {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case("sha256:") => rest,
            Some(_) | None => text,
        };
        let digits: Vec<u8> = hex
            .chars()
            .filter(|&c| c != ':')
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()
            .ok_or_else(malformed)?;
        let (pairs, []) = digits.as_chunks::<2>() else {
            return Err(malformed());
        };
        let bytes: Vec<u8> = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        bytes.try_into().map(Self).map_err(|_wrong_length| malformed())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sha256:")?;
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop_assert_eq, proptest};

    use super::{Duration, Fingerprint, Settings, Tls};

    proptest! {
        #[test]
        fn a_fingerprint_reads_back_as_it_was_written(bytes: [u8; 32]) {
            let openssl: Vec<String> = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
            prop_assert_eq!(Fingerprint(bytes).to_string().parse::<Fingerprint>().unwrap().0, bytes);
            prop_assert_eq!(openssl.join(":").parse::<Fingerprint>().unwrap().0, bytes);
        }

        #[test]
        fn any_other_text_is_refused_without_a_panic(text in ".{0,80}") {
            let digits = text.chars().filter(char::is_ascii_hexdigit).count();
            if digits < 64 {
                assert!(text.parse::<Fingerprint>().is_err());
            }
        }
    }

    #[test]
    fn an_account_of_the_file_is_read_and_an_unknown_key_is_not() {
        let text = "name = 'postmaster'\nhost = 'imap.example.jp'\nuser = 'a'\ntls = 'starttls'\nfolders = ['INBOX', 'エラー/*']";
        let settings: Settings = toml::from_str(text).unwrap();
        assert_eq!(settings.account_name(), "postmaster");
        assert_eq!((settings.tls, settings.folders.len()), (Some(Tls::Starttls), 2));
        let spans: Settings = toml::from_str("timeout = '45s'\nmax_time = '2h'").unwrap();
        let seconds = |span: Option<Duration>| span.unwrap().as_secs();
        assert_eq!((seconds(spans.timeout), seconds(spans.max_time)), (45, 7200));
        assert!(toml::from_str::<Settings>("max_time = '6'").is_err());
        assert!(toml::from_str::<Settings>("pasword_file = 'x'").is_err());
    }

    #[test]
    fn an_option_wins_and_its_way_to_the_password_is_the_only_one() {
        let option = Settings {
            password_file: Some("p".into()),
            ..Settings::default()
        };
        let file = Settings {
            password_command: Some("pass show x".to_owned()),
            user: Some("a".to_owned()),
            host: Some("h".to_owned()),
            ..Settings::default()
        };
        let both = option.or(file);
        assert_eq!(both.password_command, None);
        assert_eq!(both.account_name(), "a@h");
    }
}
