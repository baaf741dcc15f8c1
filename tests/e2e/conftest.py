"""One world for all end-to-end tests of a session; each test begins and ends converged, so that their order is free."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.world import World, free_ports, model_endpoint


@pytest.fixture(scope="session")
def shared_world() -> Iterator[World]:
    folder = Path(tempfile.mkdtemp(prefix="fleet-e2e-"))
    with model_endpoint() as endpoint:
        world = World(folder, endpoint, free_ports(6))
        try:
            world.make()
            world.converge()
            yield world
        finally:
            world.shutdown()


@pytest.fixture
def world(shared_world: World) -> World:
    """The shared world, converged on its own head."""
    shared_world.converge()
    return shared_world
