"""The status of a host as a JSON document with stable keys: status.json in Git, `--json`, and the API.

`volatile` adds what changes with time alone (the moment, ages, pids, evidence of settled wizards); without it an
unchanged host gives equal bytes, so it makes no commit.
"""

from __future__ import annotations

from reconciler.plan.status import Evidence, HostStatus, WizardStatus
from reconciler.render.document import Document, json_text, strings
from reconciler.render.status_words import deltas_first

FORMAT = 1


def status_json(status: HostStatus, *, volatile: bool) -> str:
    """The document as text."""
    return json_text(status_document(status, volatile=volatile))


def status_document(status: HostStatus, *, volatile: bool) -> Document:
    document: Document = {
        "format": FORMAT,
        "host": status.host,
        "commit": status.commit,
        "subject": status.subject,
        "result": status.result,
        "settled": status.settled,
        "unused": status.unused or None,
        "unsigned": status.unsigned or None,
        "notices": strings(status.notices),
        "wizards": [_wizard(wizard, volatile) for wizard in deltas_first(status)],
    }
    if volatile:
        document["at"] = status.at
    return document


def _wizard(wizard: WizardStatus, volatile: bool) -> Document:
    document: Document = {
        "name": wizard.name,
        "role": wizard.role,
        "desired": wizard.desired,
        "observed": wizard.observed.value,
        "healthy": wizard.healthy,
        "settled": wizard.settled,
        "port": wizard.port,
        "model": wizard.model,
        "codebase": wizard.codebase,
        "revision": wizard.revision,
        "since": wizard.since,
        "why": wizard.why,
        "paused": wizard.paused,
        "quarantined": wizard.quarantined,
        "generation": wizard.generation,
        "differences": strings(wizard.differences),
        "unmanaged": strings(wizard.unmanaged),
        "evidence": [_evidence(e, volatile) for e in wizard.evidence if volatile or not wizard.settled],
    }
    if volatile:
        document["pid"] = wizard.pid
    return document


def _evidence(evidence: Evidence, volatile: bool) -> Document:
    document: Document = {"source": evidence.source, "text": evidence.text}
    if volatile:
        document["age"] = evidence.age
    return document
