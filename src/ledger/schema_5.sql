-- The ledger, version 5: what a report counts stands with the events, so that it need not read all bodies.

-- JSON on one line. Its members are named as in the body, but: `mail` is `original:` with the Message-ID of the original, else
-- `bounce:` with that of the bounce, else the source; `sender` is the domain of the original's From; `digest` puts events in
-- an order that are alike in everything else.
ALTER TABLE events ADD COLUMN brief TEXT;
