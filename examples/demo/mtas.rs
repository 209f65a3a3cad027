//! Bounces as Postfix, qmail, sendmail and Exim write them.

use chrono::{DateTime, FixedOffset, TimeDelta, Utc};

/// One way of being refused.
pub(crate) struct Refusal {
    pub(crate) mta: Mta,
    pub(crate) stage: Stage,
    pub(crate) from: &'static str,
    pub(crate) to: &'static [&'static str],
    pub(crate) host: &'static str,
    pub(crate) address: &'static str,
    pub(crate) reply: &'static str,
    /// How long after sending the bounce comes.
    pub(crate) after: TimeDelta,
    pub(crate) times: usize,
}

#[derive(Clone, Copy)]
pub(crate) enum Mta {
    Postfix,
    Qmail,
    Sendmail,
    Exim,
}

/// How far the session had come.
#[derive(Clone, Copy)]
pub(crate) enum Stage {
    Greeting,
    MailFrom,
    RcptTo,
}

/// One mail that came back.
pub(crate) struct Bounce<'a> {
    pub(crate) refusal: &'a Refusal,
    pub(crate) recipient: &'a str,
    pub(crate) id: String,
    pub(crate) sent: DateTime<FixedOffset>,
}

impl Bounce<'_> {
    pub(crate) fn bounced(&self) -> DateTime<FixedOffset> {
        self.sent + self.refusal.after
    }

    /// The mail, with the line ends of the wire.
    pub(crate) fn written(&self) -> Vec<u8> {
        let text = match self.refusal.mta {
            Mta::Postfix => self.by_postfix(),
            Mta::Qmail => self.by_qmail(),
            Mta::Sendmail => self.by_sendmail(),
            Mta::Exim => self.by_exim(),
        };
        text.replace('\n', "\r\n").into_bytes()
    }

    fn original(&self) -> String {
        format!(
            "Date: {}\nFrom: {}\nTo: {}\nSubject: =?UTF-8?B?44GK6KaL56mN44KK44Gu5Lu2?=\nMessage-ID: <{}>\n",
            self.sent.to_rfc2822(),
            self.refusal.from,
            self.recipient,
            self.id
        )
    }

    fn by_postfix(&self) -> String {
        let Refusal {
            stage,
            from,
            host,
            address,
            reply,
            ..
        } = self.refusal;
        let (recipient, date, arrival) = (
            self.recipient,
            self.bounced().to_rfc2822(),
            self.sent.to_rfc2822(),
        );
        let (said, status) = match stage {
            Stage::Greeting => (format!("refused to talk to me: {reply}"), "4.7.1"),
            Stage::MailFrom => (format!("said: {reply} (in reply to MAIL FROM command)"), "5.7.1"),
            Stage::RcptTo => (format!("said: {reply} (in reply to RCPT TO command)"), "5.7.1"),
        };
        let words = folded(&format!("<{recipient}>: host {host}[{address}] {said}"));
        let diagnostic = folded(&format!("Diagnostic-Code: smtp; {reply}"));
        format!(
            r#"Return-Path: <>
Date: {date}
From: MAILER-DAEMON@sv100.hosting.example.jp (Mail Delivery System)
To: {from}
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="{id}/sv100"
Message-Id: <back.{id}>

--{id}/sv100
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host sv100.hosting.example.jp.

I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.

{words}

--{id}/sv100
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; sv100.hosting.example.jp
X-Postfix-Sender: rfc822; {from}
Arrival-Date: {arrival}

Final-Recipient: rfc822; {recipient}
Original-Recipient: rfc822;{recipient}
Action: failed
Status: {status}
Remote-MTA: dns; {host}
{diagnostic}

--{id}/sv100
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

{original}
--{id}/sv100--
"#,
            id = self.id,
            original = self.original(),
        )
    }

    fn by_qmail(&self) -> String {
        let Refusal {
            stage,
            from,
            address,
            reply,
            ..
        } = self.refusal;
        let date = self
            .bounced()
            .with_timezone(&Utc)
            .format("%-d %b %Y %H:%M:%S -0000");
        let words = match stage {
            Stage::Greeting => format!(
                "Connected to {address} but greeting failed.\nRemote host said: {reply}\n\
                 I'm not going to try again; this message has been in the queue too long."
            ),
            Stage::MailFrom => {
                format!("Connected to {address} but sender was rejected.\nRemote host said: {reply}")
            }
            Stage::RcptTo => {
                format!(
                    "{address} does not like recipient.\nRemote host said: {reply}\nGiving up on {address}."
                )
            }
        };
        format!(
            "Return-Path: <>\nReceived: (qmail 22345 invoked for bounce); {date}\nDate: {date}\n\
             From: MAILER-DAEMON@mx.hosting.example.jp\nTo: {from}\nSubject: failure notice\n\n\
             Hi. This is the qmail-send program at mx.hosting.example.jp.\n\
             I'm afraid I wasn't able to deliver your message to the following addresses.\n\
             This is a permanent error; I've given up. Sorry it didn't work out.\n\n<{recipient}>:\n{words}\n\n\
             --- Below this line is a copy of the message.\n\nReturn-Path: <{from}>\n{original}\nhonbun\n",
            recipient = self.recipient,
            original = self.original(),
        )
    }

    fn by_sendmail(&self) -> String {
        let Refusal {
            from, host, reply, ..
        } = self.refusal;
        let (recipient, date, arrival) = (
            self.recipient,
            self.bounced().to_rfc2822(),
            self.sent.to_rfc2822(),
        );
        format!(
            r#"Return-Path: <>
Date: {date}
From: Mail Delivery Subsystem <MAILER-DAEMON@www1.hosting.example.jp>
To: {from}
Subject: Returned mail: see transcript for details
Auto-Submitted: auto-generated (failure)
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="{id}/www1"
Message-Id: <back.{id}>

--{id}/www1

The original message was received at {arrival}
from fsav401.hosting.example.jp [198.51.100.100]

   ----- The following addresses had permanent fatal errors -----
<{recipient}>
    (reason: {reply})

   ----- Transcript of session follows -----
... while talking to {host}.:
>>> RCPT To:<{recipient}>
<<< {reply}
554 5.0.0 Service unavailable

--{id}/www1
Content-Type: message/delivery-status

Reporting-MTA: dns; www1.hosting.example.jp
Arrival-Date: {arrival}

Final-Recipient: RFC822; {recipient}
Action: failed
Status: 5.7.1
Remote-MTA: DNS; {host}
Diagnostic-Code: SMTP; {reply}
Last-Attempt-Date: {date}

--{id}/www1
Content-Type: text/rfc822-headers

{original}
--{id}/www1--
"#,
            id = self.id,
            original = self.original(),
        )
    }

    fn by_exim(&self) -> String {
        let Refusal {
            from,
            host,
            address,
            reply,
            ..
        } = self.refusal;
        let (recipient, date) = (self.recipient, self.bounced().to_rfc2822());
        format!(
            r#"Return-path: <>
Date: {date}
X-Failed-Recipients: {recipient}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@mail.hosting.example.jp>
To: {from}
Subject: Mail delivery failed: returning message to sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="{id}-eximdsn"
Message-Id: <back.{id}>

--{id}-eximdsn
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {recipient}
    host {host} [{address}]
    SMTP error from remote mail server after RCPT TO:<{recipient}>:
    {reply}

--{id}-eximdsn
Content-type: message/delivery-status

Reporting-MTA: dns; mail.hosting.example.jp

Action: failed
Final-Recipient: rfc822;{recipient}
Status: 5.0.0
Remote-MTA: dns; {host}
Diagnostic-Code: smtp; {reply}

--{id}-eximdsn
Content-type: message/rfc822

Return-path: <{from}>
{original}
honbun

--{id}-eximdsn--
"#,
            id = self.id,
            original = self.original(),
        )
    }
}

/// Lines of at most 78 characters, continued by four spaces, as Postfix folds its reports.
fn folded(text: &str) -> String {
    let mut folded = String::new();
    let mut width = 0;
    for word in text.split(' ') {
        if width > 0 && width + 1 + word.len() > 78 {
            folded.push_str("\n    ");
            width = 4;
        } else if width > 0 {
            folded.push(' ');
            width += 1;
        }
        folded.push_str(word);
        width += word.len();
    }
    folded
}
