"""The only place that names concrete adapters: binds settings to a host (host.py) and a host to its daemon (daemon.py).

Not done here: deciding anything, printing anything.
"""

from __future__ import annotations

from reconciler.compose.host import Bound, host_key, load, open_host, read_folder, sealer

__all__ = ["Bound", "host_key", "load", "open_host", "read_folder", "sealer"]
