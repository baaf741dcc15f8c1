"""What the text of a secret is like: keys that a machine drew, and names that a person gave."""

from __future__ import annotations

import random
import string

import pytest

from reconciler.spec.likeness import is_login, is_password, looks_random

ALPHABETS = {
    "base 62": string.ascii_letters + string.digits,
    "base 64 of addresses": string.ascii_letters + string.digits + "-_",
    "base 36": string.ascii_lowercase + string.digits,
    "hexadecimal": "0123456789abcdef",
}


@pytest.mark.parametrize("alphabet", ALPHABETS.values(), ids=ALPHABETS)
def test_keys_that_a_machine_drew(alphabet: str) -> None:
    draw = random.Random(8643)
    keys = ("".join(draw.choices(alphabet, k=40)) for _ in range(2_000))
    assert [key for key in keys if not looks_random(key)] == []


@pytest.mark.parametrize(
    "name",
    [
        "learn-contrib-2024-models",
        "fading-circle-12",
        "claude-3-5-sonnet-20241022-v2",
        "qwen2.5-coder-32b-instruct-q4_K_M",
        "ServiceToken2024",
        "YourApiTokenGoesHere1",
        "your-4f9a8b7c6d5e-token",
        "/etc/reconciler/gitea-token",
        "created_at_descending",
    ],
)
def test_names_that_a_person_gave(name: str) -> None:
    assert not looks_random(name)


@pytest.mark.parametrize(
    "text", ["password", "Secret", "${PASSWORD}", "$PASSWORD", "<password>", "your-password", "xxxxxx"]
)
def test_what_stands_in_the_place_of_a_password(text: str) -> None:
    assert not is_password(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ZXpyYTpodW50ZXIy", True),
        ("ZXpyYTp0b2tlbjE=", True),
        ("ZXpyYTp0b2tlbjE", True),
        ("dXNlcjpwYXNzd29yZA==", False),
        ("ZXpyYTo=", False),
        ("authentication", False),
        ("understanding", False),
        ("/////w==", False),
    ],
)
def test_a_login_of_basic_authentication(text: str, expected: bool) -> None:
    assert is_login(text) is expected
