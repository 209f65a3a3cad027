//! What `bounceaudit lists` prints of receivers and hosting companies.

use crate::catalogue::{Hosting, Receiver};
use crate::report::layout::{Page, Tone};
use crate::report::lists::{NAME, faint, field, marked, marked_all};

/// A block for a receiver of mail.
pub(super) fn receiver(receiver: &Receiver, page: &mut Page) {
    let unsure = &receiver.uncertain;
    let named = |field: &str, names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| marked(unsure, name, name)).collect();
        marked_all(unsure, field, &names, ", ")
    };
    let lists = receiver
        .lists
        .iter()
        .map(|list| match receiver.own.as_ref() == Some(list) {
            true => format!("{list} (its own)"),
            false => list.to_string(),
        });
    page.heading(&receiver.id, &receiver.name);
    page.field(Tone::Plain, "kind", NAME, "receiver of mail");
    for (name, text) in [
        ("hosts", named("hosts", &receiver.mx)),
        ("domains", named("domains", &receiver.domains)),
        ("refuses by", lists.collect::<Vec<_>>().join(", ")),
        ("note", receiver.note.clone()),
    ] {
        field(page, unsure, name, &text);
    }
    faint(page, "uncertain", &unsure.join("; "));
    faint(page, "hosts seen", &seen(receiver));
}

/// Where the names of its hosts were seen.
fn seen(receiver: &Receiver) -> String {
    // some of its hosts nowhere, but others
    let somewhere = receiver.seen.iter().filter(|seen| seen.as_str() != "none");
    let seen = match somewhere.clone().next() {
        Some(_) => somewhere.collect(),
        None => receiver.seen.iter().collect::<Vec<_>>(),
    };
    let words = seen.into_iter().map(|seen| match seen.as_str() {
        "report" => "postmasters' reports",
        "sample" => "bounces",
        "doc" => "documents",
        "none" => "nowhere",
        other => other,
    });
    words.collect::<Vec<_>>().join(", ")
}

/// A block for a company that sends for others.
pub(super) fn hosting(company: &Hosting, page: &mut Page) {
    let unsure = &company.uncertain;
    let self_ask = match company.self_ask_note.as_str() {
        "" => company.self_ask.clone(),
        note => format!("{}: {note}", company.self_ask),
    };
    page.heading(&company.id, &company.name);
    page.field(Tone::Plain, "kind", NAME, "hosting company");
    let mut missing = Vec::new();
    for (name, of, text) in [
        (
            "hosts",
            "hosts",
            marked_all(unsure, "hosts", &company.hosts, ", "),
        ),
        ("support", "channel", company.channel.clone()),
        (
            "needs",
            "needs",
            marked_all(unsure, "needs", &company.needs, "; "),
        ),
        ("answer", "answer", company.answer.clone()),
        ("ask yourself", "self_ask", self_ask),
    ] {
        if text.is_empty() {
            missing.push(name);
        } else {
            page.field(Tone::Plain, name, NAME, &marked(unsure, of, &text));
        }
    }
    field(page, &[], "not known", &missing.join(", "));
    // by the names that stand above
    let unsure = unsure.join("; ").replace("channel", "support");
    faint(page, "uncertain", &unsure);
    faint(page, "sources", &company.sources.join("; "));
}
