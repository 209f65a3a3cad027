#!/usr/bin/env python3
"""Copies a Maildir (Maildir++) to an IMAP server, each mail with the time of its file as INTERNALDATE.

    append.py MAILDIR PORT CA_FILE USER        the password comes on stdin
"""

import imaplib
import ssl
import sys
from pathlib import Path

maildir, port, ca_file, user = sys.argv[1:5]
password = sys.stdin.readline().rstrip("\n")


def mails(folder):
    files = [file for part in ("cur", "new") for file in (Path(folder) / part).iterdir()]
    return sorted(files, key=lambda file: (file.stat().st_mtime, file.name))


with imaplib.IMAP4_SSL("localhost", int(port), ssl_context=ssl.create_default_context(cafile=ca_file)) as server:
    server.login(user, password)
    folders = {"INBOX": maildir} | {path.name[1:]: path for path in Path(maildir).glob(".*") if (path / "cur").is_dir()}
    for name, path in folders.items():
        if name != "INBOX":
            assert server.create(f'"{name}"')[0] == "OK", name
        for file in mails(path):
            arrived = imaplib.Time2Internaldate(file.stat().st_mtime)
            answer, why = server.append(f'"{name}"', None, arrived, file.read_bytes())
            assert answer == "OK", (file, why)
