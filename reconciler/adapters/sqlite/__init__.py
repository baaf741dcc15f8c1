"""The host's ledger on one SQLite file."""

from __future__ import annotations

from reconciler.adapters.sqlite.ledger import SqliteLedger

__all__ = ["SqliteLedger"]
