"""The ledger on SQLite: the protocol's verbs as transactions of one file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Set
from contextlib import contextmanager
from pathlib import Path

from reconciler.adapters.sqlite import history, presence, trust
from reconciler.adapters.sqlite.database import Database
from reconciler.adapters.sqlite.failure import broken
from reconciler.adapters.sqlite.inventory import Inventory, record
from reconciler.errors import Terminal
from reconciler.plan.change import Change, Step
from reconciler.plan.held import Generation, Pause, Quarantine, Records, Repeat, Start
from reconciler.plan.presence import Uptime
from reconciler.protocols.clock import Clock
from reconciler.protocols.ledger import Entry, Intent, Pass, Result, Update


class SqliteLedger:
    """The host's memory in the file `path`, for any number of threads.

    Read-only, it never writes, may be used while a pass runs in another process, and a missing file is an empty ledger.
    `patience` is how many seconds a call waits for another process's transaction. Nothing is opened before first use.
    """

    def __init__(self, path: Path, clock: Clock, *, readonly: bool = False, patience: float = 10.0) -> None:
        self._clock = clock
        self._database = Database(path, readonly=readonly, patience=patience)
        self._inventory = Inventory()
        self._looks = presence.Looks()

    def records(self) -> Records:
        """The same object while nothing changed; an unchanged entry is the same `Held` for the life of the ledger."""
        with self._reading() as connection:
            if connection is None:
                return Records()
            return self._inventory.read(connection, self._database.opened)

    def begin(self, commit: str, trigger: str) -> int:
        """Also marks an earlier pass that never finished as interrupted."""
        with self._writing() as connection:
            return history.add_pass(connection, self._clock.now(), commit, trigger)

    def finish(self, pass_id: int, result: Result, summary: str) -> None:
        with self._writing() as connection:
            history.end_pass(connection, pass_id, self._clock.now(), result, summary)

    def close_passes(self) -> None:
        with self._reading() as connection:
            if connection is None or not history.has_open_pass(connection):
                return  # a pass with nothing to do writes nothing
        with self._writing() as connection:
            history.close_passes(connection)

    def intend(self, pass_id: int, commit: str, step: Step, change: Change, update: Update) -> int:
        intent = Intent(0, pass_id, step, change, update)
        with self._writing() as connection:
            return history.add_intent(connection, intent, self._clock.now(), commit)

    def settle(self, intent: int, result: Result, detail: str, update: Update) -> None:
        with self._writing() as connection:
            history.end_intent(connection, intent, self._clock.now(), result, detail)
            record(connection, update)
            self._inventory.touch()

    def note(self, pass_id: int, commit: str, wizard: str | None, key: str, text: str, *, told: bool = False) -> None:
        now, kind = self._clock.now(), "told" if told else "seen"
        entry = Entry(0, pass_id, now, now, wizard, key, kind, kind, commit, text, (), Result.DONE, "")
        with self._writing() as connection:
            history.add_entry(connection, entry)

    def open_intents(self) -> tuple[Intent, ...]:
        """Oldest first."""
        with self._reading() as connection:
            return history.open_intents(connection) if connection else ()

    def entries(self, wizard: str | None, limit: int, before: int | None = None) -> tuple[Entry, ...]:
        with self._reading() as connection:
            return history.entries(connection, wizard, limit, before) if connection else ()

    def entries_of(self, pass_id: int) -> tuple[Entry, ...]:
        with self._reading() as connection:
            return history.entries_of(connection, pass_id) if connection else ()

    def passes(self, limit: int, before: int | None = None) -> tuple[Pass, ...]:
        with self._reading() as connection:
            return history.passes(connection, limit, before) if connection else ()

    def pass_(self, pass_id: int) -> Pass | None:
        with self._reading() as connection:
            return history.pass_(connection, pass_id) if connection else None

    def pause(self, pause: Pause) -> None:
        with self._writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO pause (wizard, reason, since) VALUES (?, ?, ?)",
                (pause.wizard, pause.reason, pause.since),
            )
            self._inventory.touch()

    def resume(self, wizard: str) -> bool:
        with self._writing() as connection:
            self._inventory.touch()
            return connection.execute("DELETE FROM pause WHERE wizard = ?", (wizard,)).rowcount > 0

    def add_generation(self, generation: Generation) -> None:
        with self._writing() as connection:
            trust.add_generation(connection, generation)
            self._inventory.touch()

    def stand(self, wizard: str, number: int) -> None:
        with self._writing() as connection:
            trust.stand(connection, wizard, number)
            self._inventory.touch()

    def reject(self, wizard: str, numbers: Set[int]) -> None:
        with self._writing() as connection:
            trust.reject(connection, wizard, numbers)
            self._inventory.touch()

    def quarantine(self, quarantine: Quarantine) -> None:
        with self._writing() as connection:
            trust.add_quarantine(connection, quarantine)
            self._inventory.touch()

    def release(self, wizard: str) -> bool:
        with self._writing() as connection:
            self._inventory.touch()
            return trust.release(connection, wizard)

    def started(self, key: str, start: Start) -> None:
        with self._writing() as connection:
            trust.add_start(connection, key, start)
            self._inventory.touch()

    def repeat(self, repeats: Mapping[str, Repeat]) -> None:
        with self._writing() as connection:
            trust.replace_repeats(connection, repeats)
            self._inventory.touch()

    def get(self, name: str) -> str | None:
        with self._reading() as connection:
            if connection is None:
                return None
            row = connection.execute("SELECT value FROM remembered WHERE name = ?", (name,)).fetchone()
            return str(row[0]) if row else None

    def put(self, name: str, value: str) -> None:
        with self._writing() as connection:
            connection.execute("INSERT OR REPLACE INTO remembered (name, value) VALUES (?, ?)", (name, value))

    def presence(self, at: float, states: Mapping[str, str]) -> None:
        states = presence.watched(states)
        with self._reading() as connection:
            opened = self._database.opened
            seen = self._looks.seen(connection, opened) if connection else None
            if connection and not presence.due(connection, seen, at, states):
                self._looks.looked(opened, at)
                return
        with self._writing() as connection:
            seen = self._looks.seen(connection, self._database.opened)
            presence.look(connection, seen, at, states)
        self._looks.looked(self._database.opened, at)

    def uptime(self, wizard: str, since: float) -> Uptime:
        with self._reading() as connection:
            if connection is None:
                return Uptime()
            seen = self._looks.seen(connection, self._database.opened)
            return presence.read(connection, wizard, since, seen, self._clock.now())

    def close(self) -> None:
        """Idempotent; a later call opens the file again."""
        self._database.close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        try:
            with self._database.reading() as connection:
                yield connection
        except Terminal as error:
            if error.where:
                raise
            # A row that can't be read back is damage of this file.
            raise broken(self._database.path, error.what) from error

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._database.writing() as connection:
                yield connection
        except Terminal as error:
            raise Terminal(error.what, where=error.where or str(self._database.path), mend=error.mend) from error
