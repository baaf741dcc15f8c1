"""The endpoint: recordings, and each kind of bad request. Every one is one count and one line, and wakes nothing."""

from __future__ import annotations

import json
from urllib.parse import quote_plus, urlencode

import pytest
from starlette.testclient import TestClient

from reconciler.protocols.events import Level
from reconciler.web.deliveries import Watched
from reconciler.web.webhook import PATH, BodyLimits, Expects
from tests.web.knock import SECRET, Door, Recording, Reply, changed, digest, knock, push, recordings, signed

WAKES = {
    "01-push": ("push", "4e34a47afca7abaeb912f376b319b601e23bdb99", "webhook"),
    "04-pull_request": ("pull", 1, "webhook", "5f12fd218608a1b8c825bb2300b6784b42f55ee0"),
    "06-pull_request": ("pull", 1, "webhook", "e1e389e8f00ed69d1d561c4e43731116496e0d30"),
    "07-issue_comment": ("asked", 1, "webhook"),
}


def refused(door: Door, reply: Reply, status: int, outcome: str) -> None:
    """One answer in words, one count, one warning, nothing woken."""
    assert reply.status == status, reply.text
    assert reply.text
    assert "Traceback" not in reply.text
    assert door.outcomes == {outcome: 1}
    assert [event.level for event in door.said] == [Level.WARNING]
    assert "\n" not in door.said[0].text
    assert door.woken.calls == []


@pytest.mark.parametrize("one", recordings(), ids=lambda one: one.name)
def test_recordings(one: Recording) -> None:
    door = Door()
    reply = door.post(one.body, one.shaped)
    assert reply.status == 202
    wakes = WAKES.get(one.name)
    assert door.woken.calls == ([wakes] if wakes else [])
    assert reply.text == "accepted" if wakes else reply.text.startswith("ignored: ")
    assert door.outcomes == {"accepted" if wakes else "ignored": 1}
    assert [event.level for event in door.said] == [Level.INFO]
    assert reply.text in door.said[0].text


@pytest.mark.parametrize("one", recordings(), ids=lambda one: one.name)
def test_recordings_through_the_test_client(one: Recording) -> None:
    door = Door()
    with TestClient(door.app, base_url="http://localhost") as client:
        assert client.post(PATH, content=one.body, headers=dict(one.shaped)).status_code == 202
        assert client.post(PATH, content=one.body, headers=dict(one.shaped)).text == "ignored: replay"


@pytest.mark.parametrize("kind", list('{}":, \n07az/.-t[]'), ids=repr)
def test_a_byte_of_each_kind_changed(kind: str) -> None:
    tampered = 0
    for one in recordings():
        place = one.body.find(kind.encode())
        if place < 0:
            continue
        body = one.body[:place] + bytes([ord(kind) ^ 1]) + one.body[place + 1 :]
        door = Door()
        refused(door, door.post(body, one.shaped), 401, "bad_signature")
        tampered += 1
    assert tampered


@pytest.mark.parametrize("tamper", [lambda b: b + b" ", lambda b: b[:-1] + b" ", lambda b: b" " + b, lambda b: b[::-1]])
def test_whitespace_and_order_count_too(tamper: object) -> None:
    assert callable(tamper)
    door, one = Door(), recordings()[0]
    refused(door, door.post(tamper(one.body), changed(one.shaped, content_length=None)), 401, "bad_signature")


@pytest.mark.parametrize(
    "headers",
    [
        {"x_gitea_signature": None},
        {"x_gitea_signature": ""},
        {"x_gitea_signature": "0" * 64},
        {"x_gitea_signature": digest(push(), b"guess")},
        {"x_gitea_signature": digest(push())[:-1]},
        {"x_gitea_signature": "zz" * 32},
        {"x_hub_signature_256": "sha256="},
    ],
)
def test_forged(headers: dict[str, str | None]) -> None:
    door = Door()
    refused(door, door.post(push(), changed(signed(push()), **headers)), 401, "bad_signature")


def test_without_a_secret_only_insecure_settings_let_anybody_in() -> None:
    watched = Watched("sovereign/fleet", "main")
    closed = Door(Expects(watched, None))
    refused(closed, closed.post(push(), changed(signed(push()), x_gitea_signature="")), 401, "bad_signature")
    closed = Door(Expects(watched, None))
    refused(closed, closed.post(push(), changed(signed(push()), x_gitea_signature=None)), 401, "bad_signature")
    opened = Door(Expects(watched, None, insecure=True))
    assert opened.post(push(), changed(signed(push()), x_gitea_signature="")).text == "accepted"
    assert opened.post(push(), changed(signed(push()), x_gitea_signature=None)).text == "accepted"


def test_replayed() -> None:
    door = Door()
    assert door.post(push(), signed(push(), delivery="d-1")).text == "accepted"
    again = door.post(push(), signed(push(), delivery="d-1"))
    assert (again.status, again.text) == (202, "ignored: replay")
    assert door.post(push(), signed(push(), delivery="d-2")).text == "accepted"
    assert len(door.woken.calls) == 2
    assert door.outcomes == {"accepted": 2, "replay": 1}
    assert len(door.said) == 3


def test_a_forged_delivery_can_not_use_up_an_identifier() -> None:
    door = Door()
    forged = changed(signed(push(), delivery="d-1"), x_gitea_signature="0" * 64)
    assert door.post(push(), forged).status == 401
    assert door.post(push(), signed(push(), delivery="d-1")).text == "accepted"


def test_a_form_is_signed_as_gitea_does_or_whole() -> None:
    text = push()
    form = urlencode({"payload": text.decode()}).encode()
    kind = "application/x-www-form-urlencoded"
    for signature in (digest(text), digest(form)):
        door = Door()
        headers = changed(signed(form), content_type=kind, x_gitea_signature=signature)
        assert door.post(form, headers).text == "accepted"
    door = Door()
    refused(door, door.post(form, changed(signed(b"x"), content_type=kind, content_length=None)), 401, "bad_signature")


@pytest.mark.parametrize(
    ("form", "outcome"),
    [
        (b"", "unreadable"),
        (b"other=1", "unreadable"),
        (b"payload={}&payload={}", "unreadable"),
        (b"payload=" + quote_plus("[1]").encode(), "unreadable"),
        (b"&".join(b"a%d=1" % n for n in range(50)), "unreadable"),
        (b"payload=%ff%fe", "wrong_charset"),
        ("payload=ü".encode(), "wrong_charset"),
    ],
)
def test_bad_forms(form: bytes, outcome: str) -> None:
    door = Door()
    headers = changed(signed(form), content_type="application/x-www-form-urlencoded")
    refused(door, door.post(form, headers), 400, outcome)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b'"push"',
        b"7",
        b"null",
        b"{",
        push()[:-1],
        push() + b"}",
        b"NaN",
        b'{"a": Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": ' + b"[" * 65 + b"]" * 65 + b"}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"\xef\xbb\xbf" + push(),
    ],
    ids=lambda body: f"{len(body)}-{body[:12]!r}",
)
def test_signed_but_not_a_json_object(body: bytes) -> None:
    door = Door()
    refused(door, door.post(body, signed(body)), 400, "unreadable")


@pytest.mark.parametrize("body", [push().decode().encode("utf-16"), b'{"a": "\xff"}', "{'ü': 1}".encode("latin-1")])
def test_signed_but_not_utf_8(body: bytes) -> None:
    door = Door()
    refused(door, door.post(body, signed(body)), 400, "wrong_charset")


@pytest.mark.parametrize("kind", ["application/json; charset=utf-16", "application/json;charset=ISO-8859-1"])
def test_another_character_set(kind: str) -> None:
    door = Door()
    refused(door, door.post(push(), changed(signed(push()), content_type=kind)), 400, "wrong_charset")


@pytest.mark.parametrize("kind", ["application/json; charset=UTF-8", 'Application/JSON; charset="utf-8"'])
def test_utf_8_may_be_said(kind: str) -> None:
    assert Door().post(push(), changed(signed(push()), content_type=kind)).text == "accepted"


@pytest.mark.parametrize(
    "kind", [None, "", "text/plain", "application/xml", "multipart/form-data", "application/jsonx"]
)
def test_another_content_type(kind: str | None) -> None:
    door = Door()
    refused(door, door.post(push(), changed(signed(push()), content_type=kind)), 415, "wrong_type")


def test_a_compressed_body() -> None:
    door = Door()
    refused(door, door.post(push(), [*signed(push()), ("Content-Encoding", "gzip")]), 415, "wrong_type")


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods(method: str) -> None:
    door = Door()
    reply = knock(door.app, push(), signed(push()), method)
    refused(door, reply, 405, "wrong_method")
    assert reply.headers["allow"] == "POST"


@pytest.mark.parametrize("announced", [True, False])
@pytest.mark.parametrize("parts", [2, 5000])
def test_too_large(announced: bool, parts: int) -> None:
    door = Door(limits=BodyLimits(size=1000))
    body = b" " * 1001 if parts == 2 else b" " * 100_000
    headers = signed(body) if announced else changed(signed(body), content_length=None)
    pieces = [body[i : i + len(body) // parts + 1] for i in range(0, len(body), len(body) // parts + 1)]
    refused(door, knock(door.app, pieces, headers), 413, "too_large")


def test_the_size_itself_is_not_too_large() -> None:
    body = push()
    assert Door(limits=BodyLimits(size=len(body))).post(body).text == "accepted"
    assert Door(limits=BodyLimits(size=len(body) - 1)).post(body).status == 413


def test_truncated() -> None:
    door = Door()
    refused(door, knock(door.app, push()[:20], signed(push()), ends="cut"), 400, "truncated")


def test_slow() -> None:
    door = Door(limits=BodyLimits(seconds=0.05))
    reply = knock(door.app, push()[:20], signed(push()), ends="silent")
    refused(door, reply, 408, "too_slow")
    assert reply.headers["connection"] == "close"


def test_wrong_repository_branch_and_event_are_no_errors() -> None:
    door = Door()
    for body, event, why in [
        (push(repository="eve/fleet"), "push", "ignored: it is about the repository eve/fleet, not sovereign/fleet"),
        (push(branch="next"), "push", "ignored: it is about the branch next, not main"),
        (b"{}", "wiki", "ignored: the event wiki wakes nothing"),
        (b"{}", "", "ignored: it names no event"),
        (b"{}", "pull_request", "ignored: it is about the repository ?, not sovereign/fleet"),
    ]:
        reply = door.post(body, signed(body, event))
        assert (reply.status, reply.text) == (202, why)
    assert door.woken.calls == []
    assert door.counts.taken()["push", "ignored"] == 2
    assert door.counts.taken()["other", "ignored"] == 1
    assert door.counts.taken()["none", "ignored"] == 1


def test_keys_that_come_twice_and_strange_text_are_fine() -> None:
    strange = b'{"strange": "\\ud800\\u0000", "ref": "x", ' + push()[1:]
    assert Door().post(strange).text == "accepted"


def test_half_a_character_in_a_name_does_no_harm() -> None:
    door = Door()
    body = b'{"ref": "refs/heads/\\ud800\\u001b[2J\\n", "repository": {"full_name": "sovereign/fleet"}}'
    assert door.post(body).text == "ignored: it is about the branch ??[2J?, not main"
    assert door.said[0].text.isascii()


def test_lines_hold_neither_the_secret_nor_a_right_signature() -> None:
    door = Door()
    door.post(push(), changed(signed(push()), x_gitea_signature="1" * 64))
    door.post(push())
    words = " ".join(event.text for event in door.said)
    assert SECRET.decode() not in words
    assert digest(push()) not in words


def test_settings_that_are_read_again_count_at_once() -> None:
    door = Door()
    assert door.post(push()).status == 202
    door.expects = Expects(Watched("sovereign/fleet", "main"), b"a new key")
    assert door.post(push()).status == 401
    assert door.post(push(), signed(push(), secret=b"a new key")).text == "accepted"


def test_a_bug_behind_the_door_is_told_once_and_counted() -> None:
    door = Door()
    door.woken.breaks = ValueError("a\nb")
    reply = door.post(push(), signed(push(), delivery="d-1"))
    assert reply.status == 500
    assert "this is a bug in reconciler" in reply.text
    assert "ValueError" not in reply.text
    assert [event.level for event in door.said] == [Level.ERROR]
    assert "ValueError: a?b" in door.said[0].text
    assert door.outcomes == {"bug": 1}
    # What was not woken was not seen either: the forge may send it again.
    door.woken.breaks = None
    assert door.post(push(), signed(push(), delivery="d-1")).text == "accepted"


def test_the_largest_real_delivery_is_far_below_the_limit() -> None:
    assert max(len(one.body) for one in recordings()) * 50 < BodyLimits().size
    assert json.loads(recordings()[0].body)["ref"] == "refs/heads/main"
