//! What clients called themselves to the servers that a mail passed (RFC 5321 §4.4, `From-domain`).

use std::net::IpAddr;

use mail_parser::{HeaderName, Message};

use crate::event::Helo;

/// Servers that are kept of one mail; loops pass hundreds.
const MAX_SERVERS: usize = 8;

/// The clients of a mail's `Received` fields, the last server first.
pub(super) fn helos(message: &Message<'_>) -> Vec<Helo> {
    let received = message
        .headers()
        .iter()
        .filter(|header| header.name == HeaderName::Received);
    let raw = received.filter_map(|header| {
        let range = header.offset_start as usize..header.offset_end as usize;
        message.raw_message.get(range)
    });
    raw.filter_map(|raw| helo(&String::from_utf8_lossy(raw)))
        .take(MAX_SERVERS)
        .collect()
}

/// Postfix 3 `from HELO (PTR [IP]) by HOST`, Exim 4 `from PTR ([IP] helo=HELO) by HOST`, qmail 1.03
/// `from PTR (HELO HELO) (IDENT@IP) by HOST`, Exchange `from HELO (IP) by HOST (IP)`.
fn helo(field: &str) -> Option<Helo> {
    let line = field.split_whitespace().collect::<Vec<_>>().join(" ");
    let client = line
        .strip_prefix("from ")
        .or_else(|| line.strip_prefix("FROM "))?;
    let client = client.split_once(" by ").map_or(client, |(client, _)| client);
    let words: Vec<&str> = client
        .split(['[', ']', '(', ')', ' ', ','])
        .filter(|word| !word.is_empty())
        .collect();
    let address = |word: &&str| {
        let word = word.rsplit_once('@').map_or(*word, |(_, ip)| ip);
        let word = word.strip_prefix("IPv6:").unwrap_or(word);
        word.parse::<IpAddr>().ok().map(|ip| ip.to_canonical())
    };
    let after = |name: &str| {
        let mut at = words.iter().skip_while(|word| !word.eq_ignore_ascii_case(name));
        at.nth(1).copied()
    };
    let exim = words.iter().find_map(|word| word.strip_prefix("helo="));
    let qmail = || after("HELO").or_else(|| after("EHLO"));
    let first = || words.first().copied();
    let name = exim.or_else(qmail).or_else(first)?;
    let is_name = name.contains(|c: char| c.is_alphabetic()) && name.len() <= 255;
    // Of several the last is the connection's: what a client calls itself may be an address too.
    let ip = words.iter().rev().find_map(address)?;
    is_name.then(|| Helo {
        ip,
        name: name.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use crate::bounce::received::helo;

    #[test]
    fn a_client_is_read_as_each_server_writes_it() {
        for (field, ip, name) in [
            (
                "from web01.local (sv77.hosting.example.jp [192.0.2.10])\r\n\tby mx.receiver.example (Postfix) with ESMTP id 4N9\r\n",
                "192.0.2.10",
                "web01.local",
            ),
            (
                "from localhost (unknown [IPv6:2001:db8::25]) by mx.receiver.example (Postfix)",
                "2001:db8::25",
                "localhost",
            ),
            (
                "from sv77.hosting.example.jp ([192.0.2.10] helo=WEB01) by mx.receiver.example with esmtp (Exim 4.96)",
                "192.0.2.10",
                "web01",
            ),
            (
                "from unknown (HELO web01.local) (postmaster@192.0.2.10) by mx.receiver.example with SMTP; 14 Nov 2022",
                "192.0.2.10",
                "web01.local",
            ),
            (
                "from web01.local (192.0.2.10) by MX.receiver.example (203.0.113.2) with Microsoft SMTP Server",
                "192.0.2.10",
                "web01.local",
            ),
        ] {
            let read = helo(field).unwrap();
            assert_eq!(
                (read.ip.to_string().as_str(), read.name.as_str()),
                (ip, name),
                "{field}"
            );
        }
        for nothing in [
            "by sv77.hosting.example.jp (Postfix, from userid 33) id 4N9",
            "from [192.0.2.10] by mx.receiver.example",
            "from web01.local by mx.receiver.example",
            "",
        ] {
            assert_eq!(helo(nothing), None, "{nothing}");
        }
    }
}
