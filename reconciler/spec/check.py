"""The second check: everything that only shows when all documents lie side by side.

Each subject is a file of `checks/`. Not done here: what one document tells on its own (explain.py), soul files
(souls.py).
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.spec.checks.documents import check_documents
from reconciler.spec.checks.formerly import check_formerly
from reconciler.spec.checks.homes import check_homes
from reconciler.spec.checks.models import check_models
from reconciler.spec.checks.platforms import check_platforms
from reconciler.spec.checks.ports import check_ports
from reconciler.spec.checks.references import check_references
from reconciler.spec.checks.secrets import check_secrets
from reconciler.spec.checks.settings import check_settings
from reconciler.spec.checks.wizards import check_wizards
from reconciler.spec.draft import Draft
from reconciler.spec.position import Problem


def check(draft: Draft, folder: str) -> Iterator[Problem]:
    """Every problem across documents, in no particular order."""
    yield from check_documents(draft, folder)
    yield from check_references(draft)
    yield from check_wizards(draft)
    yield from check_formerly(draft)
    yield from check_ports(draft)
    yield from check_platforms(draft)
    yield from check_homes(draft)
    yield from check_secrets(draft)
    yield from check_models(draft)
    yield from check_settings(draft)
