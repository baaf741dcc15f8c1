"""One host below a folder: a remote with a fleet, the wizards' root, the state folder, and what a pass needs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler import compose
from reconciler.adapters.memory import Memory
from reconciler.engine.host import Host
from reconciler.plan.codebases import version_path
from reconciler.plan.fields import source_value
from reconciler.plan.resource import PypiInstall
from tests.bench.fleet import CODEBASE, HOST, fleet, wizards
from tests.bench.remote import BRANCH, Remote
from tests.bench.standins import Gateways, HastyClock, Silence

MARKER = ".reconciler-complete.json"


@dataclass(frozen=True, slots=True)
class Site:
    """`count` wizards, pushed and not yet applied."""

    folder: Path
    count: int
    remote: Remote

    @property
    def root(self) -> Path:
        return self.folder / "wizards"

    @property
    def config(self) -> Path:
        return self.folder / "reconciler.toml"

    @contextmanager
    def host(self) -> Iterator[Host]:
        """A host as the command line binds it, but with gateways of the runtime in memory."""
        runtime = Memory()
        gateways = Gateways(runtime, wizards(self.count))
        settings = compose.load(str(self.config), {})
        with compose.open_host(settings, Silence(), {}, change=True) as bound:
            yield replace(bound.host, runtime=runtime, http=gateways, ports=gateways, clock=HastyClock())


def make_site(folder: Path, count: int, desired: str = "unrobed") -> Site:
    """The folder must not exist yet."""
    folder.mkdir(parents=True)
    site = Site(folder, count, Remote(folder))
    site.root.mkdir()
    site.config.write_text(
        f'host = "{HOST}"\nroot = "{site.root}"\nstate = "{folder / "state"}"\n'
        f'[source]\nurl = "{site.remote.path}"\nbranch = "{BRANCH}"\n'
    )
    _install(site.root)
    site.remote.push(fleet(count, str(site.root), desired), f"{count} wizards")
    return site


def _install(root: Path) -> None:
    """The codebase as an install leaves it, so that no package index is asked."""
    package, version, beside = CODEBASE
    source = PypiInstall(package, version, (beside,))
    path = Path(version_path(package, source, str(root)))
    (path / "bin").mkdir(parents=True)
    (path / "bin" / "python").symlink_to(sys.executable)
    (path / MARKER).write_text(json.dumps({"source": json.loads(source_value(source).text)}))
