//! Where a reply says that removal is asked for: the first link that serves it, else a mail address that is offered for it.

use regex::Captures;

use crate::catalogue::pattern::{Compile, Pattern};

const LINK: &str = r#"https?://[^\s<>"'\\|{}`]+"#;
/// A mail address that the words before it offer to whoever wants to complain (RFC 5321 §4.1.2, quoted local parts left out).
const CONTACT: &str = concat!(
    r"\b(?:contact|forward|write|report|request|registe?r|assistance|help|notify|reach|removal|delist(?:ing)?|unblock|support|mail (?:to|us)|send)",
    r"\b[^@]{0,90}?[\s:<(\[](?:mailto:)?(?<address>[a-z0-9][a-z0-9._+=-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+)",
    r"|\b(?<office>(?:abuse|postmaster|delist|unblock|noc|spam)[a-z0-9._+=-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+)",
);
/// A mail address that is offered for removal itself, which goes before any link: `To request removal … forward this message to …`.
const REMOVAL_DESK: &str = concat!(
    r"\b(?:removal|removed|delist(?:ed|ing)?|unblock(?:ed|ing)?)\b[^@:]{0,80}?\s",
    r"(?<address>[a-z0-9][a-z0-9._+=-]*@[a-z0-9-]+(?:\.[a-z0-9-]+)+)",
);
/// Links of other kinds: the resolver's error page, standards, the sender's own records, third parties' look-ups.
const NO_REMOVAL: &str = r"returnc/pub|refused\.shtml|ietf\.org|rfc-?editor|/rfc/|rfc[0-9]{4}|openspf|spf\.pobox|robtex\.com|wikipedia\.org|mxtoolbox\.com|dnsstuff\.com|multirbl\.valli|ipvoid\.com";

/// Ready to find links.
#[derive(Debug)]
pub(crate) struct Links {
    link: Pattern,
    contact: Pattern,
    desk: Pattern,
    no_removal: Pattern,
}

impl Links {
    /// # Errors
    /// When a pattern is no regular expression.
    pub(crate) fn new() -> Result<Self, regex::Error> {
        let ready = |pattern: &str| Pattern::new(pattern.to_owned(), Compile::WhenNeeded);
        Ok(Self {
            link: ready(LINK)?,
            contact: ready(CONTACT)?,
            desk: ready(REMOVAL_DESK)?,
            no_removal: ready(NO_REMOVAL)?,
        })
    }

    /// The link or, as `mailto:`, the mail address as the reply writes it; never the recipient's own address.
    pub(crate) fn removal(&self, reply: &str, recipient: &str) -> Option<String> {
        let mailto = |address: &str| {
            Some(address)
                .filter(|address| !address.eq_ignore_ascii_case(recipient))
                .map(|address| format!("mailto:{address}"))
        };
        let links = self.link.regex().into_iter();
        let mut links = links
            .flat_map(|link| link.find_iter(reply))
            .map(|found| bare(found.as_str()));
        let link = || {
            links
                .find(|link| !self.no_removal.is_match(link))
                .map(str::to_owned)
        };
        // most replies offer no address, and the search for one is long
        let offers_address = reply.contains('@');
        let desk = self
            .desk
            .regex()
            .filter(|_| offers_address)
            .and_then(|desk| desk.captures(reply))
            .and_then(|groups| mailto(bare(groups.name("address")?.as_str())));
        desk.or_else(link).or_else(|| {
            let offered = |groups: Captures<'_>| {
                mailto(bare(
                    groups.name("address").or_else(|| groups.name("office"))?.as_str(),
                ))
            };
            let contact = self.contact.regex().filter(|_| offers_address);
            contact?.captures_iter(reply).find_map(offered)
        })
    }
}

/// Without the punctuation of the sentence around it.
pub(crate) fn bare(link: &str) -> &str {
    let mut link = link;
    loop {
        let shorter = link.trim_end_matches([
            '.', ',', ';', ':', '!', '?', '\'', '"', ']', '>', '*', '\u{2019}', '\u{201d}', '。', '」', '）',
        ]);
        let shorter = match shorter.strip_suffix(')') {
            Some(rest) if !rest.contains('(') => rest,
            _ => shorter,
        };
        if shorter.len() == link.len() {
            return link;
        }
        link = shorter;
    }
}

#[cfg(test)]
mod tests {
    use crate::catalogue::links::Links;

    fn removal(reply: &str) -> Option<String> {
        Links::new().unwrap().removal(reply, "user@example.net")
    }

    #[test]
    fn the_punctuation_around_a_link_is_off() {
        for (reply, link) in [
            (
                "refer to http://mail.live.com/mail/troubleshooting.aspx#errors. [VI1]",
                "http://mail.live.com/mail/troubleshooting.aspx#errors",
            ),
            (
                "spam (check http://www.spamhaus.org/query/bl?ip=198.51.100.185)",
                "http://www.spamhaus.org/query/bl?ip=198.51.100.185",
            ),
            (
                "see <http://www.mail-abuse.com/cgi-bin/lookup?203.0.113.231>",
                "http://www.mail-abuse.com/cgi-bin/lookup?203.0.113.231",
            ),
            (
                "https://example.org/wiki/Block_(list)",
                "https://example.org/wiki/Block_(list)",
            ),
            (
                "to delist@messaging.microsoft.com and include",
                "mailto:delist@messaging.microsoft.com",
            ),
        ] {
            let reply = format!("550 blocked, please forward this {reply}");
            assert_eq!(removal(&reply).as_deref(), Some(link));
        }
    }

    #[test]
    fn a_recipient_or_a_passing_address_is_no_contact() {
        assert_eq!(
            removal("550 <user@example.net>: IP address is block listed"),
            None
        );
        assert_eq!(removal("550 contact user@example.net"), None);
        assert_eq!(removal("554 mail for <other@example.net> refused"), None);
    }

    #[test]
    fn the_resolvers_error_page_removes_nothing() {
        assert_eq!(
            removal(
                "554 blocked using zen.spamhaus.org; https://check.spamhaus.org/returnc/pub/198.51.100.53/"
            ),
            None
        );
    }
}
