//! The numbers of an SMTP reply: its code (RFC 5321 §4.2) and its enhanced status (RFC 3463 §2).

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::event::Malformed;

/// Enhanced status code `class.subject.detail` (RFC 3463 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Status {
    class: u8,
    subject: u16,
    detail: u16,
}

impl Status {
    /// 2 success, 4 persistent transient failure, 5 permanent failure.
    #[must_use]
    pub fn class(self) -> u8 {
        self.class
    }

    /// What it is about: 1 addressing, 2 mailbox, 3 mail system, 4 network, 5 protocol, 6 content, 7 security.
    #[must_use]
    pub fn subject(self) -> u16 {
        self.subject
    }

    /// Which condition of the subject.
    #[must_use]
    pub fn detail(self) -> u16 {
        self.detail
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

impl FromStr for Status {
    type Err = Malformed;

    /// `5.7.1`: the class is 2, 4 or 5, subject and detail have one to three digits (RFC 3463 §2).
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = || Malformed {
            what: "enhanced status code",
            text: text.to_owned(),
        };
        let mut numbers = text.split('.').map(|part| match part.len() {
            1..=3 if part.bytes().all(|byte| byte.is_ascii_digit()) => part.parse::<u16>().ok(),
            _ => None,
        });
        let mut next = || numbers.next().flatten().ok_or_else(malformed);
        let (class, subject, detail) = (next()?, next()?, next()?);
        match (class, numbers.next()) {
            (2, None) => Ok(Self {
                class: 2,
                subject,
                detail,
            }),
            (4, None) => Ok(Self {
                class: 4,
                subject,
                detail,
            }),
            (5, None) => Ok(Self {
                class: 5,
                subject,
                detail,
            }),
            _ => Err(malformed()),
        }
    }
}

impl From<Status> for String {
    fn from(status: Status) -> Self {
        status.to_string()
    }
}

impl TryFrom<String> for Status {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

/// SMTP reply code (RFC 5321 §4.2): 200 to 599.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "u16", try_from = "u16")]
pub struct ReplyCode(u16);

impl ReplyCode {
    /// 2 done, 3 go on, 4 come again, 5 refused.
    #[must_use]
    pub fn class(self) -> u16 {
        self.0 / 100
    }
}

impl TryFrom<u16> for ReplyCode {
    type Error = Malformed;

    fn try_from(code: u16) -> Result<Self, Malformed> {
        match code {
            200..=599 => Ok(Self(code)),
            _ => Err(Malformed {
                what: "SMTP reply code",
                text: code.to_string(),
            }),
        }
    }
}

impl From<ReplyCode> for u16 {
    fn from(code: ReplyCode) -> Self {
        code.0
    }
}

impl fmt::Display for ReplyCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
