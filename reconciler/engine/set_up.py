"""Makes a repository at a forge ready for a fleet: repository, first commit, webhook, protection of the branch.

Each thing is looked for first, so that running it again changes nothing and finishes what an earlier run left.
Not done here: talking to the forge, printing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from reconciler.engine.verdict import CONTEXT
from reconciler.protocols.set_up import Done, FirstCommit, ForgeSetup, SharedSecret


@dataclass(frozen=True, slots=True)
class Wanted:
    """`webhook` is the address that deliveries go to; `files` are what an empty repository gets."""

    repository: str
    branch: str
    webhook: str
    protect: bool
    files: Mapping[str, bytes]
    folder: Path | None = None
    """Where a clone is wanted."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing, what became of it, and what else there is to say."""

    done: Done
    what: str
    note: str = ""


def set_up(wanted: Wanted, forge: ForgeSetup, git: FirstCommit, secret: SharedSecret) -> Iterator[Step]:
    """Does one thing after the other and tells each when it is done."""
    found = forge.repository(wanted.branch)
    yield Step(Done.MADE if found.made else Done.FOUND, f"repository {wanted.repository}")
    if found.empty and git.push(wanted.branch, wanted.files):
        yield Step(Done.MADE, f"first commit on {wanted.branch}, with a fleet to begin with")
        yield from _clone(wanted, git)
    elif forge.has_branch(wanted.branch):
        yield Step(Done.FOUND, f"branch {wanted.branch}, with commits of its own")
        yield from _clone(wanted, git)
    else:
        note = "the repository has commits, so none was made: push this branch, or name another with --branch"
        yield Step(Done.FOUND, f"no branch {wanted.branch}", note)
    yield from _webhook(wanted, forge, secret)
    if wanted.protect:
        done = forge.protect(wanted.branch, CONTEXT)
        yield Step(done, f"protection of {wanted.branch}: a merge needs the status {CONTEXT}")


def _clone(wanted: Wanted, git: FirstCommit) -> Iterator[Step]:
    if wanted.folder is not None:
        made = git.clone(wanted.branch, wanted.folder)
        yield Step(Done.MADE if made else Done.FOUND, f"clone {wanted.folder}")


def _webhook(wanted: Wanted, forge: ForgeSetup, secret: SharedSecret) -> Iterator[Step]:
    """A hook that has to change is replaced: forges do not take a new secret for one that exists, or only in some
    versions. The new one comes first, so that no push goes untold; the newest counts."""
    there = forge.webhooks(wanted.webhook)
    text = secret.agreed()
    if text is not None and there and not there[0].fault:
        for old in there[1:]:
            forge.remove_webhook(old.number)
        more = len(there) > 1
        note = "an older one with the same address was removed" if more else ""
        yield Step(Done.CHANGED if more else Done.FOUND, f"webhook to {wanted.webhook}", note)
        return
    forge.add_webhook(wanted.webhook, text if text is not None else secret.fresh())
    if text is None:
        secret.settle()
        yield Step(Done.MADE, "secret of the webhook")
    for old in there:
        forge.remove_webhook(old.number)
    if not there:
        yield Step(Done.MADE, f"webhook to {wanted.webhook}")
    else:
        why = f"it {there[0].fault}" if there[0].fault else "it had another secret than this host"
        yield Step(Done.CHANGED, f"webhook to {wanted.webhook}", why)
