//! What `bounceaudit lists` prints of receivers and hosting companies.

use crate::catalogue::{Hosting, Receiver};
use crate::report::layout::Tone;
use crate::report::list_words::{Doubts, Field, ListWords};
use crate::report::lists::Block;

/// A block for a receiver of mail.
pub(super) fn receiver(receiver: &Receiver, block: &mut Block<'_>) {
    let doubts = block.doubts;
    let Doubts {
        words, join, phrases, ..
    } = doubts;
    let named = |field: Field, names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| doubts.marked(name, name)).collect();
        doubts.marked_all(field.into(), &names, &join.list)
    };
    let lists = receiver
        .lists
        .iter()
        .map(|list| match receiver.own.as_ref() == Some(list) {
            true => join.aside(list, &words.own),
            false => list.to_string(),
        });
    let lists = lists.collect::<Vec<_>>().join(&join.list);
    block.page.heading(&receiver.id, phrases.fact(&receiver.name));
    block.line(Tone::Plain, Field::Kind, &words.receiver);
    block.field(Field::Hosts, &named(Field::Hosts, &receiver.mx));
    block.field(Field::Domains, &named(Field::Domains, &receiver.domains));
    block.field(Field::RefusesBy, &lists);
    block.field(Field::Note, phrases.fact(&receiver.note));
    block.line(Tone::Faint, Field::Uncertain, &doubts.all());
    let seen = seen(receiver, words).join(&join.list);
    block.line(Tone::Faint, Field::HostsSeen, &seen);
}

/// Where the names of its hosts were seen.
fn seen<'a>(receiver: &'a Receiver, words: &'a ListWords) -> Vec<&'a str> {
    // some of its hosts nowhere, but others
    let somewhere = receiver.seen.iter().filter(|seen| seen.as_str() != "none");
    let seen = match somewhere.clone().next() {
        Some(_) => somewhere.collect(),
        None => receiver.seen.iter().collect::<Vec<_>>(),
    };
    seen.into_iter().map(|seen| words.seen(seen)).collect()
}

/// A block for a company that sends for others.
pub(super) fn hosting(company: &Hosting, block: &mut Block<'_>) {
    let doubts = block.doubts;
    let Doubts {
        words, join, phrases, ..
    } = doubts;
    let self_ask = words.self_ask(&company.self_ask);
    let self_ask = match company.self_ask_note.as_str() {
        "" => self_ask.to_owned(),
        note => join.note(&self_ask, &phrases.fact(note)),
    };
    block.page.heading(&company.id, phrases.fact(&company.name));
    block.line(Tone::Plain, Field::Kind, &words.hosting);
    let missing = block.fields([
        (
            Field::Hosts,
            doubts.marked_all(Field::Hosts.into(), &company.hosts, &join.list),
        ),
        (Field::Channel, phrases.fact(&company.channel).to_owned()),
        (
            Field::Needs,
            doubts.marked_all(Field::Needs.into(), &phrases.facts(&company.needs), &join.facts),
        ),
        (Field::Answer, phrases.fact(&company.answer).to_owned()),
        (Field::SelfAsk, self_ask),
    ]);
    block.line(Tone::Plain, Field::NotKnown, &missing);
    block.line(Tone::Faint, Field::Uncertain, &doubts.all());
    block.line(Tone::Faint, Field::Sources, &company.sources.join(&join.facts));
}
