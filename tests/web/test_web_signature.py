"""Which signatures are believed."""

from __future__ import annotations

import pytest

from reconciler.web.signature import objection, signatures
from tests.web.knock import SECRET, digest, recordings

BODY = b'{"ref": "refs/heads/main"}'
RIGHT = digest(BODY)
WRONG = digest(BODY, b"another key")
GITEA, HUB = "X-Gitea-Signature", "X-Hub-Signature-256"


def judged(*headers: tuple[str, str], secret: bytes | None = SECRET) -> str:
    return objection(signatures(headers), [BODY], secret)


@pytest.mark.parametrize(
    "headers",
    [
        [(GITEA, RIGHT)],
        [(HUB, f"sha256={RIGHT}")],
        [("X-Forgejo-Signature", RIGHT)],
        [(GITEA, RIGHT), (HUB, f"sha256={RIGHT}")],
        [(GITEA, RIGHT.upper())],
        [(GITEA, RIGHT), ("X-Hub-Signature", "sha1=whatever")],
    ],
)
def test_right(headers: list[tuple[str, str]]) -> None:
    assert judged(*headers) == ""


@pytest.mark.parametrize(
    ("headers", "why"),
    [
        ([], "it carries no signature"),
        ([("X-Hub-Signature", f"sha1={RIGHT[:40]}")], "it carries no signature"),
        ([(GITEA, "")], "x-gitea-signature is empty"),
        ([(HUB, "sha256=")], "x-hub-signature-256 is empty"),
        ([(HUB, "")], "x-hub-signature-256 is empty"),
        ([(HUB, RIGHT)], "x-hub-signature-256 is not a signature"),
        ([(HUB, f"sha1={RIGHT}")], "x-hub-signature-256 is not a signature"),
        ([(GITEA, f"sha256={RIGHT}")], "x-gitea-signature is not a signature"),
        ([(GITEA, RIGHT[:-1])], "x-gitea-signature is not a signature"),
        ([(GITEA, RIGHT[:-2])], "x-gitea-signature is not a signature"),
        ([(GITEA, RIGHT + "00")], "x-gitea-signature is not a signature"),
        ([(GITEA, RIGHT[:-1] + "g")], "x-gitea-signature is not a signature"),
        ([(GITEA, f" {RIGHT[1:]}")], "x-gitea-signature is not a signature"),
        ([(GITEA, "٣" * 64)], "x-gitea-signature is not a signature"),
        ([(GITEA, f"{RIGHT}\n")], "x-gitea-signature is not a signature"),
        ([(GITEA, WRONG)], "x-gitea-signature does not fit the body and our secret"),
        ([(GITEA, RIGHT), (HUB, f"sha256={WRONG}")], "x-hub-signature-256 does not fit the body and our secret"),
        ([(GITEA, WRONG), (HUB, f"sha256={RIGHT}")], "x-gitea-signature does not fit the body and our secret"),
        ([(GITEA, RIGHT), (GITEA, WRONG)], "x-gitea-signature does not fit the body and our secret"),
        ([(GITEA, RIGHT), (HUB, "sha256=")], "x-hub-signature-256 is empty"),
    ],
)
def test_wrong(headers: list[tuple[str, str]], why: str) -> None:
    assert judged(*headers) == why


@pytest.mark.parametrize("secret", [None, b""])
def test_without_a_secret_nothing_is_believed(secret: bytes | None) -> None:
    """Not even what an empty key would have signed, or what a forge without a secret sends."""
    assert "no webhook secret" in judged((GITEA, digest(BODY, b"")), secret=secret)
    assert judged((GITEA, ""), secret=secret) == "x-gitea-signature is empty"
    assert judged(secret=secret) == "it carries no signature"


def test_one_of_the_texts_has_to_fit() -> None:
    """Gitea signs the JSON in a form, others the form."""
    found = signatures([(GITEA, RIGHT)])
    assert objection(found, [b"payload=...", BODY], SECRET) == ""
    assert objection(found, [b"payload=...", b"other"], SECRET) != ""


def test_recordings_of_a_real_gitea_are_right() -> None:
    found = recordings()
    assert len(found) == 6
    for one in found:
        assert len(signatures(one.headers)) == 3
        assert objection(signatures(one.headers), [one.body], SECRET) == "", one.name
