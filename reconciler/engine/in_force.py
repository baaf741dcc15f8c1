"""Which commit a host is kept like: the branch's tip, or the commit in force while the tip can't be used.

A broken commit, a head that nobody signed or a refused force-push must not leave crashed wizards down, nor move those
that a newer commit has moved already. Not done here: fetching and loading (desired.py), a head that the policy refuses
(standing.py), and what follows when no commit may be used at all (unusable.py).
"""

from __future__ import annotations

from dataclasses import replace

from reconciler.engine.desired import DesiredState, InvalidFleet, Wanted, unsigned_of
from reconciler.engine.host import Host
from reconciler.engine.report import Planned
from reconciler.engine.request import Request
from reconciler.errors import ReconcilerError, Refused, Terminal
from reconciler.protocols.source import Untrusted

RAN = "ran-commit"
"""Name in the ledger: the last commit that a pass began to carry out, whatever came of it."""

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

    def begin(self, planned: Planned, request: Request) -> None:
        """A pass is about to carry this out, which the policy lets through. From now on its commit is what this host is
        made like, also when the pass is killed or abandoned half-way. Not one that needed an allowance: until it is
        there, the next pass, which has none, would refuse it."""
        commit, rules = planned.plan.commit, planned.rules
        lifted = bool(rules.deletions or rules.restarts) and not request.by_name
        if not lifted and self._host.ledger.get(RAN) != commit:
            self._host.ledger.put(RAN, commit)

    def commits(self) -> tuple[str, ...]:
        """What may stay in force while a newer commit can't be used, best first: the last one that a pass began,
        which need not have held in every wizard, and the last good one."""
        ran, good = self._host.ledger.get(RAN), self._host.source.last_good()
        usable = ran if ran and self._host.source.usable(ran) else None
        return tuple(dict.fromkeys(commit for commit in (usable, good) if commit))

    def wanted(self, request: Request) -> Wanted:
        """What the request's files want, else the branch's tip; what is asked for by name needs no more than the commit
        in force. Raises what the source raises, and InvalidFleet."""
        return self.find(request)[0] if request.by_name else self._newest(request)

    def _newest(self, request: Request) -> Wanted:
        return self._desired.fetch() if request.files is None else self._desired.uncommitted(request.files)

    def find(self, request: Request) -> Found:
        """What the branch's tip wants; where that can't be used, what the commit in force wants, and the trouble, of
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
            if request.files is not None or (request.saved and not request.by_name):
                raise
            instead = self._instead(error)
            self._trouble = error if instead is None else None
            if instead is None:
                raise
            self._found = (instead, error)
            if isinstance(error, InvalidFleet):
                error.what = f"{error.what}; commit {instead.desired.commit[:7]} stays in force"
            if request.by_name:
                self.attempted = ""  # what becomes of the request says nothing of that commit
            return self._found
        self.attempted = wanted.desired.commit
        if request.files is None:
            self._found, self._trouble = (wanted, None), None
        return wanted, None

    def _instead(self, error: ReconcilerError) -> Wanted | None:
        """What the commit in force wants; None when none can be used."""
        for commit in self.commits():
            try:
                return self._kept(commit, error)
            except (Terminal, Refused):
                continue  # a force-push may have taken it away: the trouble is what a person has to know
        return None

    def _kept(self, commit: str, error: ReconcilerError) -> Wanted:
        """The same object for as long as the trouble is the same."""
        if self._fallback is None or self._fallback[0] != (commit, str(error)):
            unused = f"{error}; until that is mended, commit {commit[:7]} stays in force"
            unsigned = unsigned_of(error)
            wanted = self._desired.at(commit)
            wanted = replace(wanted, notices=(unused, *wanted.notices), unused=unused, unsigned=unsigned)
            self._fallback = ((commit, str(error)), wanted)
        return self._fallback[1]

    def _blamed(self, error: ReconcilerError) -> str:
        """The commit that can't be used; a force-push that is refused is no fault of the commit that stays."""
        if isinstance(error, InvalidFleet | Untrusted):
            return error.commit
        return self._host.source.tip() or "" if isinstance(error, Terminal) else ""
