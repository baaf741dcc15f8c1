"""Codebases from the index and from Git: each rule with one thing wrong, and the exact words."""

from __future__ import annotations

import pytest

from reconciler.spec.kinds import CheckoutSource, PypiSource
from tests.spec.fleets import PARTS, Case, Changes, load, told

SHA = "0123456789abcdef0123456789abcdef01234567"
URL = "https://git.example/owner/hermes.git"
ADDRESS = (
    "parts.yaml:3:15: source.git is not the address of a Git repository (write it as https://host/owner/repo.git, "
    "ssh://git@host/owner/repo.git or git@host:owner/repo.git, without a password or token)"
)


def source(text: str) -> Changes:
    old = "source: {pypi: hermes-agent, version: 0.19.0, with: [aiohttp]}"
    assert old in PARTS
    return {"parts.yaml": PARTS.replace(old, f"source: {{{text}}}")}


def git(url: str, commit: str = SHA) -> Changes:
    return source(f'git: "{url}", commit: "{commit}", with: [aiohttp]')


CASES: list[Case] = [
    ("a commit", git(URL), []),
    ("over ssh", git("ssh://git@git.example:2222/owner/hermes.git"), []),
    ("over ssh, as people write it", git("git@git.example:owner/hermes.git"), []),
    ("on the host", git("/srv/git/hermes.git"), []),
    (
        "a short commit",
        git(URL, "0123456"),
        [
            f"parts.yaml:3:{15 + len(URL) + 12}: source.commit `0123456` is not a whole commit (write all 40 "
            "hexadecimal digits; `git rev-parse HEAD` prints them)"
        ],
    ),
    (
        "a branch in place of a commit",
        git(URL, "main"),
        [
            f"parts.yaml:3:{15 + len(URL) + 12}: source.commit `main` is not a whole commit (write all 40 "
            "hexadecimal digits; `git rev-parse HEAD` prints them)"
        ],
    ),
    ("a program as the address", git("ext::sh -c evil"), [ADDRESS]),
    ("an option as the address", git("--upload-pack=evil"), [ADDRESS]),
    (
        "both at once",
        source(f"pypi: hermes-agent, commit: {SHA}"),
        ["parts.yaml:3:9: source must be {pypi: ...} or {git: ...}"],
    ),
    (
        "no commit",
        source(f"git: {URL}, with: [aiohttp]"),
        [
            "parts.yaml:3:9: commit is missing in source (add it: The commit, all 40 digits: a branch or a tag would "
            "mean another program tomorrow.)"
        ],
    ),
    (
        "without aiohttp",
        source(f"git: {URL}, commit: {SHA}"),
        [
            "parts.yaml:3:9: warning: codebase hermes-agent has no aiohttp beside it: the API server would never "
            "listen (add with: [aiohttp])"
        ],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_codebases(changes: Changes, expected: list[str]) -> None:
    assert told(changes) == [f"fleet/{line}" for line in expected]


def test_a_token_in_the_address_is_refused_and_never_repeated() -> None:
    lines = told(git("https://user:s3cret@git.example/hermes.git"))
    assert f"fleet/{ADDRESS}" in lines
    assert not any("s3cret" in line for line in lines)


def test_each_kind_of_source_is_a_type_of_its_own() -> None:
    fleets = [load(changes).fleet for changes in ({}, git(URL))]
    sources = [fleet.codebases["hermes-agent"].source for fleet in fleets if fleet]
    assert sources == [
        PypiSource(pypi="hermes-agent", version="0.19.0", with_=("aiohttp",)),
        CheckoutSource(git=URL, commit=SHA, with_=("aiohttp",)),
    ]
