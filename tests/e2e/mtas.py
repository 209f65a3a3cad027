"""Bounces as real mail servers write them, of what `mailbox.py` says has happened."""

import base64
import textwrap
from datetime import timedelta, timezone
from email.header import Header
from email.utils import format_datetime

UTC = timezone.utc


def folded(text, first="", rest="    ", width=78):
    return textwrap.fill(
        text, width, initial_indent=first, subsequent_indent=rest, break_long_words=False, break_on_hyphens=False
    )


def original(bounce, *, body=True, charset="utf-8"):
    head = [
        f"Received: from pc (pc.{bounce.sender.split('@')[1]} [198.51.100.7])",
        "\tby sv.hosting.example.jp (Postfix) with ESMTPSA id 4JNpQ11111z",
        f"\tfor <{bounce.recipients[0]}>; {format_datetime(bounce.sent)} (JST)",
        f"Date: {format_datetime(bounce.sent)}",
        f"From: {bounce.sender}",
        f"To: {', '.join(bounce.recipients)}",
        f"Subject: {Header(bounce.subject, charset).encode()}",
        f"Message-ID: <{bounce.original_id}>",
    ]
    return "\n".join(head) + ("\n\nhonbun\n" if body else "\n")


def said(bounce, recipient):
    return bounce.refusal.reply.format(rcpt=recipient) if "{rcpt}" in bounce.refusal.reply else bounce.refusal.reply


def in_postfix_words(bounce, recipient):
    """`host mx[192.0.2.1] said: 550 ... (in reply to RCPT TO command)` (Postfix, smtp_chat.c and smtp_proto.c)."""
    refusal = bounce.refusal
    host = f"host {refusal.remote_host}[{refusal.remote_ip}]"
    if refusal.command == "CONN":
        return f"<{recipient}>: {host} refused to talk to me: {said(bounce, recipient)}"
    command = {"MAIL": "MAIL FROM", "RCPT": "RCPT TO", "DATA": "end of DATA"}[refusal.command]
    return f"<{recipient}>: {host} said: {said(bounce, recipient)} (in reply to {command} command)"


WARNING = """\
####################################################################
# THIS IS A WARNING ONLY.  YOU DO NOT NEED TO RESEND YOUR MESSAGE. #
####################################################################

Your message could not be delivered for more than 4 hour(s).
It will be retried until it is 5 day(s) old.
"""
SORRY = """\
I'm sorry to have to inform you that your message could not
be delivered to one or more recipients. It's attached below.
"""


def postfix(bounce, *, to=None, subject=None, moment=None):
    host, mark = "sv100.hosting.example.jp", f"4JNp{bounce.original_id[9:13]}.{int(bounce.bounced.timestamp())}/sv100.hosting.example.jp"
    moment = moment or bounce.bounced
    delayed = bounce.action == "delayed"
    subject = subject or ("Delayed Mail (still being retried)" if delayed else "Undelivered Mail Returned to Sender")
    words = "\n\n".join(folded(in_postfix_words(bounce, recipient)) for recipient in bounce.recipients)
    reports = []
    for recipient in bounce.recipients:
        report = [
            f"Final-Recipient: rfc822; {recipient}",
            f"Original-Recipient: rfc822;{recipient}",
            f"Action: {bounce.action}",
            f"Status: {bounce.refusal.status}",
            f"Remote-MTA: dns; {bounce.refusal.remote_host}",
            folded(f"Diagnostic-Code: smtp; {said(bounce, recipient)}"),
        ]
        if delayed:
            report.append(f"Will-Retry-Until: {format_datetime(bounce.sent + timedelta(days=5))} (JST)")
        reports.append("\n".join(report) + "\n")
    returned = "text/rfc822-headers" if delayed or to else "message/rfc822"
    return f"""\
Return-Path: <>
Delivered-To: {to or bounce.sender}
Received: by {host} (Postfix)
\tid 4JNpQ22222z; {format_datetime(moment)} (JST)
Date: {format_datetime(moment)} (JST)
From: MAILER-DAEMON@{host} (Mail Delivery System)
Subject: {subject}
To: {to or bounce.sender}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="{mark}"
Content-Transfer-Encoding: 8bit
Message-Id: <{moment:%Y%m%d%H%M%S}.{bounce.original_id[9:13]}.{'p' if to else 'd'}@{host}>

This is a MIME-encapsulated message.

--{mark}
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host {host}.

{WARNING if delayed else SORRY}
For further assistance, please send mail to postmaster.

If you do so, please include this problem report. You can
delete your own text from the attached returned message.

                   The mail system

{words}

--{mark}
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; {host}
X-Postfix-Queue-ID: 4JNpQ11111z
X-Postfix-Sender: rfc822; {bounce.sender}
Arrival-Date: {format_datetime(bounce.sent)} (JST)

{chr(10).join(reports)}
--{mark}
Content-Description: Undelivered Message{' Headers' if returned.startswith('text') else ''}
Content-Type: {returned}

{original(bounce, body=returned == 'message/rfc822')}
--{mark}--
"""


def postmaster_copy(bounce):
    """notify_classes = bounce: the same report to the postmaster, a second later, with the headers alone."""
    return postfix(
        bounce, to="postmaster@hosting.example.jp", subject="Postmaster Copy: Undelivered Mail",
        moment=bounce.bounced + timedelta(seconds=1),
    )


def qmail(bounce):
    refusal, when = bounce.refusal, bounce.bounced.astimezone(UTC)
    paragraphs = []
    for recipient in bounce.recipients:
        reply = said(bounce, recipient)
        if refusal.command == "CONN":
            words = (
                f"Connected to {refusal.remote_ip} but greeting failed.\nRemote host said: {reply}\n"
                "I'm not going to try again; this message has been in the queue too long."
            )
        elif refusal.command == "MAIL":
            words = f"Connected to {refusal.remote_ip} but sender was rejected.\nRemote host said: {reply}"
        else:
            words = f"{refusal.remote_ip} does not like recipient.\nRemote host said: {reply}\nGiving up on {refusal.remote_ip}."
        paragraphs.append(f"<{recipient}>:\n{words}\n")
    date = f"{when.day} {when:%b %Y %H:%M:%S} -0000"
    return f"""\
Return-Path: <>
Received: (qmail 22345 invoked for bounce); {date}
Date: {date}
From: MAILER-DAEMON@mx.hosting.example.jp
To: {bounce.sender}
Subject: failure notice

Hi. This is the qmail-send program at mx.hosting.example.jp.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

{chr(10).join(paragraphs)}
--- Below this line is a copy of the message.

Return-Path: <{bounce.sender}>
{original(bounce, charset='iso-2022-jp')}"""


def sendmail(bounce):
    host, mark = "www1.hosting.example.jp", f"wAJ7a{bounce.original_id[9:13]}.{int(bounce.bounced.timestamp())}/www1.hosting.example.jp"
    refusal, recipient = bounce.refusal, bounce.recipients[0]
    reply = said(bounce, recipient)
    command = {"DATA": ">>> DATA", "RCPT": f">>> RCPT To:<{recipient}>", "MAIL": f">>> MAIL From:<{bounce.sender}>"}[refusal.command]
    short = reply if len(reply) < 100 else f"{reply[:92]}...{reply[-92:]}"
    return f"""\
Return-Path: <MAILER-DAEMON@{host}>
Received: from localhost (localhost)
\tby {host} (8.15.2/8.15.2) id wAJ7aP01012345;
\t{format_datetime(bounce.bounced)} (JST)
Date: {format_datetime(bounce.bounced)} (JST)
From: Mail Delivery Subsystem <MAILER-DAEMON@{host}>
Message-Id: <{bounce.bounced:%Y%m%d%H%M}.{bounce.original_id[9:13]}@{host}>
To: <{bounce.sender}>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="{mark}"
Subject: Returned mail: see transcript for details
Auto-Submitted: auto-generated (failure)

This is a MIME-encapsulated message

--{mark}

The original message was received at {format_datetime(bounce.sent)} (JST)
from fsav401.hosting.example.jp [198.51.100.100]

   ----- The following addresses had permanent fatal errors -----
<{recipient}>
    (reason: {short})

   ----- Transcript of session follows -----
... while talking to {refusal.remote_host}.:
{command}
<<< {reply}
554 5.0.0 Service unavailable

--{mark}
Content-Type: message/delivery-status

Reporting-MTA: dns; {host}
Received-From-MTA: DNS; fsav401.hosting.example.jp
Arrival-Date: {format_datetime(bounce.sent)} (JST)

Final-Recipient: RFC822; {recipient}
Action: failed
Status: {refusal.status}
Remote-MTA: DNS; {refusal.remote_host}
Diagnostic-Code: SMTP; {reply}
Last-Attempt-Date: {format_datetime(bounce.bounced)} (JST)

--{mark}
Content-Type: text/rfc822-headers

{original(bounce, body=False)}
--{mark}--
"""


def exim(bounce):
    host, mark = "mail.hosting.example.jp", f"{int(bounce.bounced.timestamp())}-eximdsn-{bounce.original_id[9:13]}"
    refusal, recipient = bounce.refusal, bounce.recipients[0]
    reply = said(bounce, recipient)
    return f"""\
Return-path: <>
Envelope-to: {bounce.sender}
Delivery-date: {format_datetime(bounce.bounced)}
Received: from mail by {host} with local (Exim 4.96)
\tid 1pK9xz-000abc-{bounce.original_id[11:13]}
\tfor {bounce.sender};
\t{format_datetime(bounce.bounced)}
X-Failed-Recipients: {recipient}
Auto-Submitted: auto-replied
From: Mail Delivery System <Mailer-Daemon@{host}>
To: {bounce.sender}
References: <{bounce.original_id}>
Content-Type: multipart/report; report-type=delivery-status; boundary={mark}
MIME-Version: 1.0
Subject: Mail delivery failed: returning message to sender
Message-Id: <E1pK9xz-{bounce.original_id[9:13]}@{host}>
Date: {format_datetime(bounce.bounced)}

--{mark}
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

A message that you sent could not be delivered to one or more of its
recipients. This is a permanent error. The following address(es) failed:

  {recipient}
    host {refusal.remote_host} [{refusal.remote_ip}]
    SMTP error from remote mail server after RCPT TO:<{recipient}>:
    {reply}

--{mark}
Content-type: message/delivery-status

Reporting-MTA: dns; {host}

Action: failed
Final-Recipient: rfc822;{recipient}
Status: 5.0.0
Remote-MTA: dns; {refusal.remote_host}
Diagnostic-Code: smtp; {reply}

--{mark}
Content-type: message/rfc822

Return-path: <{bounce.sender}>
{original(bounce)}
--{mark}--
"""


def forwarded(bounce, text, *, inline):
    """A customer sends the bounce on, hours later: pasted into the text, or as an attachment."""
    when = bounce.bounced + timedelta(hours=3)
    head = f"""\
Return-Path: <{bounce.sender}>
Date: {format_datetime(when)}
From: {bounce.sender}
To: postmaster@hosting.example.jp
MIME-Version: 1.0
Message-ID: <fwd.{bounce.original_id}>
"""
    asking = "エラーが返ってきました。調べていただけますか。"
    if not inline:
        return f"""\
{head}Subject: Fwd: {'failure notice' if bounce.mta == 'qmail' else 'Undelivered Mail Returned to Sender'}
Content-Type: multipart/mixed; boundary="fwd"

--fwd
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

{base64.b64encode(asking.encode()).decode()}

--fwd
Content-Type: message/rfc822
Content-Disposition: attachment; filename="bounce.eml"

{text}
--fwd--
"""
    lines = text.split("\n\n", 1)
    shown = {name: next(l for l in lines[0].split("\n") if l.startswith(name)) for name in ("Subject:", "Date:", "From:", "To:")}
    body = lines[1]
    if bounce.mta == "postfix":
        # A mail program shows the text part; report and original hang on as attachments that the customer leaves out.
        body = body.split("charset=us-ascii\n\n", 1)[1].split("\n--4JNp", 1)[0]
    return f"""\
{head}Subject: Fwd: {shown['Subject:'].split(': ', 1)[1]}
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

{asking}

-------- Forwarded Message --------
{shown['Subject:']}
{shown['Date:']}
{shown['From:']}
{shown['To:']}

{body}"""
