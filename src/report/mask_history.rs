//! The history with everybody hidden. What is counted stays: mails and recipients are numbers in it already.

use std::collections::HashMap;
use std::sync::Arc;

use crate::check::{Answer, Listing, Names, Network, Owner};
use crate::event::{NotUnderstood, Shape, Verdict};
use crate::ledger::{Bounce, History, Note, Recorded};
use crate::report::mask::Mask;

/// What a network calls the desk that hears complaints (RFC 2142 §4, §5): of nobody in particular.
const DESKS: [&str; 8] = [
    "abuse",
    "cert",
    "csirt",
    "hostmaster",
    "noc",
    "postmaster",
    "security",
    "support",
];

impl Mask {
    /// The history without anybody's name; meet its bounces before.
    #[must_use]
    pub fn history(&mut self, history: History) -> History {
        for note in &history.notes {
            self.meet_text(&note.remark.to_string());
        }
        for mail in &history.not_understood {
            self.meet_source(&mail.source);
        }
        let mut texts = Texts::default();
        let bounces = history.bounces.into_iter();
        History {
            bounces: bounces.map(|bounce| self.bounce(bounce, &mut texts)).collect(),
            listings: history
                .listings
                .into_iter()
                .map(|listing| self.listing(listing))
                .collect(),
            names: history.names.into_iter().map(|names| self.names(names)).collect(),
            exchanges: history.exchanges,
            notes: history
                .notes
                .into_iter()
                .filter_map(|note| self.note(note))
                .collect(),
            not_understood: history
                .not_understood
                .into_iter()
                .map(|mail| self.not_understood(mail))
                .collect(),
            last_report: history.last_report,
        }
    }

    /// A whole bounce in which nobody is named.
    #[must_use]
    pub fn recorded(&mut self, recorded: Recorded) -> Recorded {
        Recorded {
            event: self.event(recorded.event),
            sources: recorded
                .sources
                .into_iter()
                .map(|source| self.source(source))
                .collect(),
            recorded_at: recorded.recorded_at,
        }
    }

    fn bounce(&mut self, mut bounce: Bounce, texts: &mut Texts) -> Bounce {
        for host in [
            &mut bounce.reporting_mta,
            &mut bounce.helo,
            &mut bounce.remote_host,
        ] {
            *host = host.as_ref().map(|host| texts.masked(host, self));
        }
        bounce.reply = bounce.reply.map(|reply| self.text(&reply).into());
        bounce.verdict = self.shared_verdict(&bounce.verdict);
        bounce
    }

    /// A mail that was not understood, in which nobody is named.
    fn not_understood(&mut self, mail: NotUnderstood) -> NotUnderstood {
        let mut text = |text: String| self.text(&text).into_owned();
        let shape = mail.shape.map(|shape| Shape {
            signs: shape.signs,
            from: shape.from.map(&mut text),
            subject: shape.subject.map(&mut text),
            mailer: shape.mailer.map(&mut text),
            parts: text(shape.parts),
        });
        NotUnderstood {
            source: self.source(mail.source),
            message_id: mail.message_id.map(|id| self.message_id(&id)),
            bounced_at: mail.bounced_at,
            shape,
        }
    }

    /// The same verdict where nobody is in it, which nearly always is so.
    fn shared_verdict(&mut self, verdict: &Arc<Verdict>) -> Arc<Verdict> {
        let masked = self.verdict(Verdict::clone(verdict));
        match masked == **verdict {
            true => Arc::clone(verdict),
            false => Arc::new(masked),
        }
    }

    fn listing(&mut self, listing: Listing) -> Listing {
        let answer = match listing.answer {
            Answer::Error(why) => Answer::Error(self.host(&why).into_owned()),
            Answer::Listed(_)
            | Answer::NotListed
            | Answer::Refused(_)
            | Answer::Timeout
            | Answer::ZoneDead(_) => listing.answer,
        };
        Listing {
            answer,
            text: listing.text.map(|text| self.text(&text).into_owned()),
            ..listing
        }
    }

    fn names(&mut self, names: Names) -> Names {
        let owner = match names.owner {
            Owner::Known(network) => Owner::Known(Network {
                name: network.name.map(|name| self.host(&name).into_owned()),
                abuse: network
                    .abuse
                    .into_iter()
                    .map(|address| self.complaints(address))
                    .collect(),
                ..network
            }),
            Owner::NotAsked | Owner::NotAnnounced | Owner::Unknown(_) => names.owner,
        };
        Names { owner, ..names }
    }

    /// A desk is shown, since the reader is told to write to it; somebody's own address is not.
    fn complaints(&mut self, address: String) -> String {
        let local = address.split('@').next().unwrap_or_default().to_lowercase();
        let mut words = local.split(|c: char| !c.is_alphanumeric());
        match words.all(|word| DESKS.contains(&word)) {
            true => address,
            false => self.address(&address),
        }
    }

    fn note(&mut self, note: Note) -> Option<Note> {
        let remark = self.text(&note.remark.to_string()).parse();
        remark.ok().map(|remark| Note { remark, ..note })
    }
}

/// Many bounces share one text.
#[derive(Default)]
struct Texts(HashMap<Arc<str>, Arc<str>>);

impl Texts {
    fn masked(&mut self, host: &Arc<str>, mask: &mut Mask) -> Arc<str> {
        if let Some(known) = self.0.get(host) {
            return Arc::clone(known);
        }
        let masked: Arc<str> = mask.host(host).into();
        self.0.insert(Arc::clone(host), Arc::clone(&masked));
        masked
    }
}
