"""`ask`: against a gateway that speaks the run API, and against none."""

from __future__ import annotations

import socket

import pytest

from reconciler import compose
from reconciler.cli.progress import Lines
from reconciler.engine.request import Request
from reconciler.plan.change import Action, Cause, Change, Operation, Reason, Step
from reconciler.plan.held import Held, Origin
from reconciler.plan.resource import Process
from reconciler.protocols.ledger import Result, Update
from tests.cli.conftest import Call
from tests.cli.gateway import gateway
from tests.cli.site import FLEET, Site, wizard


def running(site: Site, port: int) -> str:
    """Writes into the host's ledger that ada was started on the port; her key."""
    pool = f"ports: {{first: {port}, last: {port}}}\n---"
    site.push(
        {
            "fleet/fleet.yaml": FLEET.replace("---", pool, 1),
            "fleet/ada.yaml": wizard("ada", port, desired="unrobed"),
            "fleet/bob.yaml": None,
            "fleet/far.yaml": None,
        }
    )
    settings = compose.load(str(site.config), {})
    with compose.open_host(settings, Lines(colour=False, verbose=False), {}, change=True) as bound:
        planned = bound.reconciler.plan(Request())
        process = next(r for r in planned.wanted.desired.resources if isinstance(r, Process))
        commit = planned.plan.commit
        change = Change(process.key, "ada", Action.START, process, (Reason(Cause.DECLARED, "new in Git"),))
        step = Step("start", Operation.START, process.key, "ada")
        update = Update(hold=((process.key, Held(process, Origin.CREATED, (), commit)),))
        ledger = bound.host.ledger
        number = ledger.begin(commit, "test")
        ledger.settle(ledger.intend(number, commit, step, change, update), Result.DONE, "", update)
        ledger.finish(number, Result.DONE, "1 started")
        return bound.host.secrets.reveal(process.api_key)


def test_the_answer_is_printed(here: Call, site: Site) -> None:
    with gateway(site, status="completed", output="Forty-two.\n\x1b[2JReally.") as server:
        key = running(site, server.port)
        ran = here("ask", "ada", "what", "is it?")
        assert (ran.code, ran.out) == (0, "Forty-two.\nReally.\n")
        assert server.asked == [(key, "what is it?")]
        assert here("ask", "ada", "x", "--json").json == {
            "format": 1,
            "wizard": "ada",
            "answer": "Forty-two.\n\x1b[2JReally.",
        }


def test_text_from_standard_input(here: Call, site: Site) -> None:
    with gateway(site, status="completed", output="read") as server:
        running(site, server.port)
        assert here("ask", "ada", "-", stdin="one\ntwo\n").code == 0
        assert server.asked[0][1] == "one\ntwo\n"
        ran = here("ask", "ada", "-", stdin="\n")
        assert ran.code == 1
        assert "there is nothing to say" in ran.err


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({"status": "failed", "error": "HTTP 401 from the model"}, "HTTP 401 from the model"),
        ({"status": "waiting_for_approval"}, "approval"),
    ],
)
def test_a_run_that_fails_is_an_error(answer: dict[str, object], says: str, here: Call, site: Site) -> None:
    with gateway(site, **answer) as server:
        running(site, server.port)
        ran = here("ask", "ada", "hello")
    assert (ran.code, ran.out) == (1, "")
    assert says in ran.err


def test_a_wizard_that_does_not_answer(here: Call, site: Site) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    running(site, port)
    ran = here("ask", "ada", "hello", "--json")
    assert ran.code == 1
    assert f"nothing listens on port {port}" in ran.json["error"]["what"]


def test_wizards_that_can_not_be_asked(here: Call) -> None:
    assert here("run", "--once").code == 0
    ran = here("ask", "ada", "hello")
    assert ran.code == 1
    assert "has not been started here yet" in ran.err
    ran = here("ask", "adda", "hello")
    assert ran.code == 1
    assert "did you mean ada?" in ran.err
