//! Where a mail lies: an IMAP message (RFC 5092 §4), a file, or one mail of an mbox.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde::{Deserialize, Serialize};

use crate::event::{Malformed, Timestamp};

/// What RFC 5092 §11 (`uchar`) leaves bare in a user name; the folder keeps `/` as well.
const BARE: AsciiSet = NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');
const BARE_IN_FOLDER: AsciiSet = BARE.remove(b'/');
/// A masked name (`***-3f2a`) stays readable. RFC 5092 leaves `*` bare everywhere; in real logins (Dovecot's `user*master`)
/// it is not, since ledgers know mails by this text.
const MASKED: &str = "***-";
const BARE_IF_MASKED: AsciiSet = BARE.remove(b'*');
const BARE_IN_FOLDER_IF_MASKED: AsciiSet = BARE_IN_FOLDER.remove(b'*');
/// IMAP over TLS, and IMAP (RFC 8314 §7.1).
const DEFAULT_PORTS: [(bool, u16); 2] = [(true, 993), (false, 143)];

/// Unique identifier of a mail within a folder's validity (RFC 9051 §2.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(pub NonZeroU32);

/// Unique identifier validity value of a folder (RFC 9051 §2.3.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UidValidity(pub NonZeroU32);

/// A folder of an IMAP account.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FolderRef {
    /// Whether the connection is encrypted from its start: `imaps` rather than `imap`.
    pub implicit_tls: bool,
    /// The login name.
    pub user: String,
    /// The server.
    pub host: String,
    /// The server's port.
    pub port: u16,
    /// The folder's name, decoded (not modified UTF-7).
    pub folder: String,
}

/// How far a folder has been read: every mail up to `last_uid` is accounted for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Position {
    /// The folder.
    pub folder: FolderRef,
    /// Under which validity the UIDs hold; another one means that the folder has to be read again.
    pub uid_validity: UidValidity,
    /// The highest UID that was read, is no candidate, or is gone. `None` in a folder that never held a mail.
    pub last_uid: Option<Uid>,
    /// Mails that came in before this were left out, so that a scan for an earlier window has to read the folder again.
    pub read_since: Option<Timestamp>,
    /// Mails before `last_uid` that could not be read, in their order; each scan tries them again.
    pub unread: Vec<Uid>,
}

/// Where a mail lies.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Source {
    /// On an IMAP server.
    Imap(FolderRef, UidValidity, Uid),
    /// A file that holds this mail alone.
    File(PathBuf),
    /// One mail of an mbox file; the first is 0.
    Mbox(PathBuf, u64),
}

impl fmt::Display for FolderRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.implicit_tls { "imaps" } else { "imap" };
        let user = match self.user.contains(MASKED) {
            true => utf8_percent_encode(&self.user, &BARE_IF_MASKED),
            false => utf8_percent_encode(&self.user, &BARE),
        };
        write!(f, "{scheme}://{user}@")?;
        match self.host.contains(':') {
            true => write!(f, "[{}]", self.host)?,
            false => f.write_str(&self.host)?,
        }
        if !DEFAULT_PORTS.contains(&(self.implicit_tls, self.port)) {
            write!(f, ":{}", self.port)?;
        }
        let folder = match self.folder.contains(MASKED) {
            true => utf8_percent_encode(&self.folder, &BARE_IN_FOLDER_IF_MASKED),
            false => utf8_percent_encode(&self.folder, &BARE_IN_FOLDER),
        };
        write!(f, "/{folder}")
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Imap(folder, UidValidity(validity), Uid(uid)) => {
                write!(f, "{folder};UIDVALIDITY={validity}/;UID={uid}")
            }
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Mbox(path, index) => write!(f, "{}#{index}", path.display()),
        }
    }
}

impl FromStr for Source {
    type Err = Malformed;

    /// The inverse of `Display`. A path is read as an mbox when it ends in `#` and digits.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        for (scheme, implicit_tls) in [("imaps://", true), ("imap://", false)] {
            if let Some(rest) = text.strip_prefix(scheme) {
                let malformed = || Malformed {
                    what: "IMAP URL (RFC 5092)",
                    text: text.to_owned(),
                };
                return imap_url(rest, implicit_tls).ok_or_else(malformed);
            }
        }
        let index = text
            .rsplit_once('#')
            .and_then(|(path, index)| Some((path, index.parse().ok()?)));
        Ok(match index {
            Some((path, index)) => Self::Mbox(path.into(), index),
            None => Self::File(text.into()),
        })
    }
}

/// `user@host[:port]/FOLDER;UIDVALIDITY=v/;UID=n`, the scheme taken off.
fn imap_url(rest: &str, implicit_tls: bool) -> Option<Source> {
    let (user, rest) = rest.split_once('@')?;
    let (authority, path) = rest.split_once('/')?;
    let (folder, numbers) = path.split_once(";UIDVALIDITY=")?;
    let (validity, uid) = numbers.split_once("/;UID=")?;
    let default = DEFAULT_PORTS.iter().find(|(tls, _)| *tls == implicit_tls)?.1;
    let (host, port) = match authority.strip_prefix('[') {
        Some(v6) => {
            let (host, port) = v6.split_once(']')?;
            (
                host,
                port.strip_prefix(':')
                    .map_or(Some(default), |port| port.parse().ok())?,
            )
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, default),
        },
    };
    let decode = |text| Some(percent_decode_str(text).decode_utf8().ok()?.into_owned());
    let folder = FolderRef {
        implicit_tls,
        user: decode(user)?,
        host: host.to_owned(),
        port,
        folder: decode(folder)?,
    };
    Some(Source::Imap(
        folder,
        UidValidity(validity.parse().ok()?),
        Uid(uid.parse().ok()?),
    ))
}

impl From<Source> for String {
    fn from(source: Source) -> Self {
        source.to_string()
    }
}

impl TryFrom<String> for Source {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use crate::event::{FolderRef, Source, Uid, UidValidity};

    proptest! {
        #[test]
        fn an_imap_source_reads_back_as_it_was_written(
            implicit_tls: bool, user in ".+", host in "[a-z0-9.-]{1,20}|::1", port: u16, folder in ".+",
            validity in any::<std::num::NonZeroU32>(), uid in any::<std::num::NonZeroU32>(),
        ) {
            let folder = FolderRef { implicit_tls, user, host, port, folder };
            let source = Source::Imap(folder, UidValidity(validity), Uid(uid));
            prop_assert_eq!(source.to_string().parse::<Source>(), Ok(source));
        }
    }

    #[test]
    fn a_source_is_the_url_that_event_md_shows() {
        let text = "imaps://postmaster@mail.hosting.example.jp/INBOX;UIDVALIDITY=1690000001/;UID=4412";
        assert_eq!(text.parse::<Source>().unwrap().to_string(), text);
    }
}
