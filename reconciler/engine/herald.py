"""Tells people what a pass came to: decides after each pass, and sends in a thread of its own.

`tell` never waits for anybody and never raises: what can't be sent is tried again with a backoff, for each address by
itself, until something newer on the same topic takes its place; a service that is away delays no pass and no other
service. What was told is remembered in the ledger when it is handed to the sender, so that a new process tells nothing
twice. Not done here: what there is to tell (plan/announce.py), how it travels (adapters/).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from threading import Condition, Event, Thread

from reconciler.engine.host import Host
from reconciler.engine.outbox import Letter, Outbox
from reconciler.engine.outcome import Outcome
from reconciler.engine.report import Report
from reconciler.engine.status import iso
from reconciler.errors import ReconcilerError
from reconciler.plan.announce import MEMORY, Memory, announce, drifted, remembered
from reconciler.plan.announcement import Announcement, Look, Manner
from reconciler.plan.status import HostStatus
from reconciler.protocols.events import Level
from reconciler.protocols.ledger import Result
from reconciler.protocols.notifier import Notifier, Undelivered
from reconciler.render.safe import plain, shorten

KEPT = "announced"
"""Name of the memory in the ledger."""
LATE = 300.0
"""Seconds from which on a message says when what it tells was seen."""
LONGEST = 3000
"""Characters of a message."""


class Herald:
    """Make it, `start` it, `tell` it of each pass from the thread that makes them, `close` it. Without addresses it
    does nothing at all."""

    def __init__(self, host: Host, notifier: Notifier, manner: Manner) -> None:
        self._host = host
        self._notifier = notifier
        self._manner = manner
        self._memory: Memory | None = None
        self._changed = Condition()
        self._outbox = Outbox(notifier.addresses)
        self._closing = Event()
        self._thread = Thread(target=self._run, name="herald", daemon=True)
        self.sent = 0
        """Messages that an address took."""
        self.failed = 0
        """Attempts that failed."""

    @property
    def dropped(self) -> int:
        """Messages that will not be sent any more: too many, too old, or to an address that is none."""
        return self._outbox.dropped

    @property
    def waiting(self) -> int:
        with self._changed:
            return self._outbox.waiting

    def start(self) -> None:
        """Looks first, in the sender's thread, whether the addresses can be used, and says which can't."""
        if self._notifier.addresses:
            self._thread.start()

    def tell(self, outcome: Outcome, status: HostStatus | None, trouble: str, report: Report | None = None) -> None:
        """A pass has ended. `status` is what was seen last, `report` what this pass reported unless it raised."""
        if not self._notifier.addresses or outcome in (Outcome.ABANDONED, Outcome.INTERRUPTED):
            return
        try:
            self._tell(look(self._host, outcome, status, trouble, report))
        except ReconcilerError as error:
            self._host.say(f"what was announced could not be remembered: {error}", level=Level.WARNING)
        except Exception as bug:  # noqa: BLE001 - an announcement must not fail a pass
            self._host.say(f"bug: nothing announced: {type(bug).__name__}: {bug}", level=Level.ERROR)

    def close(self, seconds: float = 3.0) -> None:
        """Sends what can be sent within so many seconds, to addresses that answer. Idempotent."""
        with self._changed:
            self._closing.set()
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(seconds)
        self._notifier.close()
        if self._thread.is_alive():
            self._thread.join(seconds)

    def _tell(self, seen: Look) -> None:
        ledger = self._host.ledger
        before = self._memory if self._memory is not None else remembered(ledger.get(KEPT))
        told, self._memory = announce(before, seen, self._manner)
        with self._changed:
            for announcement in told:
                self._outbox.add(self._safe(announcement), seen.at)
            self._changed.notify_all()
        if self._memory != before:
            ledger.put(KEPT, MEMORY.encode(self._memory))

    def _safe(self, one: Announcement) -> Announcement:
        """No secret, no control character, not too long."""
        lines = "\n".join(plain(line) for line in self._host.secrets.redact(one.body).split("\n"))
        title = plain(self._host.secrets.redact(one.title))
        return replace(one, title=shorten(title, 200), body=shorten(lines, LONGEST))

    # In a thread of its own

    def _run(self) -> None:
        self._say(self._attempt(self._notifier.check), start=True)
        while True:
            with self._changed:
                letter, addresses = self._next()
            if letter is None:
                return
            failed = self._attempt(lambda: self._notifier.send(self._late(letter), addresses))  # noqa: B023
            self._settle(letter, addresses, failed)

    def _next(self) -> tuple[Letter | None, tuple[int, ...]]:
        """The next letter, as soon as one is due; None at the end."""
        while True:
            now = self._host.clock.monotonic()
            letter, addresses = self._outbox.next(now, self._host.clock.now(), last=self._closing.is_set())
            if letter is not None or self._closing.is_set():
                return letter, addresses
            self._changed.wait(self._outbox.seconds(now))

    def _late(self, letter: Letter) -> Announcement:
        age = self._host.clock.now() - letter.at
        if age < LATE:
            return letter.announcement
        note = f"(seen at {iso(letter.at)}, and could not be told before)"
        return replace(letter.announcement, body=f"{note}\n{letter.announcement.body}")

    def _settle(self, letter: Letter, addresses: tuple[int, ...], failed: tuple[Undelivered, ...] | None) -> None:
        now = self._host.clock.monotonic()
        troubled = {one.address: one for one in failed or ()}
        for address in addresses:
            one = troubled.get(address)
            with self._changed:
                if failed is None or one is not None:
                    self.failed += 1
                    self._outbox.failed(letter, address, now, again=one is None or one.again)
                else:
                    self.sent += 1
                    self._outbox.sent(letter, address)
        self._say(failed)

    def _say(self, failed: tuple[Undelivered, ...] | None, *, start: bool = False) -> None:
        """Each address is complained about at most once an hour."""
        now = self._host.clock.monotonic()
        for one in failed or ():
            if self._outbox.complain(one.address, now):
                what = "can't be used" if start else "did not take an announcement"
                self._host.say(f"notify: {one.name} {what}: {one.why}", level=Level.WARNING)

    def _attempt(self, what: Callable[[], tuple[Undelivered, ...]]) -> tuple[Undelivered, ...] | None:
        """What came of it; None, and said, when it met a bug: people have to hear of the next failure all the same."""
        try:
            return what()
        except Exception as bug:  # noqa: BLE001 - one message that meets a bug must not end all later ones
            self._host.say(f"bug: nothing sent: {type(bug).__name__}", level=Level.ERROR)
            return None


def look(host: Host, outcome: Outcome, status: HostStatus | None, trouble: str, report: Report | None) -> Look:
    """What a pass came to, as far as people may have to hear of it."""
    seen = Look(host.clock.now(), host.name, status)
    if report is None:
        return replace(seen, trouble=trouble, passing=outcome is Outcome.FAILED)
    outcomes = report.applied.outcomes
    failed = {one.step.key for one in outcomes if one.result is not Result.DONE}
    done = {one.step.key for one in outcomes} - failed
    return replace(
        seen,
        stuck=report.stuck,
        looked=frozenset(report.plan.wizards),
        corrected=drifted(change for change in report.plan.pending if change.key in done),
        trouble="the newest commit is not signed" if report.unsigned else _undone(report),
        passing=not report.unsigned,
    )


def _undone(report: Report) -> str:
    """The first step that failed, but for those of wizards that are told about by themselves."""
    told = {
        wizard.name for wizard in report.status.wizards if not wizard.healthy or wizard.quarantined or wizard.paused
    }
    return next((one.text for one in report.applied.failures if one.step.wizard not in told), "")
