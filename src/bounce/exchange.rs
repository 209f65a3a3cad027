//! Exchange and Microsoft 365.
//!
//! Exchange 2007 and later write, in the server's language, the diagnostic information below the words for people; only
//! its form is the same everywhere (<https://learn.microsoft.com/exchange/mail-flow/non-delivery-reports-and-bounce-messages/>):
//! ```text
//! Generating server: mx.example.org
//! a@example.net
//! mx.example.net
//! Remote Server returned '550 5.1.1 …'        (2013 and later; 2007 and 2010: `#550 5.1.1 … ##`, with `mx.example.net` before `#`)
//! ```
//! Exchange 5.5 and 2000 write `a@example.net on Thu, 29 Apr 2007 16:51:51 -0500` and the reason below it.

use crate::bounce::address::{self, Host, is_host};
use crate::bounce::date;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::Reply;
use crate::bounce::told::{Finding, Told};
use crate::event::Action;

pub(super) fn read(bounce: &Bounce<'_>) -> Option<Told> {
    let words = bounce.words();
    let recipients = diagnostics(words);
    if !recipients.is_empty() {
        return Some(Told {
            reporting_mta: generating(words),
            recipients,
            ..Told::default()
        });
    }
    let opening = [
        "did not reach the following recipient(s):",
        "following recipient(s) could not be reached:",
        "following recipient(s) cannot be reached:",
    ];
    let (above, list) = opening.iter().find_map(|opening| words.split_once(opening))?;
    let recipients = reached(list);
    (!recipients.is_empty()).then(|| Told {
        sent_at: above
            .split_once("Sent:")
            .and_then(|(_, rest)| date::read(rest.lines().next()?)),
        recipients,
        ..Told::default()
    })
}

/// `Generating server: mx.example.org`, whose name differs by language: a word alone behind a colon, above the address.
fn generating(words: &str) -> Option<String> {
    const NAMES: [&str; 9] = [
        "Generating server:",
        "Server di generazione:",
        "Serveur de génération",
        "Generierender Server:",
        "Servidor de generación:",
        "Servidor gerador:",
        "Bronserver:",
        "生成サーバー:",
        "生成服务器:",
    ];
    let (_, rest) = NAMES.iter().find_map(|name| words.split_once(name))?;
    Host::read(rest.trim_start_matches([':', ' ', '\u{a0}'])).name
}

/// An address alone on its line, then a host perhaps, then what the server returned.
fn diagnostics(words: &str) -> Vec<Finding> {
    let lines: Vec<&str> = words.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(recipient) = address::only(line) else {
            continue;
        };
        let mut below = lines
            .iter()
            .skip(at + 1)
            .copied()
            .skip_while(|line| line.is_empty());
        let mut next = below.next().unwrap_or("");
        let mut host = Host::default();
        if next.contains('.') && is_host(next) {
            host.name = Some(next.to_owned());
            next = below.next().unwrap_or("");
        }
        let rest = below.take_while(|line| !line.is_empty());
        let text = std::iter::once(next).chain(rest).collect::<Vec<_>>().join("\n");
        if let Some((said, seen)) = returned(&text) {
            let host = seen.or(host);
            let delayed = text.contains("Server at ") && text.contains("delayed");
            let action = delayed.then_some(Action::Delayed);
            found.push(Finding {
                action,
                remote_host: host.name,
                remote_ip: host.ip,
                reply: Reply::read(said),
                ..Finding::to(recipient)
            });
        }
    }
    found
}

/// `Remote Server returned '550 …'`, `#550 5.1.1 … ##`, `mx.example.net #550 5.1.1 … ##`, `mx.example.net #<mx #5.1.1 SMTP; 550 …> #SMTP#`
fn returned(text: &str) -> Option<(&str, Host)> {
    let lower = text.to_ascii_lowercase();
    if let Some(at) = lower
        .find("remote server returned ")
        .map(|at| at + "remote server returned ".len())
    {
        let rest = text.get(at..)?.trim_start_matches("message detected as spam: ");
        let quoted = rest.strip_prefix(['\'', '"', '‘']).unwrap_or(rest);
        return Some((
            quoted.trim_end_matches(['\'', '"', '’', ' ', '\n']),
            Host::default(),
        ));
    }
    let (before, said) = text.split_once('#')?;
    let before = before.trim();
    if !(before.is_empty() || is_host(before)) || !said.starts_with(|c: char| c.is_ascii_digit() || c == '<')
    {
        return None;
    }
    let said = said.trim_end_matches(['#', ' ', '\n']);
    let said = said.strip_suffix("#SMTP").unwrap_or(said).trim_end();
    let said = said
        .strip_prefix('<')
        .and_then(|said| said.strip_suffix('>'))
        .unwrap_or(said);
    let host = if before.contains('.') {
        Host::read(before)
    } else {
        Host::default()
    };
    Some((said, host))
}

/// `a@example.net on Thu, 29 Apr 2007 16:51:51 -0500`, the reason indented below it.
fn reached(list: &str) -> Vec<Finding> {
    let mut found: Vec<(String, Vec<&str>)> = Vec::new();
    for line in list.lines() {
        let text = line.trim();
        let recipient = text.split_once(" on ").and_then(|(head, _)| address::only(head));
        match (recipient, found.last_mut()) {
            (Some(recipient), _) => found.push((recipient, Vec::new())),
            (None, Some((_, lines))) if !text.is_empty() => lines.push(text),
            _ => {}
        }
    }
    let told = |(recipient, lines): (String, Vec<&str>)| Finding {
        reply: Reply::read(&lines.join("\n")),
        ..Finding::to(recipient)
    };
    found.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use crate::bounce::exchange::{diagnostics, reached};

    #[test]
    fn the_diagnostic_information_is_known_by_its_form_in_any_language() {
        for (words, reply) in [
            (
                "Server di generazione: x.example\n\na@x.example\nRemote Server returned '550 5.1.1 RESOLVER.ADR.RecipNotFound; not found'\n\n",
                "550 5.1.1 RESOLVER.ADR.RecipNotFound; not found",
            ),
            (
                "a@x.example\nmx.x.example\nRemote Server returned '550 5.7.1 Client host\n[192.0.2.1] blocked'\n",
                "550 5.7.1 Client host [192.0.2.1] blocked",
            ),
            (
                "a@x.example\nmx.x.example #550 5.1.1 no such user ##\n",
                "550 5.1.1 no such user",
            ),
        ] {
            let found = diagnostics(words);
            assert_eq!(found[0].reply.as_ref().unwrap().text, reply, "{words}");
        }
        assert!(diagnostics("write to\na@x.example\nand wait\n").is_empty());
    }

    #[test]
    fn exchange_2000_dates_each_recipient() {
        let found = reached(
            "\n\na@x.example on Thu, 29 Apr 2007 16:51:51 -0500\n    The recipient name is not recognized\nb@x.example on 4/29/01 11:34:45 PM\n    no\n",
        );
        assert_eq!(found.len(), 2);
        assert_eq!(
            found[0].reply.as_ref().unwrap().text,
            "The recipient name is not recognized"
        );
    }
}
