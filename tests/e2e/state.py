#!/usr/bin/env python3
"""Prints what an IMAP server says of every mail: folder, UIDVALIDITY, UID, flags, arrival, size. Opens nothing for writing.

    state.py PORT CA_FILE USER        the password comes on stdin
"""

import imaplib
import ssl
import sys

port, ca_file, user = sys.argv[1:4]
password = sys.stdin.readline().rstrip("\n")
with imaplib.IMAP4_SSL("localhost", int(port), ssl_context=ssl.create_default_context(cafile=ca_file)) as server:
    server.login(user, password)
    for folder in sorted(line.rsplit(b' "/" ', 1)[1].decode() for line in server.list()[1]):
        server.select(folder if folder.startswith('"') else f'"{folder}"', readonly=True)
        validity, count = server.response("UIDVALIDITY")[1][0].decode(), int(server.untagged_responses.get("EXISTS", [b"0"])[0])
        print(folder, validity)
        for line in server.uid("FETCH", "1:*", "(FLAGS INTERNALDATE RFC822.SIZE)")[1] if count else []:
            print(line.decode())
