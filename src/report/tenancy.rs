//! Whether an address sends for one customer alone or for many: who shares one is listed for what others do.

use std::collections::BTreeSet;

use crate::catalogue::{Catalogue, Hosting};
use crate::check::{Names, Ptr};
use crate::event::ReceivingDomain;
use crate::report::own::OwnAddress;

/// Domains that the table names.
const NAMED: usize = 3;

/// Who sends through an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Tenancy<'a> {
    /// Its name is a hosting company's.
    Hosted {
        /// The name.
        name: &'a str,
        /// The company.
        company: &'a str,
    },
    /// Mail of domains goes out through it that have nothing to do with each other; the first of them.
    Several(Vec<String>),
    /// Its name, which leads back to it, is ours or that of the one domain that sends.
    Own(&'a str),
    /// Nothing decides.
    #[default]
    Unknown,
}

impl<'a> Tenancy<'a> {
    /// `senders` are the domains of all mails that were refused for this address.
    pub(super) fn of(
        names: Option<&'a Names>,
        senders: &BTreeSet<ReceivingDomain>,
        catalogue: &'a Catalogue,
        own: &[OwnAddress],
    ) -> Self {
        let ptr = names.map(|names| &names.ptr);
        if let Some((name, company)) = hosted(ptr, catalogue) {
            return Self::Hosted {
                name,
                company: &company.name,
            };
        }
        let is_ours = |name: &str| own.iter().any(|own| own.has_name(name));
        let organisations: BTreeSet<&str> = senders
            .iter()
            .map(|sender| organisation(sender.as_str()))
            .collect();
        let all_ours = senders.iter().all(|sender| is_ours(sender.as_str()));
        if organisations.len() > 1 && !all_ours {
            let named = organisations.into_iter().take(NAMED).map(str::to_owned);
            return Self::Several(named.collect());
        }
        match ptr {
            Some(Ptr::Confirmed(name)) if is_ours(name) || organisations.contains(organisation(name)) => {
                Self::Own(name)
            }
            Some(Ptr::Confirmed(_) | Ptr::Unconfirmed(_) | Ptr::None | Ptr::Unknown(_)) | None => {
                Self::Unknown
            }
        }
    }
}

/// The name of an address that is below a hosting company's, and the company.
pub(super) fn hosted<'a>(ptr: Option<&'a Ptr>, catalogue: &'a Catalogue) -> Option<(&'a str, &'a Hosting)> {
    // A name that does not lead back is anybody's claim.
    let Some(Ptr::Confirmed(name)) = ptr else {
        return None;
    };
    Some((name.as_str(), catalogue.hosting(name)?))
}

/// `shop.example` of `mail.shop.example`, `shop.co.jp` of `www.shop.co.jp`. A guess: a short label before a country's two
/// letters is taken for a registry's, as in co.jp, com.au, ac.uk; the list of all of them (publicsuffix.org) is long and
/// changes, and a wrong guess here costs a sentence.
fn organisation(domain: &str) -> &str {
    let dots: Vec<usize> = domain.match_indices('.').map(|(at, _)| at).rev().collect();
    let of_registry = match dots.as_slice() {
        [last, before, ..] => domain.len() - last == 3 && last - before <= 4,
        _ => false,
    };
    let cut = dots.get(if of_registry { 2 } else { 1 });
    cut.and_then(|at| domain.get(at + 1..)).unwrap_or(domain)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use crate::catalogue::Catalogue;
    use crate::check::{Names, Owner, Ptr};
    use crate::event::ReceivingDomain;
    use crate::report::samples::at;
    use crate::report::tenancy::{Tenancy, organisation};

    fn names(ptr: Ptr) -> Names {
        Names {
            ip: "192.0.2.10".parse().unwrap(),
            ptr,
            owner: Owner::NotAsked,
            checked_at: at("2026-11-22T00:00:00+00:00"),
            ttl: None,
        }
    }

    fn senders(domains: &[&str]) -> BTreeSet<ReceivingDomain> {
        let of = |domain: &&str| ReceivingDomain::of(&format!("a@{domain}")).unwrap();
        domains.iter().map(of).collect()
    }

    #[test]
    fn a_hosting_companys_name_that_leads_back_is_the_best_sign() {
        let catalogue = Catalogue::built_in().unwrap();
        let name = || "sv77.xserver.jp".to_owned();
        let confirmed = names(Ptr::Confirmed(name()));
        assert_eq!(
            Tenancy::of(Some(&confirmed), &senders(&["shop.example.jp"]), &catalogue, &[]),
            Tenancy::Hosted {
                name: "sv77.xserver.jp",
                company: "Xserver"
            }
        );
        let claimed = names(Ptr::Unconfirmed(vec![name()]));
        let tenancy = Tenancy::of(Some(&claimed), &senders(&["shop.example.jp"]), &catalogue, &[]);
        assert_eq!(tenancy, Tenancy::Unknown);
    }

    #[test]
    fn senders_that_have_nothing_to_do_with_each_other_share_it_unless_they_are_all_ours() {
        let catalogue = Catalogue::built_in().unwrap();
        let several = senders(&["shop.example.net", "www.salon.co.jp", "news.shop.example.net"]);
        let own = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<_>>();
        assert_eq!(
            Tenancy::of(None, &several, &catalogue, &own(&["shop.example.net"])),
            Tenancy::Several(vec!["example.net".into(), "salon.co.jp".into()])
        );
        let ours = own(&["shop.example.net", "salon.co.jp"]);
        assert_eq!(Tenancy::of(None, &several, &catalogue, &ours), Tenancy::Unknown);
    }

    #[test]
    fn a_name_of_the_only_sender_makes_it_its_own() {
        let catalogue = Catalogue::built_in().unwrap();
        let mail = names(Ptr::Confirmed("mail.shop.example".into()));
        let own = Tenancy::Own("mail.shop.example");
        assert_eq!(
            Tenancy::of(Some(&mail), &senders(&["shop.example"]), &catalogue, &[]),
            own
        );
        let ours = ["shop.example".parse().unwrap()];
        assert_eq!(Tenancy::of(Some(&mail), &senders(&[]), &catalogue, &ours), own);
        let other = senders(&["salon.example"]);
        assert_eq!(
            Tenancy::of(Some(&mail), &other, &catalogue, &[]),
            Tenancy::Unknown
        );
    }

    #[test]
    fn an_organisation_keeps_its_registrys_label() {
        for (domain, wanted) in [
            ("www.shop.co.jp", "shop.co.jp"),
            ("shop.co.jp", "shop.co.jp"),
            ("a.b.shop.example.com", "example.com"),
            ("shop.jp", "shop.jp"),
            ("mail.shop.jp", "shop.jp"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(organisation(domain), wanted, "{domain}");
        }
    }
}
