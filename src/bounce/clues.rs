//! Clues in the words of a bounce whose writer is not known: that something failed or is late, and which reply, host and
//! command it was about.

use std::sync::LazyLock;

use regex::Regex;

use crate::bounce::address::Host;
use crate::bounce::mail::Bounce;
use crate::bounce::reply::Reply;
use crate::event::SmtpCommand;

/// Whether a bounce says, in one of many languages, that something failed.
pub(super) fn speaks_of_failure(bounce: &Bounce<'_>) -> bool {
    static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?ix) deliver | returned\ mail | fail | could\ not | cannot | unable\ to | reject | unknown\ user | user\ unknown
            | mailbox\ (is\ )?full | no\ such\ user | error | nicht\ zugestellt | unzustellbar | non\ remis | n.a\ pas\ pu
            | no\ se\ pudo | recapit | não\ (foi|pôde) | не\ (может|удалось|доставлен) | 退信 | 无法 | 無法 | 不達 | 配信 | 配送
            | 届け | エラー | できません",
        )
        .ok()
    });
    let is_in = |text: &str| WORDS.as_ref().is_some_and(|words| words.is_match(text));
    is_in(&bounce.head.subject) || (!bounce.head.auto_replied || bounce.head.daemon) && is_in(bounce.words())
}

/// Whether it says, in one of many languages, that the mail is only late. What a remote host said of lateness, behind its
/// code, may stand in a failure, too.
pub(super) fn is_delay(bounce: &Bounce<'_>) -> bool {
    static WORDS: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?ix) warning\ (message\ )?only | ^delayed: | \(delay(ed)?\) | (has\ been|is)\ delayed | delivery\ (delayed|incomplete)
            | will\ (be\ retried|retry\ for|keep\ trying) | continue\ (to\ try|trying|to\ attempt) | still\ (being\ retried|undelivered)
            | not\ yet\ (been\ )?delivered | temporary\ failure\ report
            | verzögert | verspätet | retardé | différée | en\ attente\ de\ remise | se\ ha\ (retrasado|demorado) | entrega\ (retrasada|demorada)
            | è\ in\ ritardo | ritardat | atrasad[ao] | vertraagd | opóźnion | zpožděn | försenad | fördröjd | forsinket | viivästy
            | (сообщени\S+|доставк\S+|письм\S+)\ (задержан|отложен|задержива) | 遅延 | 遅れています | 已延迟 | 延迟送达 | 延遲 | 지연",
        )
        .ok()
    });
    let says = |text: &str| WORDS.as_ref().is_some_and(|words| words.is_match(text));
    let is_own = |line: &str| Reply::read(line).is_none_or(|reply| reply.code.is_none());
    says(&bounce.head.subject) || bounce.words().lines().any(|line| says(line) && is_own(line))
}

/// A reply with its code: from the code on, whatever stands before it.
pub(super) fn quoted(text: &str) -> Option<Reply> {
    let whole = Reply::read(text)?;
    let code = whole.code?.to_string();
    let from = text.match_indices(&code).find(|(at, _)| {
        let before = text.get(..*at).and_then(|head| head.chars().next_back());
        before.is_none_or(|before| !before.is_alphanumeric() && before != '.')
    });
    let cut = Reply::read(unbracketed(text.get(from?.0..)?))?;
    Some(if cut.code == whole.code {
        Reply {
            status: cut.status.or(whole.status),
            ..cut
        }
    } else {
        whole
    })
}

/// `… responded as follows: [550 5.1.1 User unknown]`: the bracket that closes the quotation is none of the reply's.
fn unbracketed(text: &str) -> &str {
    let text = text.trim_end();
    let pairs = [('[', ']'), ('(', ')')];
    let closes = |(open, close): &(char, char)| {
        text.ends_with(*close) && text.matches(*open).count() < text.matches(*close).count()
    };
    match pairs.iter().find(|pair| closes(pair)) {
        Some((_, close)) => text.strip_suffix(*close).unwrap_or(text),
        None => text,
    }
}

/// `host mx.example.net [192.0.2.1]`, `host: mx.example.net`, `Server mx.example.net[192.0.2.1]`, `SMTP Server
/// <mx.example.net>`, `Remote server (192.0.2.1)`, `Remote system: dns;mx.example.net (TCP|192.0.2.7|53619|192.0.2.1|25)`
pub(super) fn host_in(text: &str) -> Option<Host> {
    static REMOTE: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?i)remote\s(?:server\s[\[(]([0-9a-f.:]+)[\])]|system:\s*dns;\s*([a-z0-9._-]+)\s*\(TCP\|[^|]*\|\d+\|([0-9a-f.:]+)\|)",
        )
        .ok()
    });
    let remote = REMOTE.as_ref().and_then(|remote| remote.captures(text));
    if let Some(found) = remote {
        let part = |at: usize| found.get(at).map(|part| part.as_str());
        let ip = part(1).or(part(3)).and_then(|ip| ip.parse().ok());
        let name = part(2).map(str::to_owned);
        return Some(Host { name, ip });
    }
    static HOST: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r"(?i)\b(?:host|server)\s*(?::\s*|\s)<?((?:[a-z0-9_-]+\.)+[a-z0-9-]+)>?(\s?[\[(][0-9a-f.:]+[\])])?").ok()
    });
    HOST.as_ref()?.captures_iter(text).find_map(|found| {
        let (name, ip) = (found.get(1)?.as_str(), found.get(2).map_or("", |ip| ip.as_str()));
        let host = Host::read(&format!("{name}{ip}"));
        (host.ip.is_some() || host.name.is_some()).then_some(host)
    })
}

/// `after RCPT command`, `in response to the MAIL FROM command`, `[RCPT_TO]`, `SMTP:RCPT`, `>>> DATA`
pub(super) fn command_in(text: &str) -> Option<SmtpCommand> {
    static COMMAND: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(
            r"(?x)
            (?:\b(?:after|following|for|to|the|of)\s+|>>>\s*|SMTP:|\[|[Cc]ommand:?\s+|\bsent:\s+)
            (?:end\ of\s+)?
            (EHLO|HELO|MAIL|RCPT|DATA|TEXT|STARTTLS)
            (?:[_\ ](?:FROM|TO)\b)?
            (?:\s*(?:command|:|\]|\n|$|\s<)|\s+host)",
        )
        .ok()
    });
    let word = COMMAND.as_ref()?.captures(text)?.get(1)?.as_str();
    // 1&1 and GMX call the end of the data TEXT
    if word == "TEXT" {
        Some(SmtpCommand::Data)
    } else {
        word.parse().ok()
    }
}
