//! The report as a mail (RFC 5322), for `sendmail -t`: text and page as alternatives, the groups as CSV attached.

use std::io;
use std::str::FromStr;

use mail_builder::MessageBuilder;
use mail_builder::headers::address::Address;
use mail_builder::headers::raw::Raw;
use mail_parser::MessageParser;
use serde::Deserialize;

use crate::report::csv::{Destination, groups_csv};
use crate::report::rows::rows;
use crate::report::settings::CsvEncoding;
use crate::report::table::{Look, table};
use crate::report::{Report, summary};

/// Cells of the text alternative: what mail programs show without turning lines.
const WIDTH: usize = 76;

/// Whom a report is from or to: an address, with or without a name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Correspondent {
    name: Option<String>,
    address: String,
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no mail address; write postmaster@example.jp, or \"Postmaster <postmaster@example.jp>\"")]
pub struct NoCorrespondent(String);

impl FromStr for Correspondent {
    type Err = NoCorrespondent;

    /// `postmaster@example.jp`, `Postmaster <postmaster@example.jp>`, or a local user such as `root`, whom the
    /// submitting host completes.
    fn from_str(text: &str) -> Result<Self, NoCorrespondent> {
        let wrong = || NoCorrespondent(text.to_owned());
        if text.chars().any(char::is_control) {
            return Err(wrong());
        }
        let header = format!("To: {text}\r\n\r\n");
        let message = MessageParser::new().parse(&header).ok_or_else(wrong)?;
        let mut all = message.to().into_iter().flat_map(mail_parser::Address::iter);
        let (Some(one), None) = (all.next(), all.next()) else {
            return Err(wrong());
        };
        // A lone word is read as a name.
        let (name, address) = match (one.name(), one.address()) {
            (name, Some(address)) => (name, address),
            (Some(user), None) => (None, user),
            (None, None) => return Err(wrong()),
        };
        if address.is_empty() || address.starts_with('-') || address.contains([' ', '<', '>', ',']) {
            return Err(wrong());
        }
        Ok(Self {
            name: name.map(str::to_owned),
            address: address.to_owned(),
        })
    }
}

impl TryFrom<String> for Correspondent {
    type Error = NoCorrespondent;

    fn try_from(text: String) -> Result<Self, NoCorrespondent> {
        text.parse()
    }
}

impl Correspondent {
    fn address(&self) -> Address<'_> {
        Address::new_address(self.name.as_deref(), self.address.as_str())
    }
}

/// Whom the mail is from and to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    /// The author (RFC 5322 §3.6.2).
    pub from: Correspondent,
    /// The recipients; with none, whoever submits the mail has to name them.
    pub to: Vec<Correspondent>,
}

/// Writes the mail; `page` is the report as [`html`](crate::report::html) gives it.
///
/// # Errors
/// When `out` cannot be written to.
pub fn email(
    report: &Report<'_>,
    letter: &Letter,
    page: &str,
    verbose: bool,
    out: impl io::Write,
) -> io::Result<()> {
    let look = Look {
        width: WIDTH,
        color: false,
        verbose,
    };
    let mut csv = Vec::new();
    groups_csv(report, &mut csv, Destination::File(CsvEncoding::Utf8Bom))?;
    let day = report.clock.show(report.now).format("%Y-%m-%d");
    let sentence = summary::sentence(report, &rows(&report.groups));
    let mut mail = MessageBuilder::new().from(letter.from.address());
    if !letter.to.is_empty() {
        mail = mail.to(Address::new_list(
            letter.to.iter().map(Correspondent::address).collect(),
        ));
    }
    mail.subject(format!("{}: {sentence}", env!("CARGO_PKG_NAME")))
        .date(report.now.timestamp())
        // RFC 3834 §5: nobody's vacation answers it.
        .header("Auto-Submitted", Raw::new("auto-generated"))
        .text_body(table(report, look))
        .html_body(page)
        .attachment(
            "text/csv; charset=utf-8",
            format!("{}-{day}.csv", env!("CARGO_PKG_NAME")),
            csv,
        )
        .write_to(out)
}

#[cfg(test)]
mod tests {
    use mail_parser::{MessageParser, MimeHeaders};

    use crate::report::email::{Correspondent, Letter, email};
    use crate::report::lang::Lang;
    use crate::report::samples;

    fn written(lang: Lang, to: &[&str]) -> String {
        let mut case = samples::november();
        case.settings.lang = Some(lang);
        let letter = Letter {
            from: "監視 <postmaster@shop.example.jp>".parse().unwrap(),
            to: to.iter().map(|one| one.parse().unwrap()).collect(),
        };
        let mut out = Vec::new();
        email(
            &case.report(),
            &letter,
            "<p>the page \u{3000}</p>",
            false,
            &mut out,
        )
        .unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_mail_has_text_and_page_and_the_groups_attached() {
        for lang in [Lang::En, Lang::Ja] {
            let text = written(lang, &["postmaster@shop.example.jp", "Root <root>"]);
            let mail = MessageParser::new().parse(&text).unwrap();
            assert_eq!(
                mail.from().unwrap().first().unwrap().address(),
                Some("postmaster@shop.example.jp")
            );
            assert_eq!(mail.to().unwrap().iter().count(), 2, "{text}");
            assert_eq!(mail.date().unwrap().to_rfc3339(), "2026-11-22T00:00:00Z");
            let body = mail.body_text(0).unwrap();
            assert!(
                body.contains("192.0.2.185") && body.contains("192.0.2.77"),
                "{body}"
            );
            assert!(mail.subject().unwrap().starts_with("bounceaudit: "), "{text}");
            assert!(
                body.contains(
                    &mail.subject().unwrap()["bounceaudit: ".len()..]
                        .split(": ")
                        .next()
                        .unwrap()[..10]
                )
            );
            assert_eq!(mail.body_html(0).unwrap(), "<p>the page \u{3000}</p>");
            let attached = mail.attachment(0).unwrap();
            assert_eq!(attached.attachment_name(), Some("bounceaudit-2026-11-22.csv"));
            assert!(
                attached
                    .contents()
                    .starts_with("\u{feff}blocked_ip,receiving_domain".as_bytes())
            );
            assert!(
                mail.header_raw("Auto-Submitted")
                    .unwrap()
                    .contains("auto-generated")
            );
        }
    }

    #[test]
    fn each_line_is_ascii_and_as_short_as_rfc_5322_asks() {
        let text = written(Lang::Ja, &["postmaster@shop.example.jp"]);
        assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
        for line in text.lines() {
            assert!(line.len() <= 78 && line.is_ascii(), "{line}");
        }
    }

    #[test]
    fn what_is_no_address_is_refused_and_a_local_user_is_one() {
        for good in [
            "root",
            "a@b.example",
            "\"A, B\" <a@b.example>",
            "運用 <運用@例え.jp>",
        ] {
            good.parse::<Correspondent>().unwrap();
        }
        for bad in [
            "",
            "a@b.example, c@d.example",
            "a b",
            "a@b.example\r\nBcc: x@y.example",
            "-oQ/tmp@x",
        ] {
            assert!(bad.parse::<Correspondent>().is_err(), "{bad:?}");
        }
    }
}
