from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.git.signers import GpgSigner, SshSigner
from tests.git.upstream import Upstream


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    """An empty remote."""
    return Upstream(tmp_path / "upstream.git")


@pytest.fixture
def ann(tmp_path: Path) -> SshSigner:
    return SshSigner(tmp_path / "keys", "ann@example.org")


@pytest.fixture
def eve(tmp_path: Path) -> SshSigner:
    return SshSigner(tmp_path / "keys", "eve@example.org")


@pytest.fixture
def homes() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="gpg-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def gpg_ann(homes: Path) -> Iterator[GpgSigner]:
    signer = GpgSigner(homes / "ann", "ann")
    yield signer
    signer.close()


@pytest.fixture
def gpg_eve(homes: Path) -> Iterator[GpgSigner]:
    signer = GpgSigner(homes / "eve", "eve")
    yield signer
    signer.close()
