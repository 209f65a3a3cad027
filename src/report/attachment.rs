//! A whole mail with every address in it hidden, to be handed to strangers.
//!
//! The mail is taken apart (RFC 2045, 2046), each text decoded, hidden and written again, and put together in the same
//! order with the same boundaries. What comes out is ASCII on lines of at most 998 bytes that end in CRLF.
//! What cannot be looked into (files, values in base64) does not go out. At the end what was written is decoded once more: where
//! it still holds anything that is to be hidden, the mail becomes one plain text without it.

use mail_parser::{MessageParser, MimeHeaders, PartType};

use crate::report::encoded_words::{Written, words};
use crate::report::mime::{self, Charset, REMOVED};

/// Mails and parts inside one another beyond this depth do not go out.
const MAX_DEPTH: usize = 16;

/// Characters of a line (RFC 5322 §2.1.1).
const MAX_LINE: usize = 998;

/// Rewrites a mail so that every text in it has gone through `hide`: header fields, words, reports, the mails inside it.
/// `hide` has to leave alone what it made itself. Of an mbox the first mail is written.
#[must_use]
pub fn masked_mail(raw: &[u8], hide: &mut dyn FnMut(&str) -> String) -> Vec<u8> {
    let raw = mime::with_lf(raw);
    let mut mask = Mask { hide, boundaries: 0 };
    let mut masked = mask.mail(&raw, 0);
    if !mask.is_clean(&masked) {
        masked = mask.as_text(&raw);
    }
    let has_version = MessageParser::default()
        .parse_headers(&masked)
        .is_some_and(|mail| mail.header("MIME-Version").is_some());
    let version = if has_version {
        &b""[..]
    } else {
        b"MIME-Version: 1.0\n"
    };
    mime::with_crlf(&[version, &masked].concat())
}

struct Mask<'h> {
    hide: &'h mut dyn FnMut(&str) -> String,
    /// How many boundaries had to be made up.
    boundaries: usize,
}

/// What a part's header says of its body.
struct Kind {
    /// In lower case.
    name: String,
    charset: Charset,
    boundary: Option<String>,
    /// Further parameters of a multipart.
    report_type: Option<String>,
    bytes: fn(&[u8]) -> Vec<u8>,
}

impl Kind {
    fn of(header: &[u8], default: &str) -> Self {
        let header = [header, b"\n\n"].concat();
        let mail = MessageParser::default().parse_headers(&header);
        let part = mail.as_ref().and_then(|mail| mail.parts.first());
        let kind = part.and_then(|part| part.content_type());
        let parameter = |name: &str| kind?.attribute(name).map(|value| value.trim_end().to_owned());
        let name = kind.and_then(|kind| Some(format!("{}/{}", kind.ctype(), kind.subtype()?)));
        let is_token = |word: &String| {
            word.bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"/+-._".contains(&byte))
        };
        let encoding = part.and_then(|part| part.content_transfer_encoding());
        Self {
            name: name
                .filter(is_token)
                .map_or_else(|| default.to_owned(), |name| name.to_ascii_lowercase()),
            charset: Charset::of(parameter("charset").as_deref()),
            boundary: parameter("boundary").filter(|boundary| !boundary.is_empty()),
            report_type: parameter("report-type").filter(is_token),
            bytes: mime::decoder(encoding.unwrap_or_default()),
        }
    }
}

impl Mask<'_> {
    fn mail(&mut self, bytes: &[u8], depth: usize) -> Vec<u8> {
        self.entity(mime::from_header(bytes), "text/plain", depth)
    }

    /// A mail or a part, from its header on.
    fn entity(&mut self, bytes: &[u8], default: &str, depth: usize) -> Vec<u8> {
        let (header, body) = mime::halves(bytes);
        let kind = Kind::of(header, default);
        if depth > MAX_DEPTH {
            return text_part(String::new(), "text/plain", REMOVED);
        }
        if kind.name.starts_with("multipart/") {
            let parts = kind
                .boundary
                .as_deref()
                .and_then(|boundary| mime::parts(body, boundary));
            return match parts {
                Some(parts) => self.multipart(header, &kind, &parts, depth),
                None => self.text(header, "text/plain", &kind.charset.text(body)),
            };
        }
        let decoded = (kind.bytes)(body);
        match kind.name.as_str() {
            "message/rfc822" | "message/global" | "message/news" => {
                let mail = self.mail(&decoded, depth + 1);
                let mut out = typed(self.fields(header), &kind.name, "7bit").into_bytes();
                out.extend(mail);
                out
            }
            "text/rfc822-headers" | "text/rfc822-header" | "text/rfc822" => {
                self.fields_part(header, &kind, &decoded)
            }
            name if name.starts_with("message/") => self.fields_part(header, &kind, &decoded),
            "text/html" => self.html(header, &kind.charset.text(&decoded)),
            name if name.starts_with("text/") => self.text(header, name, &kind.charset.text(&decoded)),
            name if decoded.starts_with(b"From ") => self.mbox(header, name, &decoded, depth),
            name if mime::is_text(&decoded) => self.text(header, name, &kind.charset.text(&decoded)),
            name => {
                let note = format!("[removed: {}, {} bytes]\n", self.hidden(name), decoded.len());
                text_part(self.fields(header), "text/plain; charset=utf-8", &note)
            }
        }
    }

    fn multipart(&mut self, header: &[u8], kind: &Kind, parts: &[&[u8]], depth: usize) -> Vec<u8> {
        let own = kind.boundary.as_deref().unwrap_or_default();
        let boundary = match (self.hide)(own) == own && mime::is_plain_boundary(own) {
            true => own.to_owned(),
            false => {
                self.boundaries += 1;
                format!("bounceaudit-{}", self.boundaries)
            }
        };
        let mut value = self.hidden(&kind.name);
        if let Some(report) = &kind.report_type {
            value.push_str(&format!("; report-type={}", self.hidden(report)));
        }
        value.push_str(&format!(";\n\tboundary=\"{boundary}\""));
        let mut out = typed(self.fields(header), &value, "7bit").into_bytes();
        let default = match kind.name.as_str() {
            "multipart/digest" => "message/rfc822",
            _ => "text/plain",
        };
        for part in parts {
            out.extend(format!("\n--{boundary}\n").into_bytes());
            out.extend(self.entity(part, default, depth + 1));
        }
        out.extend(format!("\n--{boundary}--\n").into_bytes());
        out
    }

    /// The header fields of a part but for those that say how its body is to be read.
    fn fields(&mut self, header: &[u8]) -> String {
        let mut out = String::new();
        for line in mime::unfolded(header) {
            let text = Charset::default().text(&line);
            match mime::field(&text) {
                Some((name, _)) if mime::says_how_to_read(name) => {}
                Some((name, value)) => out.push_str(&self.field(name, value)),
                // no field: an mbox's `From ` line, or what a broken gateway put there
                None => {}
            }
        }
        out
    }

    /// A field on folded lines.
    fn field(&mut self, name: &str, value: &str) -> String {
        let name_is_clean = (self.hide)(name) == name;
        let value = match name
            .get(..2)
            .is_some_and(|start| start.eq_ignore_ascii_case("x-"))
        {
            true => mime::without_opaque(value),
            false => value.to_owned(),
        };
        let read = words(&value);
        let mut said = String::new();
        let mut written = Written::default();
        for word in &read {
            let text = self.hidden(&word.text);
            said.push_str(&text);
            match word.is_encoded {
                true => written.phrase(&text),
                false => written.plain(&text),
            }
        }
        let all = self.hidden(&said);
        if all != said {
            written = Written::default();
            written.plain(&all);
        }
        match name_is_clean && name.is_ascii() {
            true => written.field(name, MAX_LINE),
            false => String::new(),
        }
    }

    /// A part that is made of fields, such as a report or a returned header. Its type allows no transfer encoding
    /// (RFC 2045 §6.4), so that what is not ASCII becomes encoded words (RFC 3464 §2.1).
    fn fields_part(&mut self, header: &[u8], kind: &Kind, bytes: &[u8]) -> Vec<u8> {
        let text = kind.charset.text(bytes);
        let mut out = typed(self.fields(header), &self.hidden(&kind.name), "7bit");
        let mut is_below_field = false;
        for line in mime::unfolded(text.as_bytes()) {
            let line = String::from_utf8_lossy(&line);
            let field = mime::field(&line);
            match field {
                Some((name, value)) => out.push_str(&self.field(name, value)),
                None => {
                    // a line that lost its blank belongs to the field above it
                    let lead = if is_below_field && !line.trim().is_empty() {
                        " "
                    } else {
                        ""
                    };
                    let mut written = Written::default();
                    written.plain(&self.hidden(line.trim_end()));
                    out.push_str(&format!("{lead}{}", written.line(MAX_LINE - 1)));
                }
            }
            is_below_field = field.is_some() || is_below_field && !line.trim().is_empty();
        }
        out.into_bytes()
    }

    fn text(&mut self, header: &[u8], kind: &str, text: &str) -> Vec<u8> {
        let text = self.hidden(text);
        let kind = format!("{}; charset=utf-8", self.hidden(kind));
        text_part(self.fields(header), &kind, &text)
    }

    /// HTML stays HTML where nothing in its text is left to be hidden, such as an address with markup in it.
    fn html(&mut self, header: &[u8], html: &str) -> Vec<u8> {
        let hidden = self.hidden(&mime::with_at_signs(html));
        let text = mail_parser::decoders::html::html_to_text(&hidden);
        match (self.hide)(&text) == text {
            true => self.text(header, "text/html", &hidden),
            false => self.text(header, "text/plain", &text),
        }
    }

    fn mbox(&mut self, header: &[u8], kind: &str, bytes: &[u8], depth: usize) -> Vec<u8> {
        let mut out = typed(self.fields(header), &self.hidden(kind), "7bit").into_bytes();
        for mail in mime::mails(bytes) {
            out.extend_from_slice(b"From MAILER-DAEMON Thu Jan  1 00:00:00 1970\n");
            out.extend(self.mail(mail, depth + 1));
            out.push(b'\n');
        }
        out
    }

    /// A text without what is to be hidden, also where it stands in another form.
    fn hidden(&mut self, text: &str) -> String {
        let mut lines: Vec<String> = Vec::new();
        for line in text.split('\n') {
            if mime::is_base64_line(line) {
                if lines.last().is_none_or(|last| last != REMOVED) {
                    lines.push(REMOVED.to_owned());
                }
                continue;
            }
            lines.push(self.plainer(line).unwrap_or_else(|| line.to_owned()));
        }
        let hidden = (self.hide)(&lines.join("\n"));
        if (self.hide)(&hidden) == hidden {
            return hidden;
        }
        let lines = hidden.split('\n').map(|line| match (self.hide)(line) == line {
            true => line,
            false => REMOVED,
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// A line with its encoded words and `%40` read, if something is to be hidden in them.
    fn plainer(&mut self, line: &str) -> Option<String> {
        let decoded = match line.contains("=?") {
            true => words(line).into_iter().map(|word| word.text).collect(),
            false => line.to_owned(),
        };
        let decoded = decoded.replace("%40", "@");
        (decoded != line && (self.hide)(&decoded) != decoded).then_some(decoded)
    }

    /// Whether nothing is left to be hidden in what a reader of the mail sees.
    fn is_clean(&mut self, mail: &[u8]) -> bool {
        let Some(mail) = MessageParser::default().parse(mail) else {
            return false;
        };
        self.is_clean_mail(&mail)
    }

    fn is_clean_mail(&mut self, mail: &mail_parser::Message<'_>) -> bool {
        mail.parts.iter().all(|part| {
            let fields = mail
                .raw_message
                .get(part.offset_header as usize..part.offset_body as usize);
            let fields = mime::unfolded(fields.unwrap_or_default());
            let are_clean = fields.iter().all(|field| {
                let read = words(&String::from_utf8_lossy(field));
                let text: String = read.into_iter().map(|word| word.text).collect();
                (self.hide)(&text) == text
            });
            are_clean
                && match &part.body {
                    PartType::Text(text) | PartType::Html(text) => (self.hide)(text) == *text,
                    PartType::Binary(bytes) | PartType::InlineBinary(bytes) => {
                        let text = String::from_utf8_lossy(bytes);
                        (self.hide)(&text) == text
                    }
                    PartType::Message(mail) => self.is_clean_mail(mail),
                    PartType::Multipart(_) => true,
                }
        })
    }

    /// The last way out: all of the mail as one text, line by line.
    fn as_text(&mut self, raw: &[u8]) -> Vec<u8> {
        const KEPT: [&str; 4] = ["from", "date", "subject", "message-id"];
        let (header, _) = mime::halves(raw);
        let mut out = String::new();
        for line in mime::unfolded(header) {
            let text = Charset::default().text(&line);
            let Some((name, value)) = mime::field(&text) else {
                continue;
            };
            if KEPT.iter().any(|kept| name.eq_ignore_ascii_case(kept)) {
                out.push_str(&self.field(name, value));
            }
        }
        let text = Charset::default()
            .text(raw)
            .replace("=\n", "")
            .replace("=40", "@");
        let lines = text.split('\n').map(|line| self.hidden(line)).collect::<Vec<_>>();
        text_part(out, "text/plain; charset=utf-8", &lines.join("\n"))
    }
}

/// A part with a text, in the transfer encoding that fits it.
fn text_part(fields: String, kind: &str, text: &str) -> Vec<u8> {
    let (encoding, body) = mime::encoded(text, MAX_LINE);
    let mut part = typed(fields, kind, encoding);
    part.push_str(&body);
    part.into_bytes()
}

/// A header with the fields that say how the body below it is to be read.
fn typed(fields: String, kind: &str, encoding: &str) -> String {
    fields + &format!("Content-Type: {kind}\nContent-Transfer-Encoding: {encoding}\n\n")
}
