"""Mails that are no bounces, some of which look like one from far away."""

from email.header import Header
from email.utils import format_datetime

PLAIN = [
    ("yamada@kokyaku.example.jp", "見積りのお願い", "お世話になっております。見積りをお願いいたします。"),
    ("news@tsushin.example.com", "今週のお知らせ", "新しい記事が三本あります。"),
    ("order@shop.example.jp", "ご注文ありがとうございます", "ご注文番号 4412 を承りました。"),
    ("sato@kaisha.example.co.jp", "Re: 打ち合わせ", "来週の火曜日でお願いします。"),
    (
        "suzuki@kaisha.example.co.jp",
        "Re: メールが届きません",
        "先方の管理者は「550 5.7.1 ... blocked using zen.spamhaus.org」と言っていました。どういう意味でしょうか。",
    ),
    ("alerts@monitor.example.net", "Undelivered parcel: please confirm", "Your parcel could not be delivered to the door."),
]


def mail(sender, subject, body, moment, serial):
    return f"""\
Return-Path: <{sender}>
Date: {format_datetime(moment)}
From: {sender}
To: postmaster@hosting.example.jp
Subject: {Header(subject, 'utf-8').encode()}
Message-ID: <{serial}.{int(moment.timestamp())}@{sender.split('@')[1]}>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

{body}
"""


def read_receipt(moment, serial):
    """RFC 8098: multipart/report too, but about reading, not delivering."""
    return f"""\
Return-Path: <sato@kaisha.example.co.jp>
Date: {format_datetime(moment)}
From: sato@kaisha.example.co.jp
To: taro@shop.example.jp
Subject: Disposition notification
Message-ID: <mdn{serial}@kaisha.example.co.jp>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=disposition-notification; boundary="mdn"

--mdn
Content-Type: text/plain; charset=us-ascii

The message sent to sato@kaisha.example.co.jp was displayed.

--mdn
Content-Type: message/disposition-notification

Reporting-UA: pc; SomeMailer 3.1
Final-Recipient: rfc822;sato@kaisha.example.co.jp
Original-Message-ID: <{serial}@shop.example.jp>
Disposition: manual-action/MDN-sent-manually; displayed

--mdn--
"""


def ordinary_mails(world, count):
    mails = []
    for serial in range(count):
        moment = world.moment(19, 0.1)
        if serial % 9 == 8:
            mails.append((read_receipt(moment, serial), moment))
        else:
            mails.append((mail(*PLAIN[serial % len(PLAIN)], moment, serial), moment))
    return mails
