"""Whatever is sent: an answer below 500, one count, one line, no traceback, and nothing woken that was not signed."""

from __future__ import annotations

import json
import string

from hypothesis import given, settings
from hypothesis import strategies as st

from reconciler.protocols.events import Level
from reconciler.web.deliveries import READERS, Ignored, Watched, parse
from reconciler.web.webhook import BodyLimits
from tests.web.knock import Door, Headers, Reply, changed, digest, knock, push, recordings, signed

NAMES = [
    "Host",
    "Content-Type",
    "Content-Length",
    "Content-Encoding",
    "Transfer-Encoding",
    "X-Gitea-Event",
    "X-Gitea-Event-Type",
    "X-Forgejo-Event",
    "X-Gitea-Delivery",
    "X-Gitea-Signature",
    "X-Gogs-Signature",
    "X-Hub-Signature-256",
    "X-Hub-Signature",
]
VALUES = ["localhost", "application/json", "sha256=", "sha256=" + "0" * 64, "0" * 64, "push", "9" * 30, "-1"]
KEYS = ["ref", "ref_type", "action", "number", "repository", "full_name", "pull_request", "base", "head", "issue"]
WORDS = ["refs/heads/main", "main", "branch", "opened", "closed", "created", "sovereign/fleet"]
latin = st.text(st.characters(codec="latin-1"), max_size=60)
headers = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | latin), max_size=12)
keys = st.sampled_from(KEYS)
numbers = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
leaves = numbers | st.text(max_size=20) | st.sampled_from(WORDS)
documents = st.recursive(
    leaves, lambda below: st.lists(below, max_size=4) | st.dictionaries(keys | st.text(max_size=8), below, max_size=6)
)
events = st.sampled_from([*READERS, "wiki", ""]) | st.text(string.printable.strip(), max_size=30)


def sound(door: Door, reply: Reply) -> None:
    assert 200 <= reply.status < 500, reply
    assert "Traceback" not in reply.text
    assert sum(door.outcomes.values()) == 1
    assert len(door.said) == 1
    assert door.said[0].level is not Level.ERROR
    assert door.said[0].text.isprintable()


@settings(deadline=None)
@given(headers, st.binary(max_size=400))
def test_any_headers_and_body(found: Headers, body: bytes) -> None:
    door = Door()
    sound(door, knock(door.app, body, [("Host", "localhost"), *found]))
    assert door.woken.calls == []


@settings(deadline=None)
@given(st.sampled_from(recordings()), headers)
def test_real_deliveries_with_other_headers(one: object, found: Headers) -> None:
    """Headers that were changed may only make it refused; the body is what was signed."""
    assert one in recordings()
    recording = next(r for r in recordings() if r == one)
    door = Door()
    names = {name.lower() for name, _ in found}
    kept = [(name, value) for name, value in recording.shaped if name.lower() not in names]
    sound(door, knock(door.app, recording.body, [*kept, *found]))


@settings(deadline=None)
@given(events, documents)
def test_any_signed_document(event: str, document: object) -> None:
    door = Door()
    body = json.dumps(document).encode()
    sound(door, door.post(body, signed(body, event)))


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_signed_bytes(body: bytes) -> None:
    door = Door()
    sound(door, door.post(body, signed(body)))
    assert door.woken.calls == []


@settings(deadline=None)
@given(st.binary(max_size=300))
def test_any_signed_form(body: bytes) -> None:
    door = Door()
    sound(door, door.post(body, changed(signed(body), content_type="application/x-www-form-urlencoded")))
    assert door.woken.calls == []


@settings(deadline=None)
@given(st.lists(st.binary(max_size=90), max_size=9), st.sampled_from(["whole", "cut"]), st.booleans())
def test_any_pieces(pieces: list[bytes], ends: str, announced: bool) -> None:
    door = Door(limits=BodyLimits(size=200))
    body = b"".join(pieces)
    found = signed(body) if announced else changed(signed(body), content_length=None)
    reply = knock(door.app, pieces, found, ends=ends)
    sound(door, reply)
    assert (reply.status == 413) == (len(body) > 200)


@settings(deadline=None)
@given(st.text(string.hexdigits, min_size=60, max_size=68))
def test_guessed_signatures(guess: str) -> None:
    door = Door()
    reply = door.post(push(), changed(signed(push()), x_gitea_signature=guess))
    assert (reply.status == 202) == (guess.lower() == digest(push()))


@settings(deadline=None)
@given(events, st.dictionaries(keys, documents, max_size=4))
def test_parse_never_fails(event: str, body: dict[str, object]) -> None:
    found = parse(event, body, Watched("sovereign/fleet", "main"))
    if isinstance(found, Ignored):
        assert found.reason
        assert found.reason.isprintable()
        assert len(found.reason) < 400
