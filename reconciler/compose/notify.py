"""Binds the settings' addresses to a herald.

Not done here: starting it and telling it of passes (daemon.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from reconciler.engine.herald import Herald
from reconciler.engine.host import Host
from reconciler.plan.announcement import Manner
from reconciler.plan.value import SecretRef

if TYPE_CHECKING:
    from reconciler.settings import SecretSource, Settings


def herald(settings: Settings, host: Host, environ: Mapping[str, str]) -> Herald:
    """Tells the addresses of [notify]; without any it does nothing. Nothing is read or sent before its start."""
    from reconciler.adapters.apprise_notifier import AppriseNotifier

    reveal = [_revealed(host, source) for source in settings.notify.to]
    return Herald(host, AppriseNotifier(reveal, environ), Manner(settings.notify.repeat, settings.web.url or ""))


def _revealed(host: Host, source: SecretSource) -> Callable[[], str]:
    """Asked for whenever something is sent, never kept."""
    ref = SecretRef("file", str(source.file)) if source.file else SecretRef("env", source.env or "")
    return lambda: host.secrets.reveal(ref)
