"""Announcements through Apprise, which knows a hundred and more services by their address.

Addresses are revealed when something is sent, and go to a child process through a pipe. What Apprise says is shown with
every part of every address masked. Not done here: repeating, remembering (engine/herald.py).
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import unquote

from reconciler.errors import ReconcilerError
from reconciler.plan.announcement import Announcement, Kind
from reconciler.protocols.notifier import Undelivered

if TYPE_CHECKING:
    from reconciler.adapters.apprise_child import Answer, Order

WIKI = "https://github.com/caronc/apprise/wiki"
SECONDS = 30
"""How long one message may take to reach all addresses. Apprise itself waits 4 s for a connection and 4 s for an
answer unless an address says otherwise (`?cto=10&rto=30`)."""
_PASSED = ("PATH", "LANG", "LC_ALL", "HOME", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")
_TONES = {
    Kind.FAILED: "failure",
    Kind.QUARANTINED: "failure",
    Kind.STUCK: "warning",
    Kind.TROUBLE: "warning",
    Kind.RECOVERED: "success",
    Kind.CORRECTED: "info",
}
_SHORTEST = 3
"""Characters of a part of an address that is masked; what is shorter says nothing by itself."""


class AppriseNotifier:
    """`reveal` gives the text of each address when it is called, and may raise ReconcilerError; `environ` is our own.

    See `protocols.notifier.Notifier`. A message may take so many `seconds`.
    """

    def __init__(self, reveal: Sequence[Callable[[], str]], environ: Mapping[str, str], seconds: int = SECONDS) -> None:
        self._reveal = tuple(reveal)
        self._environ = {k: v for k, v in environ.items() if k in _PASSED or k.lower() in _PROXIES}
        self._seconds = seconds
        self._lock = Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = False

    @property
    def addresses(self) -> int:
        return len(self._reveal)

    def check(self) -> tuple[Undelivered, ...]:
        return self._carry(None, range(self.addresses))

    def send(self, announcement: Announcement, addresses: Iterable[int]) -> tuple[Undelivered, ...]:
        return self._carry(announcement, addresses)

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._child is not None:
                self._child.kill()

    def _carry(self, announcement: Announcement | None, numbers: Iterable[int]) -> tuple[Undelivered, ...]:
        texts, failed = self._texts(numbers)
        if not texts:
            return failed
        order: Order = {
            "addresses": list(texts.values()),
            "title": announcement.title if announcement else "",
            "body": announcement.body if announcement else "",
            "tone": _TONES[announcement.kind] if announcement else "info",
            "seconds": self._seconds + 5,
        }
        answers = self._ask(order)
        if isinstance(answers, str):
            return (*failed, *(Undelivered(n, _name(n, text), answers) for n, text in texts.items()))
        judged = (
            _judged(number, text, answer, announcement is None)
            for (number, text), answer in zip(texts.items(), answers, strict=True)
        )
        return (*failed, *(one for one in judged if one is not None))

    def _texts(self, numbers: Iterable[int]) -> tuple[dict[int, str], tuple[Undelivered, ...]]:
        """The addresses that can be read, and those that can't."""
        texts, failed = {}, []
        for number in numbers:
            try:
                texts[number] = self._reveal[number]()
            except ReconcilerError as error:
                failed.append(Undelivered(number, _name(number, ""), str(error)))
        return texts, tuple(failed)

    def _ask(self, order: Order) -> list[Answer] | str:
        """What the child says about each address, or in words why it said nothing."""
        try:
            child = self._start()
        except OSError as error:
            return f"Apprise can't be started ({error.strerror})"
        if child is None:
            return "reconciler is ending"
        try:
            said, _ = child.communicate(json.dumps(order).encode(), self._seconds)
        except subprocess.TimeoutExpired:
            return f"took longer than {self._seconds} s"
        finally:
            self._end(child)
        try:
            answers: list[Answer] = json.loads(said)
        except ValueError:
            return "reconciler is ending" if self._closed else f"Apprise ended with {child.returncode} and said nothing"
        return answers

    def _start(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._closed:
                return None
            self._child = subprocess.Popen(
                [sys.executable, "-I", "-m", "reconciler.adapters.apprise_child"],
                env=self._environ,
                cwd="/",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            return self._child

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        child.kill()
        with self._lock, child:
            self._child = None


def _judged(number: int, address: str, answer: Answer, checking: bool) -> Undelivered | None:
    name = _name(number, address)
    if not answer["known"]:
        return Undelivered(number, name, f"is no address that Apprise knows; see {WIKI}", again=False)
    if answer["sent"] or checking:
        return None
    return Undelivered(number, name, masked(answer["why"], address) or "was refused, and Apprise does not say why")


def _name(number: int, address: str) -> str:
    """`address 2 of notify.to (json)`."""
    scheme = re.match(r"([a-z][a-z0-9+]{0,15})://", address)
    return f"address {number + 1} of notify.to{f' ({scheme[1]})' if scheme else ''}"


def masked(text: str, address: str) -> str:
    """The text on one line, with every part of the address but its scheme replaced by `***`."""
    rest = re.sub(r"^[a-z][a-z0-9+]{0,15}://", "", address)
    parts = {address, rest, *re.split(r"[/:@?&=,#+;\s]+", rest), *re.split(r"[^\w.%-]+", rest)}
    parts |= {unquote(part) for part in parts}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _SHORTEST:
            text = text.replace(part, "***")
    return " ".join(text.split())[:300]
