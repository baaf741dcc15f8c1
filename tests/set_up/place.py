"""A machine with a token, and a forge to set up from it."""

from __future__ import annotations

import hashlib
import hmac
from pathlib import Path

from tests.cli.conftest import Call, Ran
from tests.forge.gitea import Gitea
from tests.forge.state import Hook, Repo


class Place:
    def __init__(self, gitea: Gitea, call: Call, folder: Path) -> None:
        self.gitea = gitea
        self.folder = folder / "machine"
        self.folder.mkdir()
        self.config = self.folder / "reconciler.toml"
        self.secret_file = self.folder / "private" / "webhook-secret"
        self.token_file = self.folder / "token"
        self.give_token(gitea.token("sovereign"))
        self._call = call

    def give_token(self, token: str) -> None:
        self.token = token
        self.token_file.write_text(f"{token}\n")

    def init(self, *more: str, repo: str = "sovereign/fleet") -> Ran:
        """`reconciler init` with what it needs and these arguments."""
        return self._call(
            *("--config", str(self.config), "init", "--gitea", self.gitea.url, "--repo", repo, "--host", "vps-1"),
            *("--token-file", str(self.token_file), "--secret-file", str(self.secret_file), *more),
        )

    @property
    def repo(self) -> Repo:
        return self.gitea.repos["sovereign/fleet"]

    @property
    def hook(self) -> Hook:
        """The one webhook that there is."""
        (hook,) = self.repo.hooks.values()
        return hook

    @property
    def secret(self) -> str:
        return self.secret_file.read_text().strip()

    def is_signed(self, body: bytes, signature: str) -> bool:
        return hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest() == signature


def verbs(ran: Ran) -> list[str]:
    """What each line says was done."""
    assert ran.code == 0, ran.err
    return [line.split()[0] for line in ran.out.splitlines() if line.split()[0] in ("made", "changed", "found")]
