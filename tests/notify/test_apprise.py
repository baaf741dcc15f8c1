"""Apprise against real endpoints on this machine: what arrives, what does not, and what is never said."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from email import message_from_bytes
from pathlib import Path
from threading import Thread
from time import monotonic

import pytest

from reconciler.adapters.apprise_notifier import AppriseNotifier, masked
from reconciler.errors import Retryable
from reconciler.plan.announcement import Kind
from tests.notify.post_office import LETTER, Office, closed_port, office, said

pytestmark = pytest.mark.system


@pytest.fixture
def post() -> Iterator[Office]:
    with office() as mine:
        yield mine


def notifier(*addresses: str, seconds: int = 60) -> AppriseNotifier:
    return AppriseNotifier([said(address) for address in addresses], os.environ, seconds)


def test_a_message_arrives_as_it_is(post: Office) -> None:
    one = notifier(post.address)
    assert (one.addresses, one.check(), post.came) == (1, (), [])
    assert one.send(LETTER, [0]) == ()
    (came,) = post.came
    assert (came["title"], came["message"], came["type"]) == (LETTER.title, LETTER.body, "failure")
    assert one.send(replace(LETTER, kind=Kind.RECOVERED), [0]) == ()
    assert post.came[1]["type"] == "success"


def test_each_address_is_judged_by_itself_and_no_secret_is_said(post: Office) -> None:
    dead = f"json://bob:0penSesame@127.0.0.1:{closed_port()}/d3adT0ken"
    strange = "nosuchservice://s3cretToken1"

    def missing() -> str:
        raise Retryable("/etc/token can't be read", where="secret token")

    one = AppriseNotifier([said(post.address), said(dead), said(strange), missing], os.environ, 60)
    failed = one.send(LETTER, range(4))
    assert sorted(one.address for one in failed) == [1, 2, 3]
    assert len(post.came) == 1
    names = {one.address: one for one in failed}
    assert (names[1].name, names[1].again) == ("address 2 of notify.to (json)", True)
    assert (names[2].name, names[2].again) == ("address 3 of notify.to (nosuchservice)", False)
    assert "wiki" in names[2].why
    assert (names[3].name, names[3].why) == ("address 4 of notify.to", "secret token: /etc/token can't be read")
    told = repr(failed)
    assert not [text for text in ("0penSesame", "d3adT0ken", "s3cretToken1", "bob", "hunter2") if text in told]
    assert [one.address for one in one.check()] == [3, 2]


def test_a_refusal_is_told_with_its_status(post: Office) -> None:
    post.status = 403
    (failed,) = notifier(post.address).send(LETTER, [0])
    assert "403" in failed.why
    assert "hunter2secret" not in repr(failed)
    assert "t0pT0ken" not in repr(failed)


def test_a_service_that_never_answers_is_given_up(post: Office) -> None:
    post.answering.clear()
    (failed,) = notifier(post.address.replace("rto=20", "rto=50"), seconds=5).send(LETTER, [0])
    assert failed.why == "took longer than 5 s"
    assert failed.again


def test_closing_cuts_short_what_is_sent(post: Office) -> None:
    post.answering.clear()
    one = notifier(post.address.replace("rto=20", "rto=300"), seconds=300)
    found: list[object] = []
    sender = Thread(target=lambda: found.extend(one.send(LETTER, [0])))
    began = monotonic()
    sender.start()
    assert post.arrived.wait(60)
    one.close()
    sender.join(60)
    assert not sender.is_alive()
    assert monotonic() - began < 250
    assert "reconciler is ending" in repr(found)
    assert "reconciler is ending" in repr(one.send(LETTER, [0]))
    one.close()


def test_no_address_is_in_argv_or_environment(post: Office) -> None:
    post.answering.clear()
    one = notifier(post.address)
    sender = Thread(target=lambda: one.send(LETTER, [0]))
    sender.start()
    assert post.arrived.wait(60)
    child = one._child
    assert child is not None
    seen = b"".join(Path(f"/proc/{child.pid}/{name}").read_bytes() for name in ("cmdline", "environ"))
    assert b"apprise_child" in seen
    assert b"hunter2secret" not in seen
    post.answering.set()
    sender.join(60)


def test_apprise_is_never_loaded_into_our_own_process(post: Office) -> None:
    """In an interpreter of its own, since a test may have loaded it here."""
    code = (
        "import os, sys\n"
        "from reconciler.adapters.apprise_notifier import AppriseNotifier\n"
        "from tests.notify.post_office import LETTER\n"
        "print(AppriseNotifier([lambda: sys.argv[1]], os.environ, 60).send(LETTER, [0]), 'apprise' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, post.address], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("() False\n", "")


def test_mail_over_smtp() -> None:
    """A real conversation with the least of a mail server."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        server.settimeout(60)
        mails: list[bytes] = []
        listener = Thread(target=lambda: mails.append(_take_mail(server)))
        listener.start()
        port = server.getsockname()[1]
        address = f"mailto://127.0.0.1:{port}?from=vps@example.org&to=ops@example.org&mode=insecure&smtp=127.0.0.1"
        assert notifier(address).send(LETTER, [0]) == ()
        listener.join(60)
    mail = message_from_bytes(mails[0])
    assert mail["Subject"] == LETTER.title
    texts = [part.get_payload(decode=True) for part in mail.walk() if not part.is_multipart()]
    assert any(b"see &amp; mend" in bytes(text) or b"see & mend" in bytes(text) for text in texts if text)


def _take_mail(server: socket.socket) -> bytes:
    connection, _ = server.accept()
    mail = b""
    with connection, connection.makefile("rwb") as stream:
        stream.write(b"220 test\r\n")
        stream.flush()
        inside = False
        while line := stream.readline():
            if inside and line != b".\r\n":
                mail += line
                continue
            verb = line[:4].upper()
            answer = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n")
            inside = verb == b"DATA"
            stream.write(answer)
            stream.flush()
            if verb == b"QUIT":
                break
    return mail


@pytest.mark.parametrize(
    ("text", "address", "shown"),
    [
        ("no tok3nA here", "slack://tok3nA/B0rp/x", "no *** here"),
        ("at https://a%20b.example/p w", "json://u:a%20b.example@h/p", "at https://***/p w"),
        ("user a b is wrong", "json://a%20b@h", "user *** is wrong"),
        ("two\nlines", "json://h", "two lines"),
        ("key=abc&d", "json://h?key=abc", "***=***&d"),
    ],
)
def test_masking(text: str, address: str, shown: str) -> None:
    assert masked(text, address) == shown
