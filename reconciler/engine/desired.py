"""fetch -> load -> expand: from the source's tip to what this host should be, remembered by commit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.engine.host import Host
from reconciler.errors import ReconcilerError, Terminal
from reconciler.plan.expand import Desired, expand
from reconciler.protocols.source import Fetched, Revision, Untrusted
from reconciler.spec.desired import DesiredFleet, Loaded
from reconciler.spec.load import load_fleet
from reconciler.spec.position import Problem
from reconciler.spec.read import Memo

UNCOMMITTED = "uncommitted"


class InvalidFleet(Terminal):
    """The fleet at a commit has errors; nothing of it is used. `problems` are all of them. `place` says which fleet it
    is where that is not told by the commit; `unsigned` the branch's tip where that is not signed and this is the last
    commit that is."""

    def __init__(self, commit: str, problems: tuple[Problem, ...], place: str = "") -> None:
        count = len(problems)
        super().__init__(
            f"the fleet {place or _place(commit)} has {count} error{'s'[: count != 1]}; nothing of it is applied",
            mend="mend the lines named above" + ("" if commit == UNCOMMITTED else " and push again"),
        )
        self.commit = commit
        self.problems = problems
        self.unsigned = ""

    def put_below(self, tip: Fetched) -> None:
        """Says so where the commit is only looked at because the tip is not signed."""
        if tip.unsigned:
            self.unsigned = tip.unsigned
            self.what = f"{tip.fault}; nor is the last signed commit: {self.what}"
            self.mend = "push a commit on top that mends the lines named above, signed with an allowed key"


def unsigned_of(error: ReconcilerError) -> str:
    """The branch's tip where it is not used because it is not signed as the settings ask."""
    match error:
        case InvalidFleet():
            return error.unsigned
        case Untrusted():
            return error.commit
        case _:
            return ""


def _place(commit: str) -> str:
    return "that is not committed yet" if commit == UNCOMMITTED else f"at {commit[:7]}"


@dataclass(frozen=True, slots=True)
class Wanted:
    """The desired state of this host with where it comes from. `notices` are for people. `unused` is the one of them
    that says why the branch's tip is not what is used, `unsigned` that tip where it is not signed, and `refused` what
    it wants where that is beyond the policy."""

    desired: Desired
    fleet: DesiredFleet
    revision: Revision | None
    notices: tuple[str, ...]
    unused: str = ""
    unsigned: str = ""
    refused: Desired | None = None


class DesiredState:
    """Keeps the last loaded commit, because most passes see the same one."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._memo = Memo()
        self._names: dict[str, frozenset[str]] = {}
        self._last: tuple[str, Wanted] | None = None
        self._told: tuple[Fetched, Wanted, Wanted] | None = None

    def fetch(self) -> Wanted:
        """The tip's desired state. Raises what the source raises, and InvalidFleet."""
        fetched = self._host.source.fetch()
        try:
            wanted = self.at(fetched.commit)
        except InvalidFleet as error:
            error.put_below(fetched)
            raise
        if self._told is None or self._told[0] != fetched or self._told[1] is not wanted:
            notices = (fetched.notice, *wanted.notices) if fetched.notice else wanted.notices
            unused = fetched.notice if fetched.unsigned else ""
            told = replace(wanted, notices=notices, unused=unused, unsigned=fetched.unsigned)
            self._told = (fetched, wanted, told if fetched.notice else wanted)
        return self._told[2]

    def at(self, commit: str) -> Wanted:
        if self._last is None or self._last[0] != commit:
            files = self._host.source.read(commit)
            self._last = (commit, self._load(files, commit, self._host.source.revision(commit)))
        return self._last[1]

    def declares(self, commit: str, wizard: str) -> bool:
        """Whether the fleet at a commit has the wizard on this host; a fleet that can't be read has none."""
        if commit not in self._names:
            try:
                files = self._host.source.read(commit)
            except Terminal:
                files = {}
            self._names[commit] = wizards_of(files, self._host.folder, self._host.name)
        return wizard in self._names[commit]

    def uncommitted(self, files: Mapping[str, bytes]) -> Wanted:
        """From files that are in no commit, as `plan --fleet DIR` reads them."""
        return self._load(files, UNCOMMITTED, None)

    def _load(self, files: Mapping[str, bytes], commit: str, revision: Revision | None) -> Wanted:
        loaded: Loaded = load_fleet(files, self._host.folder, self._memo)
        if loaded.fleet is None:
            raise InvalidFleet(commit, loaded.errors)
        desired = expand(loaded.fleet, self._host.name, self._host.root, commit)
        self._host.files.admit(desired.root)
        if self._last is not None:
            desired = _kept(desired, self._last[1].desired)
        return Wanted(
            desired, loaded.fleet, revision, tuple(str(p).replace(": warning: ", ": ", 1) for p in loaded.warnings)
        )


def wizards_of(files: Mapping[str, bytes], folder: str, host: str) -> frozenset[str]:
    """Names of the wizards that a fleet declares for a host; none where it can't be read."""
    fleet = load_fleet(files, folder).fleet
    return frozenset(w.name for w in fleet.wizards.values() if fleet.host_of(w) == host) if fleet else frozenset()


def _kept(new: Desired, old: Desired) -> Desired:
    """What a commit left as it was stays the same objects, so that all that is remembered of them stays good."""
    known = {resource.key: resource for resource in old.resources}
    found = ((resource, known.get(resource.key)) for resource in new.resources)
    return replace(new, resources=tuple(was if was == now else now for now, was in found))
