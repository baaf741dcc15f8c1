"""Which commit a host is kept like: the branch's tip, or the last good one while the tip can't be used.

A broken commit, a head that nobody signed or a refused force-push must not leave crashed wizards down.
Not done here: fetching and loading (desired.py), and what follows when no commit may be used at all (unusable.py).
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.engine.desired import DesiredState, InvalidFleet, Wanted, unsigned_of
from reconciler.engine.host import Host
from reconciler.engine.request import Request
from reconciler.errors import ReconcilerError, Refused, Terminal
from reconciler.protocols.source import Untrusted

Found = tuple[Wanted, ReconcilerError | None]


class InForce:
    """Keep one for the life of a daemon: it remembers what was found last."""

    def __init__(self, host: Host, desired: DesiredState) -> None:
        self._host = host
        self._desired = desired
        self._fallback: tuple[tuple[str, str], Wanted] | None = None
        self._found: Found | None = None
        self._trouble: ReconcilerError | None = None
        self.attempted = ""
        """The commit that was to be used last, also when it can't be; "" when none is to blame."""

    def wanted(self, request: Request) -> Wanted:
        """What the request's files want, else the branch's tip; what is asked for by name needs no more than the last
        good commit. Raises what the source raises, and InvalidFleet."""
        return self.find(request)[0] if request.by_name else self._newest(request)

    def _newest(self, request: Request) -> Wanted:
        return self._desired.fetch() if request.files is None else self._desired.uncommitted(request.files)

    def find(self, request: Request) -> Found:
        """What the branch's tip wants; where that can't be used, what the last good commit wants, and the trouble, of
        which a notice tells. Raises the trouble when there is no such commit. Where the request does not ask the
        remote, the answer is the last one, be it the trouble."""
        if not request.fetch and self._trouble is not None:
            raise self._trouble.with_traceback(None)
        if not request.fetch and self._found is not None:
            return self._found
        self.attempted = ""
        try:
            wanted = self._newest(request)
        except (Terminal, Refused) as error:
            self.attempted = self._blamed(error)
            good = self._host.source.last_good()
            if request.files is not None or (request.saved and not request.by_name):
                raise
            self._trouble = error if good is None else None
            if good is None:
                raise
            self._found = (self._last_good(good, error), error)
            if isinstance(error, InvalidFleet):
                error.what = f"{error.what}; the last good commit {good[:7]} stays in force"
            if request.by_name:
                self.attempted = ""  # what becomes of the request says nothing of that commit
            return self._found
        self.attempted = wanted.desired.commit
        if request.files is None:
            self._found, self._trouble = (wanted, None), None
        return wanted, None

    def _last_good(self, good: str, error: ReconcilerError) -> Wanted:
        """The same object for as long as the trouble is the same."""
        if self._fallback is None or self._fallback[0] != (good, str(error)):
            unused = f"{error}; until that is mended, the last good commit {good[:7]} stays in force"
            unsigned = unsigned_of(error)
            wanted = self._desired.at(good)
            wanted = replace(wanted, notices=(unused, *wanted.notices), unused=unused, unsigned=unsigned)
            self._fallback = ((good, str(error)), wanted)
        return self._fallback[1]

    def _blamed(self, error: ReconcilerError) -> str:
        """The commit that can't be used; a force-push that is refused is no fault of the commit that stays."""
        if isinstance(error, InvalidFleet | Untrusted):
            return error.commit
        return self._host.source.tip() or "" if isinstance(error, Terminal) else ""
