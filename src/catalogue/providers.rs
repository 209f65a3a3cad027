//! Who receives a mail, told by the name of the host that refused it.

use serde::Deserialize;

use crate::event::{ListId, ReceivingDomain};

/// A receiver of mail as `providers.toml` has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receiver {
    /// Its id.
    pub id: String,
    /// Its full name.
    pub name: String,
    /// Suffixes of its hosts; a label `*` stands for one or more labels.
    #[serde(default)]
    pub mx: Vec<String>,
    /// Mail domains of its own.
    #[serde(default)]
    pub domains: Vec<String>,
    /// Its own list: what its words mean when they name none.
    pub own: Option<ListId>,
    /// The lists that speak for it, most likely first.
    #[serde(default)]
    pub lists: Vec<ListId>,
    /// Where its host names were seen.
    #[serde(default)]
    pub seen: Vec<String>,
    /// Anything else.
    #[serde(default)]
    pub note: String,
    /// Names that no source was seen for.
    #[serde(default)]
    pub uncertain: Vec<String>,
}

impl Receiver {
    /// The short name: the part before " / ", a parenthesis or the first comma.
    #[must_use]
    pub fn short_name(&self) -> &str {
        let parts = [" / ", " (", ","]
            .into_iter()
            .filter_map(|mark| self.name.find(mark));
        let end = parts.min().unwrap_or(self.name.len());
        self.name.get(..end).unwrap_or_default().trim()
    }
}

/// A hosting company that sends for others, as `providers.toml` has it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hosting {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Suffixes of the PTR name or of the reporting host.
    pub hosts: Vec<String>,
    /// How its support is reached.
    #[serde(default)]
    pub channel: String,
    /// What to send along.
    #[serde(default)]
    pub needs: Vec<String>,
    /// What its support promises.
    #[serde(default)]
    pub answer: String,
    /// What it says about asking a list on one's own.
    #[serde(default)]
    pub self_ask: String,
    /// What else is to be said about that.
    #[serde(default)]
    pub self_ask_note: String,
    /// Where this was read.
    #[serde(default)]
    pub sources: Vec<String>,
    /// Fields that no source was seen for.
    #[serde(default)]
    pub uncertain: Vec<String>,
}

/// The receiver of the first host that one has or, where none has such hosts, of a domain.
pub(crate) fn receiver<'a, 'h>(
    receivers: &'a [Receiver],
    hosts: impl IntoIterator<Item = &'h str>,
    domain: &ReceivingDomain,
) -> Option<&'a Receiver> {
    let by_host = hosts.into_iter().find_map(|host| by_host(receivers, host));
    by_host.or_else(|| longest(receivers, domain.as_str(), |receiver| &receiver.domains))
}

/// The receiver that a host belongs to.
pub(crate) fn by_host<'a>(receivers: &'a [Receiver], host: &str) -> Option<&'a Receiver> {
    longest(receivers, host, |receiver| &receiver.mx)
}

/// The hosting company whose suffix a host name ends in.
pub(crate) fn hosting<'a>(companies: &'a [Hosting], host: &str) -> Option<&'a Hosting> {
    longest(companies, host, |company| &company.hosts)
}

/// Whether a host's name ends in one of the suffixes.
pub(crate) fn is_host_of(host: &str, suffixes: &[String]) -> bool {
    let host = labels(host);
    suffixes.iter().any(|suffix| ends_in(&host, &labels(suffix)))
}

fn longest<'a, T>(entries: &'a [T], host: &str, suffixes: impl Fn(&T) -> &[String]) -> Option<&'a T> {
    let labels_of_host = labels(host);
    // Of equals the last one is taken; a user's own entries stand first.
    entries
        .iter()
        .rev()
        .flat_map(|entry| suffixes(entry).iter().map(move |suffix| (entry, suffix)))
        .filter(|(_, suffix)| has_tail(host, suffix))
        .map(|(entry, suffix)| (entry, labels(suffix)))
        .filter(|(_, suffix)| ends_in(&labels_of_host, suffix))
        .max_by_key(|(_, suffix)| suffix.len())
        .map(|(entry, _)| entry)
}

/// Whether a host ends in what stands behind a suffix's last `*`: few do, and only those are worth taking apart.
fn has_tail(host: &str, suffix: &str) -> bool {
    let mut host = host.trim_end_matches('.').bytes().rev();
    let tail = suffix.trim_end_matches('.').bytes().rev();
    tail.take_while(|byte| *byte != b'*').all(|byte| {
        host.next()
            .is_some_and(|of_host| of_host.eq_ignore_ascii_case(&byte))
    })
}

/// The labels from the last to the first.
fn labels(name: &str) -> Vec<String> {
    name.trim_end_matches('.')
        .rsplit('.')
        .map(str::to_ascii_lowercase)
        .collect()
}

fn ends_in(host: &[String], suffix: &[String]) -> bool {
    let Some((wanted, suffix_rest)) = suffix.split_first() else {
        return true;
    };
    let Some((label, host_rest)) = host.split_first() else {
        return false;
    };
    if wanted != "*" {
        return wanted == label && ends_in(host_rest, suffix_rest);
    }
    ends_in(host_rest, suffix_rest) || ends_in(host_rest, suffix)
}
