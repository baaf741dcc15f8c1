"""The metrics of a host as the last whole pass saw it: wizards, what is pending, and which revision is applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import datetime

from prometheus_client.metrics_core import GaugeMetricFamily, InfoMetricFamily, Metric

from reconciler.engine.allow import APPLIED
from reconciler.engine.board import View
from reconciler.engine.daemon import Daemon
from reconciler.plan.change import Cause, Disposition
from reconciler.plan.status import WizardState, WizardStatus
from reconciler.spec.kinds import DesiredState

DESIRED = (*(state.value for state in DesiredState), "removed")
OBSERVED = tuple(state.value for state in WizardState)
FLAGS = {
    "healthy": "1 when it is as desired and answers.",
    "settled": "1 when it is healthy and nothing is left to do.",
    "paused": "1 while it is paused.",
    "quarantined": "1 while what Git declares is not applied here.",
}


def status_families(view: View) -> Iterator[Metric]:
    """Without samples before the first whole pass."""
    wizards = view.status.wizards if view.status else ()
    observed = _by_wizard("state", "Observed state: 1 for the one it is in.", "state")
    desired = _by_wizard("desired", "Desired state: 1 for the one that Git wants.", "state")
    differences = _by_wizard("differences", "Differences that are not applied yet.")
    flags = {name: _by_wizard(name, words) for name, words in FLAGS.items()}
    info = InfoMetricFamily("reconciler_wizard", "What a wizard runs.", labels=["wizard"])
    for one in wizards:
        for state in OBSERVED:
            observed.add_metric([one.name, state], float(one.observed.value == state))
        for state in DESIRED:
            desired.add_metric([one.name, state], float(one.desired == state))
        for name, value in _flags(one).items():
            flags[name].add_metric([one.name], float(value))
        differences.add_metric([one.name], len(one.differences))
        info.add_metric([one.name], {"port": str(one.port), "model": one.model, "codebase": one.codebase})
    yield from (observed, desired, differences, info, *flags.values())
    yield from _pending(view)


def _flags(one: WizardStatus) -> dict[str, bool]:
    return {
        "healthy": one.healthy,
        "settled": one.settled,
        "paused": bool(one.paused),
        "quarantined": bool(one.quarantined),
    }


def _by_wizard(name: str, words: str, *more: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"reconciler_wizard_{name}", words, labels=["wizard", *more])


def _pending(view: View) -> Iterator[Metric]:
    """What the last pass left, and how much of it is drift."""
    changes = GaugeMetricFamily(
        "reconciler_pending_changes", "Changes that the last pass left, by why.", labels=["disposition"]
    )
    drift = GaugeMetricFamily("reconciler_drift_changes", "Things that differ from what was last applied.")
    if view.left is not None:
        counts = Counter(change.disposition for change in view.left.changes)
        for disposition in Disposition:
            changes.add_metric([disposition.value], counts[disposition])
        drifted = [c for c in view.left.changes if any(reason.cause is Cause.DRIFT for reason in c.reasons)]
        drift.add_metric([], len(drifted))
    yield changes
    yield drift


class Revisions:
    """Which commit is seen, which one is applied, and when that one was made. The time of a commit is known only while
    it is the one that is seen, so it is remembered."""

    def __init__(self, daemon: Daemon) -> None:
        self._daemon = daemon
        self._made: dict[str, float] = {}

    def families(self, view: View) -> Iterator[Metric]:
        applied = self._daemon.host.ledger.get(APPLIED) or ""
        revision = view.seen.wanted.revision if view.seen else None
        if revision is not None:
            self._made = {c: at for c, at in self._made.items() if c == applied}
            self._made[revision.commit] = datetime.fromisoformat(revision.when).timestamp()
        seen = view.status.commit if view.status else ""
        yield _commit("reconciler_seen_revision", "The commit that the last pass worked from.", seen)
        yield _commit("reconciler_applied_revision", "The last commit of which nothing was left to do.", applied)
        made = GaugeMetricFamily("reconciler_applied_revision_timestamp_seconds", "When the applied commit was made.")
        if applied in self._made:
            made.add_metric([], self._made[applied])
        yield made
        behind = GaugeMetricFamily("reconciler_revision_behind", "1 while the commit seen is not wholly applied.")
        if seen:
            behind.add_metric([], float(seen != applied))
        yield behind


def _commit(name: str, words: str, commit: str) -> Metric:
    family = InfoMetricFamily(name, words, labels=[])
    if commit:
        family.add_metric([], {"commit": commit})
    return family
