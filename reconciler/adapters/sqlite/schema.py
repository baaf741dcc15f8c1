"""The tables of the ledger, and the steps from each older version to this one.

A version is never edited after its release: a change is a new entry of MIGRATIONS, run inside one transaction.
`held.seq` grows with every write of a row and is never used twice, so it tells a changed row from an unchanged one.
`generation.stood` grows each time its wizard is seen to hold on it.
"""

from __future__ import annotations

APPLICATION_ID = 0x52434E4C
"""Marks the file as ours ("RCNL"), so that another program's database is not taken for a ledger."""

_VERSION_1 = """
CREATE TABLE held (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    body TEXT NOT NULL
) STRICT;
CREATE TABLE attic (wizard TEXT PRIMARY KEY, path TEXT NOT NULL, original TEXT NOT NULL) STRICT;
CREATE TABLE pause (wizard TEXT PRIMARY KEY, reason TEXT NOT NULL, since TEXT NOT NULL) STRICT;
CREATE TABLE generation (
    wizard TEXT NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (wizard, number)
) STRICT;
CREATE TABLE quarantine (
    wizard TEXT PRIMARY KEY,
    expansion TEXT NOT NULL,
    revision TEXT NOT NULL,
    reason TEXT NOT NULL,
    since TEXT NOT NULL,
    by_hand INTEGER NOT NULL
) STRICT;
CREATE TABLE start (key TEXT PRIMARY KEY, started REAL NOT NULL, proven INTEGER NOT NULL) STRICT;
CREATE TABLE repeat (key TEXT PRIMARY KEY, digest TEXT NOT NULL, count INTEGER NOT NULL) STRICT;
CREATE TABLE remembered (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE pass (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    ended REAL,
    revision TEXT NOT NULL,
    woken_by TEXT NOT NULL,
    result TEXT,
    summary TEXT NOT NULL
) STRICT;
CREATE TABLE entry (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pass_id INTEGER NOT NULL,
    at REAL NOT NULL,
    ended REAL,
    wizard TEXT,
    key TEXT NOT NULL,
    operation TEXT NOT NULL,
    action TEXT NOT NULL,
    revision TEXT NOT NULL,
    reason TEXT NOT NULL,
    fields TEXT NOT NULL,
    result TEXT,
    detail TEXT NOT NULL
) STRICT;
CREATE INDEX entry_by_wizard ON entry (wizard, id);
CREATE INDEX entry_by_pass ON entry (pass_id);
CREATE INDEX entry_open ON entry (id) WHERE result IS NULL;
CREATE INDEX pass_open ON pass (id) WHERE result IS NULL;
CREATE TABLE intent (
    entry_id INTEGER PRIMARY KEY,
    step TEXT NOT NULL,
    change TEXT NOT NULL,
    inventory TEXT NOT NULL
) STRICT;
"""

_VERSION_2 = """
CREATE TABLE presence (
    wizard TEXT NOT NULL,
    began REAL NOT NULL,
    ended REAL,
    state TEXT NOT NULL,
    PRIMARY KEY (wizard, began)
) STRICT;
CREATE INDEX presence_by_end ON presence (ended);
CREATE TABLE watch (one INTEGER PRIMARY KEY CHECK (one = 1), seen REAL NOT NULL) STRICT;
"""

_VERSION_3 = """
ALTER TABLE start ADD COLUMN soaks INTEGER NOT NULL DEFAULT 0;
ALTER TABLE start ADD COLUMN log INTEGER NOT NULL DEFAULT 0;
"""

_VERSION_4 = """
ALTER TABLE generation ADD COLUMN stood INTEGER NOT NULL DEFAULT 0;
ALTER TABLE generation ADD COLUMN rejected INTEGER NOT NULL DEFAULT 0;
UPDATE generation SET stood = number;
ALTER TABLE quarantine ADD COLUMN secrets TEXT NOT NULL DEFAULT '[]';
"""

_VERSION_5 = """
ALTER TABLE quarantine ADD COLUMN ring TEXT NOT NULL DEFAULT '';
ALTER TABLE quarantine ADD COLUMN follows TEXT NOT NULL DEFAULT '';
"""

_VERSION_6 = """
ALTER TABLE quarantine ADD COLUMN canary INTEGER NOT NULL DEFAULT 0;
ALTER TABLE quarantine ADD COLUMN fell INTEGER NOT NULL DEFAULT 0;
"""

_VERSION_7 = """
ALTER TABLE quarantine ADD COLUMN beside TEXT NOT NULL DEFAULT '';
"""

MIGRATIONS = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4, _VERSION_5, _VERSION_6, _VERSION_7)
"""MIGRATIONS[n] takes version n to n + 1."""
VERSION = len(MIGRATIONS)
TABLES = frozenset(
    {
        "held",
        "attic",
        "pause",
        "generation",
        "quarantine",
        "repeat",
        "start",
        "remembered",
        "pass",
        "entry",
        "intent",
        "presence",
        "watch",
    }
)
