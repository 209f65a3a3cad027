//! What stands in replies and is nobody's name: the words that replies are made of, and the desks that hear requests.

use std::collections::BTreeSet;

use crate::catalogue::Catalogue;
use crate::catalogue::rules::{Example, RuleEntry};

impl Catalogue {
    /// The words of the replies that its rules show, in lower case. What stands before an `@` is left out: that is
    /// somebody, even if nobody real.
    #[must_use]
    pub fn words_of_replies(&self) -> BTreeSet<String> {
        let rules = self.judge.engine.entries();
        rules.flat_map(replies).flat_map(words).collect()
    }

    /// The mail addresses that it names itself, in lower case: desks of lists, support of hosting companies.
    #[must_use]
    pub fn desks(&self) -> BTreeSet<String> {
        let of_lists = self.lists.iter().flat_map(|list| {
            let removals = list.removal_old.iter().chain([&list.removal, &list.lookup]);
            removals.chain(&list.seen_as)
        });
        let texts = of_lists.chain(self.hosting.iter().map(|company| &company.channel));
        texts.flat_map(|text| addresses(text)).collect()
    }
}

fn replies(rule: &RuleEntry) -> impl Iterator<Item = &str> {
    let examples = rule.examples.iter().chain(&rule.near_misses);
    examples.map(|example| match example {
        Example::Reply(reply) => reply.as_str(),
        Example::Whole(whole) => whole.reply.as_str(),
    })
}

/// Each word, and each part of a word with dots or dashes.
fn words(reply: &str) -> BTreeSet<String> {
    let reply = reply.to_lowercase();
    let is_of_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '+' | '=' | '\'');
    let mut words = BTreeSet::new();
    let mut rest = reply.as_str();
    while let Some(start) = rest.find(is_of_word) {
        let from = rest.get(start..).unwrap_or_default();
        let word = from.split(|c| !is_of_word(c)).next().unwrap_or_default();
        rest = from.get(word.len()..).unwrap_or_default();
        if rest.starts_with('@') {
            continue;
        }
        words.insert(word.trim_matches(|c: char| !c.is_alphanumeric()).to_owned());
        words.extend(word.split(|c: char| !c.is_alphanumeric()).map(str::to_owned));
    }
    words
}

fn addresses(text: &str) -> impl Iterator<Item = String> {
    let words = text.split(|c: char| c.is_whitespace() || "<>()[],;\"?".contains(c));
    words.filter_map(|word| {
        let address = word.strip_prefix("mailto:").unwrap_or(word).to_lowercase();
        let (name, domain) = address.rsplit_once('@')?;
        (!name.is_empty() && domain.contains('.')).then_some(address)
    })
}

#[cfg(test)]
mod tests {
    use crate::catalogue::Catalogue;
    use crate::catalogue::ordinary::words;

    #[test]
    fn what_stands_before_an_at_sign_is_no_word() {
        let words = words("550 5.1.1 <hanako.yamada@x.jp>: User unknown; see http://x.jp/why.html");
        for word in ["user", "unknown", "see", "why.html", "why", "550", "jp"] {
            assert!(words.contains(word), "{word}: {words:?}");
        }
        assert!(!words.iter().any(|word| word.contains("hanako")), "{words:?}");
        assert!(!words.contains("yamada"), "{words:?}");
    }

    #[test]
    fn replies_are_made_of_ordinary_words() {
        let words = Catalogue::built_in().unwrap().words_of_replies();
        for word in [
            "unknown",
            "mailbox",
            "information",
            "user",
            "recipient",
            "client",
            "web",
        ] {
            assert!(words.contains(word), "{word}");
        }
        for name in ["tanaka", "yamada", "hanako", "john", "smith", "sato"] {
            assert!(!words.contains(name), "{name}");
        }
    }

    #[test]
    fn the_desks_of_lists_are_known() {
        let desks = Catalogue::built_in().unwrap().desks();
        assert!(desks.contains("delist@messaging.microsoft.com"), "{desks:?}");
        assert!(
            desks.contains("blacklist_comcastnet@cable.comcast.com"),
            "{desks:?}"
        );
        assert!(desks.iter().all(|desk| desk.split('@').count() == 2), "{desks:?}");
    }
}
