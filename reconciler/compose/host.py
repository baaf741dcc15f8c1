"""Binds settings to a host and its reconciler.

Not done here: what only a daemon needs (daemon.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.engine.host import Host, Limits
from reconciler.engine.reconcile import Reconciler
from reconciler.plan.value import SecretRef
from reconciler.protocols.clock import Clock
from reconciler.protocols.events import Events
from reconciler.protocols.secrets import Secrets

if TYPE_CHECKING:
    from reconciler.adapters.clock import SystemClock
    from reconciler.adapters.git_checkout import GitCheckouts
    from reconciler.adapters.git_remote import Access
    from reconciler.adapters.git_signature import Signatures
    from reconciler.settings import SecretSource, Settings
    from reconciler.spec.contents import Contents


@dataclass(frozen=True, slots=True)
class Bound:
    """A host with its reconciler, for as long as the context that gave it is open."""

    host: Host
    reconciler: Reconciler


def load(path: str | None, environ: Mapping[str, str]) -> Settings:
    """The settings of this host; see `settings.load_settings`."""
    from reconciler.settings import load_settings

    return load_settings(path, environ)


@contextmanager
def open_host(
    settings: Settings,
    events: Events,
    environ: Mapping[str, str],
    *,
    change: bool,
    exclusive: bool = True,
    hurried: Callable[[], bool] = lambda: False,
) -> Iterator[Bound]:
    """Binds this host. With `change`, takes the host's lock and opens the ledger for writing; a pause needs no lock
    (`exclusive` False), so that it can be said while a pass runs. `hurried`: whether to wait no longer for programs to
    stop.

    Raises Retryable when another reconciler holds the lock.
    """
    from reconciler.adapters.clock import SystemClock
    from reconciler.adapters.disk_errors import told
    from reconciler.adapters.lock import HostLock

    with told(str(settings.state)):
        settings.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        clock = SystemClock()
        if change and exclusive:
            stack.enter_context(HostLock(settings.state / "lock", clock, "reconciler"))
        host = _bind(settings, events, environ, clock, hurried, readonly=not change)
        stack.callback(host.ledger.close)
        yield Bound(host, Reconciler(host))


def _bind(
    settings: Settings,
    events: Events,
    environ: Mapping[str, str],
    clock: SystemClock,
    hurried: Callable[[], bool],
    *,
    readonly: bool,
) -> Host:
    from reconciler.adapters.databases import SqliteCopies
    from reconciler.adapters.files import Disk
    from reconciler.adapters.git_source import GitSource
    from reconciler.adapters.git_store import GitStore
    from reconciler.adapters.http import LoopbackHttp
    from reconciler.adapters.ports import ProcPorts
    from reconciler.adapters.secrets import HostSecrets
    from reconciler.adapters.sqlite import SqliteLedger
    from reconciler.adapters.supervisord import Supervisord
    from reconciler.adapters.uv import UvCodebases

    state, source = settings.state, settings.source
    secrets = HostSecrets(state, environ)
    access = access_of(settings, secrets)
    roots = [settings.root] if settings.root else []
    store = GitStore(state, source.url, source.branch, settings.host, access) if settings.status.publish else None
    return Host(
        name=settings.host,
        root=str(settings.root) if settings.root else None,
        folder=source.folder,
        source=GitSource(
            state,
            source.url,
            source.branch,
            source.folder,
            source.force_push,
            access=access,
            signatures=signatures_of(settings, environ, clock),
        ),
        store=store,
        files=Disk(roots, state / "kept", secrets.digest),
        secrets=secrets,
        codebases=UvCodebases(environ, checkouts=_checkouts(settings, access)),
        databases=SqliteCopies(state / "generations"),
        runtime=Supervisord(state, hurried=hurried),
        http=LoopbackHttp(),
        ports=ProcPorts(),
        clock=clock,
        events=events,
        ledger=SqliteLedger(state / "ledger.db", clock, readonly=readonly),
        limits=Limits(
            concurrency=settings.apply.concurrency,
            gate_hold=settings.apply.gate_hold,
            gate_limit=settings.apply.gate_limit,
            soak=settings.apply.soak,
            reread=settings.apply.reread,
            heartbeat=settings.status.heartbeat,
        ),
    )


def signatures_of(settings: Settings, environ: Mapping[str, str], clock: Clock) -> Signatures | None:
    """Who may sign commits; None where everybody may. Whether anything can be verified is looked at with each fetch, so
    that a host which can use nothing can still say so in its status."""
    from reconciler.adapters.git_signature import Signatures

    source = settings.source
    if source.signed is None or source.signing_keys is None:
        return None
    return Signatures(source.signed, source.signing_keys, environ.get("PATH"), clock.now)


def check_keys(settings: Settings, environ: Mapping[str, str]) -> None:
    """Raises Terminal when signatures are asked for and none could ever be verified."""
    from reconciler.adapters.clock import SystemClock

    signatures = signatures_of(settings, environ, SystemClock())
    if signatures is not None:
        signatures.check()


def _checkouts(settings: Settings, access: Access) -> GitCheckouts:
    """Token and key of the fleet's own remote open codebases on the same server, and are shown to no other."""
    from reconciler.adapters.git_checkout import GitCheckouts, same_place
    from reconciler.adapters.git_remote import Access as Anonymous

    fleet = settings.source.url
    return GitCheckouts(settings.state, lambda url: access if same_place(url, fleet) else Anonymous())


def access_of(settings: Settings, secrets: Secrets) -> Access:
    """What opens the fleet's remote."""
    from reconciler.adapters.git_remote import Access

    source = settings.source
    token = secret_of(source.token, secrets) if source.token is not None else None
    return Access(token=token, ssh_key=source.ssh_key, ca_file=source.ca_file)


def secret_of(source: SecretSource, secrets: Secrets) -> Callable[[], str]:
    """Tells a secret of the settings: asked for at each use, never kept."""
    ref = SecretRef("file", str(source.file)) if source.file else SecretRef("env", source.env or "")
    return lambda: secrets.reveal(ref)


def host_key(settings: Settings) -> str:
    """The public key that values for this host are encrypted to; makes the private one at first use."""
    from reconciler.adapters.age import HostKey

    return HostKey(settings.state / "secrets" / "age.key").public()


def sealer(recipients: Sequence[str]) -> Callable[[str], str]:
    """Encrypts text for all of these public keys. Raises Terminal for what is no public key."""
    from reconciler.adapters.age import sealer as for_keys

    return for_keys(recipients)


def read_folder(path: Path, folder: str) -> Contents:
    """What the folder on this machine holds, by names that begin with `folder`. Raises Terminal for a missing one."""
    from reconciler.adapters.fleet_folder import read_contents

    return read_contents(path, folder)
