"""The demo's folder: the golden fleet, fitted to a machine on which ports are taken."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

from reconciler.compose import read_folder
from reconciler.demo.adapt import Fit, adapt, free_ports, taken_ports, wizard_ports
from reconciler.spec.load import load_fleet

GOLDEN = Path(__file__).parents[2] / "fleet"


def test_busy_ports_are_replaced_by_free_ones_that_nobody_reserves() -> None:
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        port = busy.getsockname()[1]
        found = free_ports([port, 1], {port + 1}, range(port, port + 40))
    assert set(found) == {port} or set(found) == {port, 1}
    assert port + 1 not in found.values()
    assert found[port] != port


def test_the_golden_fleet_stays_valid_and_keeps_its_comments(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet"
    shutil.copytree(GOLDEN, fleet)
    wanted = wizard_ports(fleet)
    spare = [port for port in range(8643, 8700) if port not in wanted and port not in taken_ports(fleet)]
    adapt(fleet, Fit(tmp_path / "wizards", "http://127.0.0.1:9/v1", dict(zip(wanted, spare, strict=False))))
    loaded = load_fleet(read_folder(fleet, "fleet").files, "fleet")
    assert loaded.errors == ()
    assert loaded.fleet is not None
    assert sorted(w.port for w in loaded.fleet.wizards.values()) == sorted(spare[: len(wanted)])
    assert {str(m.base_url) for m in loaded.fleet.models.values()} == {"http://127.0.0.1:9/v1"}
    assert not any(w.telegram for w in loaded.fleet.wizards.values())
    assert "# without it the API server" in (fleet / "codebases.yaml").read_text()
