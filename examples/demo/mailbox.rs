//! The mails that the server shows, and what FETCH and SEARCH say of them.

use std::num::NonZeroU32;

use chrono::{DateTime, FixedOffset, SubsecRound};
use imap_codec::imap_types::core::{AString, Literal, NString, Vec1};
use imap_codec::imap_types::error::ValidationError;
use imap_codec::imap_types::fetch::{
    MacroOrMessageDataItemNames, MessageDataItem, MessageDataItemName, Section,
};
use imap_codec::imap_types::flag::{Flag, FlagFetch};
use imap_codec::imap_types::search::SearchKey;
use imap_codec::imap_types::sequence::{Sequence, SequenceSet};

use crate::imap::number;

/// Everything in the account.
pub(crate) struct Mailbox {
    pub(crate) folders: Vec<Folder>,
}

/// A folder with its mails, oldest first.
pub(crate) struct Folder {
    /// As it goes over the wire: modified UTF-7 (RFC 3501 §5.1.3).
    pub(crate) name: String,
    /// RFC 6154, such as `\Junk`, without the backslash.
    pub(crate) special_use: Option<&'static str>,
    pub(crate) uid_validity: NonZeroU32,
    pub(crate) mails: Vec<Mail>,
}

/// A mail as it was delivered.
pub(crate) struct Mail {
    pub(crate) uid: NonZeroU32,
    pub(crate) bytes: Vec<u8>,
    pub(crate) delivered: DateTime<FixedOffset>,
    pub(crate) seen: bool,
}

impl Folder {
    pub(crate) fn count(&self) -> u32 {
        u32::try_from(self.mails.len()).unwrap_or(u32::MAX)
    }

    pub(crate) fn uid_next(&self) -> NonZeroU32 {
        self.mails
            .last()
            .map_or(NonZeroU32::MIN, |mail| mail.uid.saturating_add(1))
    }

    fn numbered(&self) -> impl Iterator<Item = (NonZeroU32, &Mail)> {
        self.mails
            .iter()
            .enumerate()
            .map(|(index, mail)| (number(index + 1), mail))
    }

    /// The mails of a set, with their sequence numbers; `*` is the last mail's number (RFC 3501 §9, seq-number).
    pub(crate) fn chosen<'a>(&'a self, set: &SequenceSet, by_uid: bool) -> Vec<(NonZeroU32, &'a Mail)> {
        let last = if by_uid {
            self.mails.last().map(|mail| mail.uid)
        } else {
            NonZeroU32::new(self.count())
        };
        let Some(last) = last else { return Vec::new() };
        self.numbered()
            .filter(|(seq, mail)| holds(set, if by_uid { mail.uid } else { *seq }, last))
            .collect()
    }

    /// UID SEARCH and SEARCH.
    pub(crate) fn search(&self, criteria: &[SearchKey<'_>], uid: bool) -> Vec<NonZeroU32> {
        self.numbered()
            .filter(|(seq, mail)| criteria.iter().all(|key| self.fits(key, *seq, mail)))
            .map(|(seq, mail)| if uid { mail.uid } else { seq })
            .collect()
    }

    /// Dates are compared as days, "disregarding time and timezone" (RFC 3501 §6.4.4).
    fn fits(&self, key: &SearchKey<'_>, seq: NonZeroU32, mail: &Mail) -> bool {
        let day = mail.delivered.date_naive();
        match key {
            SearchKey::And(keys) => keys.as_ref().iter().all(|key| self.fits(key, seq, mail)),
            SearchKey::Or(one, other) => self.fits(one, seq, mail) || self.fits(other, seq, mail),
            SearchKey::Not(key) => !self.fits(key, seq, mail),
            SearchKey::Since(from) => day >= *from.as_ref(),
            SearchKey::Before(until) => day < *until.as_ref(),
            SearchKey::On(the) => day == *the.as_ref(),
            SearchKey::Seen => mail.seen,
            SearchKey::Unseen => !mail.seen,
            SearchKey::Uid(set) => self
                .chosen(set, true)
                .iter()
                .any(|(_, chosen)| chosen.uid == mail.uid),
            SearchKey::SequenceSet(set) => self.chosen(set, false).iter().any(|(chosen, _)| *chosen == seq),
            SearchKey::All => true,
            _ => false,
        }
    }
}

impl Mail {
    /// The answer to one FETCH.
    ///
    /// # Errors
    /// When a mail holds a NUL, which IMAP cannot carry.
    pub(crate) fn items(
        &self,
        asked: &MacroOrMessageDataItemNames<'_>,
        by_uid: bool,
    ) -> Result<Vec1<MessageDataItem<'static>>, ValidationError> {
        let mut names = match asked {
            MacroOrMessageDataItemNames::Macro(short) => short.expand(),
            MacroOrMessageDataItemNames::MessageDataItemNames(names) => names.clone(),
        };
        // A UID FETCH always tells the UID (RFC 3501 §6.4.8).
        if by_uid && !names.contains(&MessageDataItemName::Uid) {
            names.insert(0, MessageDataItemName::Uid);
        }
        let items: Result<Vec<_>, _> = names
            .iter()
            .filter_map(|name| self.item(name).transpose())
            .collect();
        Vec1::try_from(items?)
    }

    /// One item; `None` for what this server does not know (structure, envelope, parts).
    fn item(
        &self,
        name: &MessageDataItemName<'_>,
    ) -> Result<Option<MessageDataItem<'static>>, ValidationError> {
        Ok(Some(match name {
            MessageDataItemName::Uid => MessageDataItem::Uid(self.uid),
            MessageDataItemName::Flags => {
                let seen = self.seen.then_some(FlagFetch::Flag(Flag::Seen));
                MessageDataItem::Flags(seen.into_iter().collect())
            }
            MessageDataItemName::Rfc822Size => {
                MessageDataItem::Rfc822Size(u32::try_from(self.bytes.len()).unwrap_or(u32::MAX))
            }
            MessageDataItemName::InternalDate => {
                let whole = self.delivered.trunc_subsecs(0);
                let Ok(date) = whole.try_into() else {
                    return Ok(None);
                };
                MessageDataItem::InternalDate(date)
            }
            MessageDataItemName::BodyExt { section, partial, .. } => {
                let Some(bytes) = self.section(section.as_ref()) else {
                    return Ok(None);
                };
                let bytes = match partial {
                    Some((from, length)) => part(&bytes, *from, *length).to_vec(),
                    None => bytes,
                };
                MessageDataItem::BodyExt {
                    section: section
                        .clone()
                        .map(imap_codec::imap_types::IntoStatic::into_static),
                    origin: partial.map(|(from, _)| from),
                    data: NString::from(Literal::try_from(bytes)?),
                }
            }
            _ => return Ok(None),
        }))
    }

    fn section(&self, section: Option<&Section<'_>>) -> Option<Vec<u8>> {
        let (header, text) = self.halves();
        match section {
            None => Some(self.bytes.clone()),
            Some(Section::Header(None)) => Some(header.to_vec()),
            Some(Section::Text(None)) => Some(text.to_vec()),
            Some(Section::HeaderFields(None, names)) => Some(fields(header, |field| named(field, names))),
            Some(Section::HeaderFieldsNot(None, names)) => Some(fields(header, |field| !named(field, names))),
            Some(_) => None,
        }
    }

    /// The header with its empty line, and the rest.
    fn halves(&self) -> (&[u8], &[u8]) {
        let end = self
            .bytes
            .windows(4)
            .position(|four| four == b"\r\n\r\n")
            .map_or(self.bytes.len(), |at| at + 4);
        self.bytes.split_at_checked(end).unwrap_or((&self.bytes, &[]))
    }
}

/// Not by counting through the set: `1:4294967295` is a fine set.
fn holds(set: &SequenceSet, number: NonZeroU32, last: NonZeroU32) -> bool {
    set.0.as_ref().iter().any(|sequence| {
        let (one, other) = match sequence {
            Sequence::Single(single) => (single.expand(last), single.expand(last)),
            Sequence::Range(from, to) => (from.expand(last), to.expand(last)),
        };
        one.min(other) <= number && number <= one.max(other)
    })
}

fn part(bytes: &[u8], from: u32, length: NonZeroU32) -> &[u8] {
    let from = bytes.len().min(from as usize);
    let to = bytes.len().min(from.saturating_add(length.get() as usize));
    bytes.get(from..to).unwrap_or_default()
}

fn named(field: &[u8], names: &Vec1<AString<'_>>) -> bool {
    let name = field.split(|byte| *byte == b':').next().unwrap_or_default();
    names
        .as_ref()
        .iter()
        .any(|asked| name.eq_ignore_ascii_case(asked.as_ref()))
}

/// The header's fields that are wanted, each with the lines that continue it, and the empty line at the end.
fn fields(header: &[u8], wanted: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut kept = Vec::new();
    let mut keeping = false;
    for line in header
        .split_inclusive(|byte| *byte == b'\n')
        .filter(|line| *line != b"\r\n")
    {
        if !line.starts_with(b" ") && !line.starts_with(b"\t") {
            keeping = wanted(line);
        }
        if keeping {
            kept.extend_from_slice(line);
        }
    }
    kept.extend_from_slice(b"\r\n");
    kept
}
