"""Sends one message through Apprise, as a process of its own: `python -I -m reconciler.adapters.apprise_child`.

Reads one JSON object from standard input (addresses never stand in argv) and answers with one line of JSON. A process
of its own because Apprise loads a hundred and more services, which the daemon would carry in its memory for ever, and
because whatever a service does, it can be ended. Not done here: masking what Apprise says (apprise_notifier.py).
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from apprise import Apprise


class Order(TypedDict):
    """What to do. `tone` is one of Apprise's types; without a title it is only looked whether the addresses are any.
    After `seconds` this process ends, whatever it does."""

    addresses: list[str]
    title: str
    body: str
    tone: str
    seconds: int


class Answer(TypedDict):
    """About one address. `why` is what Apprise said, which may hold parts of the address."""

    known: bool
    sent: bool
    why: str


def main() -> None:
    order: Order = json.load(sys.stdin)
    signal.alarm(order["seconds"])
    answer = os.dup(1)
    os.dup2(2, 1)  # what a service prints is no answer
    import apprise  # noqa: F401 - once, before the threads

    logging.getLogger("apprise").addHandler(logging.NullHandler())
    with ThreadPoolExecutor(len(order["addresses"]) or 1) as pool:
        answers = list(pool.map(lambda address: _one(address, order), order["addresses"]))
    os.write(answer, json.dumps(answers).encode())


def _one(address: str, order: Order) -> Answer:
    from apprise import NotifyFormat, NotifyType

    service = _service(address)
    if service is None:
        return {"known": False, "sent": False, "why": ""}
    if not order["title"]:
        return {"known": True, "sent": False, "why": ""}
    said: list[str] = []
    sent = service.notify(
        order["body"],
        order["title"],
        NotifyType(order["tone"]),
        body_format=NotifyFormat.TEXT,
        log_callback=lambda entry, _: said.append(entry.message),
        log_level=logging.WARNING,
    )
    return {"known": True, "sent": bool(sent), "why": said[-1] if said else ""}


def _service(address: str) -> Apprise | None:
    from apprise import Apprise, AppriseAsset

    asset = AppriseAsset(app_id="reconciler", app_desc="reconciler", app_url="", secure_logging=True)
    found = Apprise.instantiate(address, asset=asset)
    if found is None:
        return None
    whole = Apprise(asset=asset)
    whole.add(found)
    return whole


if __name__ == "__main__":
    main()
