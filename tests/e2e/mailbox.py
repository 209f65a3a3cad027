#!/usr/bin/env python3
"""Fills a Maildir with 200 mails and says what a scan of it must find.

    mailbox.py fill MAILDIR TRUTH NOW    200 mails; TRUTH gets groups.csv, checks.csv, counts.json and zones.json
    mailbox.py add MAILDIR NOW           five bounces more in INBOX

NOW is seconds since 1970. Nothing here has seen bounceaudit: the tables are computed from the refusals that the mails
were made of, by the words of the manual. The mails are written as Postfix 3, qmail 1.03, sendmail 8 and Exim 4 write them.
"""

import csv
import json
import os
import random
import sys
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path

from mtas import exim, forwarded, postfix, postmaster_copy, qmail, sendmail
from others import ordinary_mails

JST = timezone(timedelta(hours=9))
FOLDERS = {"INBOX": "", "Junk": ".Junk", "エラーメール": ".&MKgw6TD8MOEw,DDr-"}
COLUMNS = (
    "blocked_ip receiving_domain provider reasons blocklists codes ours messages recipients senders first_sent last_sent "
    "first_bounced last_bounced max_delay_seconds late late_cause delayed state listed_now zones_listed ptr owner "
    "who_may_ask removal sample_reply"
).split()


@dataclass(frozen=True)
class Refusal:
    """One way of being refused: who says what to which of our addresses."""

    reply: str
    command: str
    remote_host: str
    remote_ip: str
    status: str
    reason: str
    blocked_ip: str = ""
    blocklist: str = ""
    code: str = ""
    removal: str = ""
    provider: str = ""
    who_may_ask: str = "unknown"


@dataclass
class Bounce:
    """What happened: one original, refused for one or more recipients."""

    refusal: Refusal
    recipients: list
    sender: str
    original_id: str
    sent: datetime
    bounced: datetime
    mta: str
    action: str = "failed"
    subject: str = "お見積りの件"
    followed_by_failure: bool = False


@dataclass
class Group:
    """A row of the table, as the manual describes it."""

    failures: list = field(default_factory=list)
    notices: list = field(default_factory=list)


ZEN = "https://www.spamhaus.org/query/ip/"
S3150 = (
    "550 5.7.1 Unfortunately, messages from [{ip}] weren't sent. Please contact your Internet service provider since part "
    "of their network is on our block list (S3150). You can also refer your provider to "
    "http://mail.live.com/mail/troubleshooting.aspx#errors. [VI1EUR04FT031.eop-eur04.prod.protection.outlook.com]"
)


def zen(ip, command="RCPT", host="mx1.kaisha.example.co.jp", remote="203.0.113.20"):
    reply = f"554 5.7.1 Service unavailable; Client host [{ip}] blocked using zen.spamhaus.org; {ZEN}{ip}"
    status = "4.7.1" if command == "CONN" else "5.7.1"
    return Refusal(reply, command, host, remote, status, "blocked", ip, "spamhaus-zen", "", ZEN + ip, "", "ip-owner")


def microsoft_by_spamhaus(ip, host, remote, command, code):
    reply = (
        f"550 5.7.1 Service unavailable, Client host [{ip}] blocked using Spamhaus. To request removal from this list see "
        f"{ZEN}{ip} ({code}). [TY2JPN01FT010.eop-JPN01.prod.protection.outlook.com]"
    )
    provider = "Microsoft 365" if host else ""
    return Refusal(
        reply, command, host, remote, "5.7.1", "blocked", ip, "spamhaus", code, ZEN + ip, provider, "ip-owner"
    )


# What is refused, with the words as they were seen, and what each means by the catalogue's facts.
ZEN_10 = zen("192.0.2.10")
ZEN_10_GREETING = zen("192.0.2.10", "CONN", "mx.torihiki.example.or.jp", "203.0.113.21")
ZEN_V6 = zen("2001:db8::25", "RCPT", "mx6.univ.example.ac.jp", "2001:db8:1::19")
M365_10 = microsoft_by_spamhaus("192.0.2.10", "", "203.0.113.25", "MAIL", "AS3130")
M365_185 = microsoft_by_spamhaus(
    "192.0.2.185", "univ-example-ac-jp01i.mail.protection.outlook.com", "203.0.113.26", "DATA", "AS16012611"
)
OUTLOOK_99 = Refusal(
    S3150.format(ip="192.0.2.99"), "MAIL", "portal.pamx1.hotmail.com", "203.0.113.111", "5.7.1", "blocked", "192.0.2.99",
    "microsoft-outlook", "S3150", "http://mail.live.com/mail/troubleshooting.aspx#errors", "Outlook.com", "ip-owner",
)
GMO_77 = Refusal(
    "554 5.7.1 Service unavailable; Client host [192.0.2.77] blocked using gmo-rbl.jp; Poor Reputation Sender", "CONN",
    "mx.receiver.example.net", "203.0.113.80", "4.7.1", "blocked", "192.0.2.77", "gmo-rbl", "", "", "", "sender",
)
OPEN_RESOLVER = Refusal(
    "554 5.7.1 Service unavailable; Client host [192.0.2.99] blocked using zen.spamhaus.org; Error: open resolver; "
    "https://check.spamhaus.org/returnc/pub/198.51.100.53/", "RCPT", "mx.small.example.net", "203.0.113.9", "5.7.1",
    "receiver-fault", "192.0.2.99", "spamhaus-zen", "", "", "",
    "receiver",
)
SPAMCOP_60 = Refusal(
    "550 5.7.1 Service unavailable; Client host [192.0.2.60] blocked using bl.spamcop.net; Blocked - see "
    "https://www.spamcop.net/bl.shtml?192.0.2.60", "RCPT", "mail.shinbun.example.jp", "203.0.113.60", "5.7.1", "blocked",
    "192.0.2.60", "spamcop", "", "https://www.spamcop.net/bl.shtml?192.0.2.60", "", "nobody",
)
BLOCKLIST_1 = Refusal(
    "550 5.7.1 Service unavailable; Client host [192.0.2.44] blocked using Blocklist 1, mail from IP banned; To request "
    "removal from this list please forward this message to delist@messaging.microsoft.com and include your ip address "
    "192.0.2.44 .", "RCPT", "", "203.0.113.4", "5.7.1", "blocked", "192.0.2.44", "microsoft-365", "",
    "mailto:delist@messaging.microsoft.com", "", "sender",
)
NO_USER = Refusal(
    "550 5.1.1 <{rcpt}>: Recipient address rejected: User unknown in virtual mailbox table", "RCPT",
    "mx1.kaisha.example.co.jp", "203.0.113.20", "5.1.1", "user-unknown",
)
FULL = Refusal("552 5.2.2 <{rcpt}>: Mailbox full", "RCPT", "mx.daigaku.example.ac.jp", "203.0.113.31", "5.2.2", "mailbox-full")

# What the DNS of the test says: zone -> address -> answer. Test entries (RFC 5782 §5) are the zone's own business.
ZONES = {
    "zen.spamhaus.org": {"192.0.2.10": "127.0.0.3", "2001:db8::25": "127.0.0.3"},
    "bl.spamcop.net": {},
    "gmo-rbl.jp": {"192.0.2.77": "127.0.0.2"},
}
NO_TEST_ENTRY = {"gmo-rbl.jp"}
IPV4_ONLY = {"bl.spamcop.net", "gmo-rbl.jp"}
REFUSING = "b.barracudacentral.org"
LIST_OF = {"zen.spamhaus.org": "spamhaus-zen", "bl.spamcop.net": "spamcop", "gmo-rbl.jp": "gmo-rbl", REFUSING: "barracuda"}
TEXT = "listed for this test"
ZONES_OF = {"spamhaus": "zen.spamhaus.org", "spamhaus-zen": "zen.spamhaus.org", "spamcop": "bl.spamcop.net", "gmo-rbl": "gmo-rbl.jp"}
NAMES = {"192.0.2.10": "mx1.hosting.example.jp", "192.0.2.77": "sv77.hosting.example.jp", "2001:db8::25": "mx6.hosting.example.jp"}
OURS = ("192.0.2.0/25", "2001:db8::/64")
NOT_OURS = {"192.0.2.185"}


class World:
    """Makes things happen on days before `now`."""

    def __init__(self, now, seed=20261122):
        self.now = now
        self.dice = random.Random(seed)
        self.count = 0

    def moment(self, oldest_days, newest_days):
        span = timedelta(days=oldest_days - newest_days).total_seconds()
        return (self.now - timedelta(days=oldest_days, seconds=-self.dice.randrange(int(span)))).replace(microsecond=0)

    def refuse(self, refusal, addresses, mta, senders, *, delay=None, recipients=1, oldest=19, newest=7, action="failed"):
        self.count += 1
        sender = self.dice.choice(senders)
        sent = self.moment(oldest, newest)
        delay = delay or timedelta(seconds=self.dice.randrange(1, 90))
        domain = sender.split("@")[1]
        return Bounce(
            refusal, self.dice.sample(addresses, recipients), sender, f"{sent:%Y%m%d}.{self.count:04}@{domain}", sent,
            sent + delay, mta, action,
        )


def people(domain, *names):
    return [f"{name}@{domain}" for name in names]


def what_happened(world):
    """The bounces of three weeks, each once."""
    shop = ["taro@shop.example.jp", "hanako@shop.example.jp", "web@studio.example.jp"]
    kaisha = people("kaisha.example.co.jp", "info", "sato", "suzuki", "tanaka")
    outlook = people("outlook.example.jp", "hanako", "jiro", "saburo")
    happened = []

    def some(count, *args, **more):
        happened.extend(world.refuse(*args, **more) for _ in range(count))

    some(30, ZEN_10, kaisha, "postfix", shop)
    some(4, ZEN_10, kaisha, "postfix", shop, recipients=2)
    some(18, M365_10, outlook, "qmail", shop)
    some(12, ZEN_10_GREETING, people("torihiki.example.or.jp", "client", "keiri"), "qmail", shop, delay=timedelta(days=7, seconds=2))
    canary = people("canary.example.com", "cc", "dd")
    some(16, GMO_77, canary, "postfix", ["eigyo@iimono.example.jp"], delay=timedelta(days=5, seconds=300))
    some(14, OUTLOOK_99, people("portal.example.jp", "client", "staff"), "postfix", shop)
    some(10, M365_185, people("univ.example.ac.jp", "sensei", "kyoju"), "sendmail", ["client@torihiki.example.or.jp"])
    some(8, ZEN_V6, people("univ.example.ac.jp", "sensei", "jimu"), "postfix", shop)
    some(5, OPEN_RESOLVER, people("small.example.net", "c", "d"), "postfix", shop)
    some(8, SPAMCOP_60, people("shinbun.example.jp", "desk", "shakai"), "exim", shop)
    some(4, BLOCKLIST_1, ["name@myclient.example.com"], "qmail", ["admin@www.systemhost.example.jp"])
    some(14, NO_USER, kaisha, "postfix", shop)
    some(5, FULL, people("daigaku.example.ac.jp", "ono", "kato"), "sendmail", shop)
    # Two delay notices whose failures came (the last two of gmo-rbl), and one that still waits.
    for failure in [b for b in happened if b.refusal is GMO_77][-2:]:
        notice = Bounce(**{**vars(failure), "action": "delayed", "bounced": failure.sent + timedelta(hours=4, seconds=7)})
        notice.followed_by_failure = True
        happened.append(notice)
    waiting = world.refuse(GMO_77, canary, "postfix", ["eigyo@iimono.example.jp"], delay=timedelta(hours=4), action="delayed", oldest=3, newest=2)
    happened.append(waiting)
    return happened


def written(bounce):
    return {"postfix": postfix, "qmail": qmail, "sendmail": sendmail, "exim": exim}[bounce.mta](bounce)


def deliver(maildir, folder, text, received, flags, serial):
    """One file of a Maildir; what has flags or was seen by a client lies in cur. INTERNALDATE is the file's time."""
    box = Path(maildir, FOLDERS[folder])
    for part in ("cur", "new", "tmp"):
        (box / part).mkdir(parents=True, exist_ok=True)
    if FOLDERS[folder]:
        (box / "maildirfolder").touch()
    name = f"{int(received.timestamp())}.M{serial:06}P1.mail.hosting.example.jp"
    path = box / "new" / name if flags is None else box / "cur" / f"{name}:2,{flags}"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    os.utime(path, (received.timestamp(), received.timestamp()))


def fill(maildir, truth, now):
    world = World(now)
    happened = what_happened(world)
    mails = [(written(bounce), bounce.bounced) for bounce in happened]
    copies = world.dice.sample(range(len(happened)), 12)
    places = ["INBOX"] * len(mails)
    for index in range(len(mails)):
        places[index] = world.dice.choices(["INBOX", "Junk", "エラーメール"], [6, 2, 3])[0]
    # The same mail in two folders.
    for index in copies:
        places.append(next(name for name in FOLDERS if name != places[index]))
        mails.append(mails[index])
    # A customer forwards the direct one's twin, as an attachment or in the text; a postmaster's copy.
    single = [b for b in happened if b.action == "failed" and len(b.recipients) == 1]
    for number, bounce in enumerate(world.dice.sample([b for b in single if b.mta in ("postfix", "qmail")], 6)):
        mails.append((forwarded(bounce, written(bounce), inline=number % 2 == 0), bounce.bounced + timedelta(hours=3)))
        places.append("INBOX")
    # Its copy is a second younger. Which of the two is kept is nobody's business, so none at the edge of its group is taken.
    inner = sorted((b for b in single if b.refusal is ZEN_10), key=lambda b: b.bounced)[4:-4]
    for bounce in sorted(inner, key=lambda b: b.bounced - b.sent)[:4]:
        mails.append((postmaster_copy(bounce), bounce.bounced + timedelta(seconds=1)))
        places.append("エラーメール")
    rest = ordinary_mails(world, 200 - len(mails))
    places.extend(world.dice.choices(["INBOX", "Junk"], [3, 1], k=len(rest)))
    mails.extend(rest)
    assert len(mails) == 200
    order = sorted(range(200), key=lambda index: mails[index][1])
    for serial, index in enumerate(order):
        flags = world.dice.choice([None, "", "S", "S", "RS", "FS"])
        deliver(maildir, places[index], mails[index][0], mails[index][1], flags, serial)
    Path(truth).mkdir(parents=True, exist_ok=True)
    write_groups(Path(truth, "groups.csv"), happened)
    write_checks(Path(truth, "checks.csv"), happened)
    counts = {"mails": 200, "events": len([1 for b in happened for _ in b.recipients]), "folders": {name: places.count(name) for name in FOLDERS}}
    Path(truth, "counts.json").write_text(json.dumps(counts, ensure_ascii=False, indent=1))
    dns = {"zones": ZONES, "no_test_entry": sorted(NO_TEST_ENTRY), "refusing": REFUSING, "names": NAMES, "own": OURS}
    Path(truth, "zones.json").write_text(json.dumps(dns, indent=1))


def add(maildir, now):
    """Five originals that were refused in the last hour, by a receiver of their own."""
    world = World(now, seed=5)
    refusal = zen("192.0.2.10", "RCPT", "mx.atarashii.example.jp", "203.0.113.77")
    for serial in range(5):
        bounce = world.refuse(refusal, [f"n{serial}@atarashii.example.jp"], "postfix", ["taro@shop.example.jp"], oldest=0.04, newest=0.01)
        deliver(maildir, "INBOX", written(bounce), now, None, 1000 + serial)


def listed_now(group, ip):
    """yes, no or unknown, and the zones that say yes."""
    lists = {f.refusal.blocklist for f in group.failures}
    zones = {ZONES_OF[name] for name in lists if name in ZONES_OF}
    saying_yes = sorted(zone for zone in zones if ip in ZONES[zone])
    if saying_yes:
        return "yes", saying_yes
    if lists - set(ZONES_OF) or zones & NO_TEST_ENTRY or (":" in ip and zones & IPV4_ONLY):
        return "unknown", []
    return "no", []


def state(group, listed):
    """On a first run, which takes a refusal of the last fortnight to be going on where no list can be asked."""
    if all(f.refusal.reason == "receiver-fault" for f in group.failures):
        return "receiver-fault"
    return {"yes": "ongoing", "no": "cleared", "unknown": "ongoing"}[listed]


def late_cause(late):
    if not late:
        return ""
    return "queue-expired-at-connect" if all(b.refusal.command == "CONN" for b in late) else "unknown"


def words(values):
    return " ".join(sorted({value for value in values if value}))


def utc(moment):
    return moment.astimezone(timezone.utc).isoformat()


def row(ip, domain, group):
    """What stands for a mail is its failure, or the delay notice as long as no failure has come."""
    failures = sorted(group.failures, key=lambda b: b.bounced)
    newest = failures[-1].refusal
    counted = failures + group.notices
    late = [b for b in failures if b.bounced - b.sent > timedelta(hours=24)]
    listed, zones = listed_now(group, ip)
    mine = [(b, r) for b in counted for r in b.recipients if r.split("@")[1] == domain]
    return {
        "blocked_ip": ip,
        "receiving_domain": domain,
        "provider": words(b.refusal.provider for b in counted),
        "reasons": words(b.refusal.reason for b in counted),
        "blocklists": words(b.refusal.blocklist for b in counted),
        "codes": words(b.refusal.code for b in counted),
        "ours": "no" if ip in NOT_OURS else "yes",
        "messages": len({b.original_id for b in counted}),
        "recipients": len({r for _, r in mine}),
        "senders": words(b.sender.split("@")[1] for b in counted),
        "first_sent": utc(min(b.sent for b in counted)),
        "last_sent": utc(max(b.sent for b in counted)),
        "first_bounced": utc(min(b.bounced for b in counted)),
        "last_bounced": utc(max(b.bounced for b in counted)),
        "max_delay_seconds": max(int((b.bounced - b.sent).total_seconds()) for b in counted),
        "late": len({b.original_id for b in late}),
        "late_cause": late_cause(late),
        "delayed": len({b.original_id for b in group.notices}),
        "state": state(group, listed),
        "listed_now": listed,
        "zones_listed": " ".join(zones),
        "ptr": NAMES.get(ip, ""),
        "owner": "",
        "who_may_ask": newest.who_may_ask,
        "removal": newest.removal,
        "sample_reply": newest.reply,
    }


def write_groups(path, happened):
    groups = {}
    for bounce in happened:
        if not bounce.refusal.blocked_ip or bounce.followed_by_failure:
            continue
        for domain in {r.split("@")[1] for r in bounce.recipients}:
            group = groups.setdefault((bounce.refusal.blocked_ip, domain), Group())
            (group.notices if bounce.action == "delayed" else group.failures).append(bounce)
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        for (ip, domain), group in sorted(groups.items()):
            table.writerow(row(ip, domain, group))


def write_checks(path, happened):
    """Each blocked address in each zone that was asked."""
    addresses = sorted({b.refusal.blocked_ip for b in happened if b.refusal.blocked_ip})
    with open(path, "w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["ip", "zone", "blocklist", "result", "codes", "text"])
        for ip in addresses:
            for zone, listed in ZONES.items():
                if ":" in ip and zone in IPV4_ONLY:
                    continue
                silent = "error" if zone in NO_TEST_ENTRY else "not-listed"
                answer = ["listed", listed[ip], TEXT] if ip in listed else [silent, "", ""]
                table.writerow([ip, zone, LIST_OF[zone], *answer])
            if ":" not in ip:
                table.writerow([ip, REFUSING, LIST_OF[REFUSING], "refused", "127.255.255.254", ""])


def main(arguments):
    if arguments[:1] == ["fill"] and len(arguments) == 4:
        fill(arguments[1], arguments[2], datetime.fromtimestamp(int(arguments[3]), JST))
    elif arguments[:1] == ["add"] and len(arguments) == 3:
        add(arguments[1], datetime.fromtimestamp(int(arguments[2]), JST))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
