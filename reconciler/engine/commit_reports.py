"""What became of a commit on this host, as a commit status: pending while its pass runs, then success or failure.

Said once each. Not done here: when a pass begins and ends (daemon.py, desk.py). For one thread at a time.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from reconciler.protocols.forge import CommitState, Forge

CONTEXT = "reconciler/apply"
REMEMBERED = 200
STATES = {
    "": CommitState.PENDING,
    "done": CommitState.SUCCESS,
    "incomplete": CommitState.FAILURE,
    "invalid": CommitState.FAILURE,
    "refused": CommitState.FAILURE,
    "failed": CommitState.ERROR,
    "bug": CommitState.ERROR,
    "abandoned": CommitState.ERROR,
}
"""By the outcome of a pass; "" while it runs."""


class CommitReports:
    """`link` gives the address where people read more of a commit; hosts that share a fleet need a `context` each."""

    def __init__(self, forge: Forge, link: Callable[[str], str], context: str = CONTEXT) -> None:
        self._forge = forge
        self._link = link
        self._context = context
        self._said: OrderedDict[str, tuple[CommitState, str]] = OrderedDict()

    def report(self, commit: str, outcome: str, text: str) -> None:
        """Sets the status, unless it says so already. A pass that begins never takes back how an earlier one ended,
        and success that was said once stands with its first words: later passes find nothing to do."""
        state = STATES.get(outcome, CommitState.ERROR)
        said = self._said.get(commit)
        if said == (state, text):
            return
        standing = said[0] if said else self._forge.status(commit, self._context)
        ended = standing is not None and standing is not CommitState.PENDING
        if (state is CommitState.PENDING and ended) or state is standing is CommitState.SUCCESS:
            self._remember(commit, standing, said[1] if said else "")
            return
        self._forge.set_status(commit, self._context, state, text or state.value, self._link(commit))
        self._remember(commit, state, text)

    def _remember(self, commit: str, state: CommitState | None, text: str) -> None:
        if state is not None:
            self._said[commit] = (state, text)
            self._said.move_to_end(commit)
        while len(self._said) > REMEMBERED:
            self._said.popitem(last=False)
