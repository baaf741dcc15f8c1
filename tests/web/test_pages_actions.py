from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconciler.engine.daemon import Daemon
from reconciler.web.session import Access
from tests.web.house import House, wait_for
from tests.web.visitor import Visitor, visiting, words


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.push("The first of them")
    return made


@pytest.fixture
def daemon(house: House) -> Iterator[Daemon]:
    with house.living() as daemon:
        yield daemon


@pytest.fixture
def visitor(daemon: Daemon) -> Iterator[Visitor]:
    with visiting(daemon) as visitor:
        assert visitor.login().status_code == 303
        yield visitor


def test_pause_and_resume(house: House, daemon: Daemon, visitor: Visitor) -> None:
    form = visitor.form("/actions/pause?wizard=ada", "/actions/pause")
    answer = visitor.post("/actions/pause", {**form, "reason": "a prompt by hand"})

    assert answer.headers["location"] == "/wizards/ada?said=paused"
    assert daemon.host.ledger.records().pauses["ada"].reason == "a prompt by hand"
    wait_for(daemon, lambda v: v.ended is not None and "pause" in v.ended.trigger)
    assert "It is paused." in visitor.text(answer.headers["location"])

    house.config("ada", skin="dark")
    house.pass_(daemon)
    page = visitor.text("/actions/resume?wizard=ada")
    assert "! restart wizard/ada/body" in page
    assert "ada restarts:" in page
    assert "held" not in page
    assert house.display("ada") is None
    form = visitor.form("/actions/resume?wizard=ada", "/actions/resume")
    assert visitor.post("/actions/resume", form).headers["location"] == "/wizards/ada?said=resumed"
    wait_for(daemon, lambda v: v.ended is not None and "resume" in v.ended.trigger)
    assert house.display("ada") == {"skin": "dark"}


def test_a_rollback_shows_what_it_restores_and_does_exactly_that(
    house: House, daemon: Daemon, visitor: Visitor
) -> None:
    house.config("bo", skin="loud")
    house.pass_(daemon)

    page = visitor.text("/actions/rollback?wizard=bo")
    assert "Back to generation 1 of bo" in page
    assert "bo restarts:" in page
    assert "- display.skin: loud" in page
    form = visitor.form("/actions/rollback?wizard=bo", "/actions/rollback")
    answer = visitor.post("/actions/rollback", form)
    assert answer.status_code == 303
    ticket = answer.headers["location"].partition("?asked=")[2]
    wait_for(daemon, lambda v: v.answer(ticket))

    assert house.display("bo") is None
    assert "What you asked for ended: " in visitor.text(answer.headers["location"])
    assert "Rolled back by hand" in visitor.text("/wizards/bo")

    form = visitor.form("/actions/retry?wizard=bo", "/actions/retry")
    ticket = visitor.post("/actions/retry", form).headers["location"].partition("?asked=")[2]
    wait_for(daemon, lambda v: v.answer(ticket))
    assert house.display("bo") == {"skin": "loud"}


def test_an_edit_is_shown_and_applied(house: House, daemon: Daemon, visitor: Visitor) -> None:
    commit = house.config("cy", skin="x")

    page = visitor.text("/actions/plan")
    assert "! restart wizard/cy/body" in page
    assert commit[:7] in page
    assert house.display("cy") is None, "looking changes nothing"
    form = visitor.form("/actions/plan", "/actions/apply")
    ticket = visitor.post("/actions/apply", form).headers["location"].partition("?asked=")[2]
    ended = wait_for(daemon, lambda v: v.answer(ticket)).answer(ticket)
    assert ended is not None
    assert ended.result == "done"
    assert house.display("cy") == {"skin": "x"}


def test_a_plan_that_moved_is_not_done_and_says_what_moved(house: House, daemon: Daemon, visitor: Visitor) -> None:
    house.config("cy", skin="x")
    form = visitor.form("/actions/apply", "/actions/apply")
    house.config("bo", skin="y")

    answer = visitor.post("/actions/apply", form)

    assert answer.status_code == 409
    said = words(answer.text)
    assert "Nothing was done, because the plan is no longer the one you saw." in said
    assert "the commit" in said
    assert "wizard/bo/body" in said
    assert "! restart wizard/bo/body" in said, "the plan as it is now"
    assert house.display("cy") is None


def test_a_plan_that_nobody_saw_is_not_done(house: House, daemon: Daemon, visitor: Visitor) -> None:
    house.config("cy", skin="x")
    form = visitor.form("/actions/apply", "/actions/apply")

    answer = visitor.post("/actions/apply", {**form, "shown": "0" * 64})

    assert answer.status_code == 409
    assert "no longer remembered" in answer.text
    assert not daemon.passes.waiting()


def test_nothing_to_do_has_no_button(visitor: Visitor) -> None:
    page = visitor.get("/actions/apply").text

    assert "There is nothing to apply." in words(page)
    assert 'action="/actions/apply"' not in page
    assert 'action="/actions/resume"' not in visitor.get("/actions/resume?wizard=ada").text


def test_a_refused_plan_has_no_button(house: House, daemon: Daemon, visitor: Visitor) -> None:
    house.policy = {"max_restarts": 0}
    house.config("ada", skin="dark")

    page = visitor.get("/actions/apply").text
    assert "Allow-Restarts: 1" in page
    assert 'action="/actions/apply"' not in page


def test_an_invalid_fleet_is_told_and_can_still_be_paused(house: House, daemon: Daemon, visitor: Visitor) -> None:
    house.wizards["bo"]["port"] = house.wizards["ada"]["port"]
    house.push("Two on one port")

    page = visitor.get("/actions/apply").text
    assert "This can't be done now." in words(page)
    assert "fleet/bo.yaml" in page or "fleet/ada.yaml" in page
    form = visitor.form("/actions/pause?wizard=ada", "/actions/pause")
    assert visitor.post("/actions/pause", form).status_code == 303
    assert "ada" in daemon.host.ledger.records().pauses


@pytest.mark.parametrize("name", ["plan", "apply", "pause", "resume", "rollback", "retry"])
def test_actions_need_a_login(daemon: Daemon, name: str) -> None:
    with visiting(daemon) as visitor:
        seen = visitor.client.get(f"/actions/{name}?wizard=ada", follow_redirects=False)
        assert seen.status_code == 303
        assert seen.headers["location"] == f"/login?next=%2Factions%2F{name}%3Fwizard%3Dada"
        answer = visitor.post(f"/actions/{name}", {"wizard": "ada", "proof": "", "shown": ""})
        assert answer.status_code == 403
    assert daemon.host.ledger.records().pauses == {}
    assert not daemon.passes.waiting()


def test_without_a_token_there_are_no_actions_and_the_page_says_why(daemon: Daemon) -> None:
    with visiting(daemon, Access("")) as visitor:
        for path in ("/actions/pause?wizard=ada", "/login"):
            answer = visitor.get(path)
            assert answer.status_code == 403
            assert "because the settings name no token" in answer.text
        assert visitor.post("/login", {"token": ""}).status_code == 403
        assert visitor.post("/actions/pause", {"wizard": "ada"}).status_code == 403
        assert "all as desired" in visitor.text("/")


def test_a_form_of_somebody_elses_is_refused(daemon: Daemon, visitor: Visitor) -> None:
    form = visitor.form("/actions/pause?wizard=ada", "/actions/pause")

    for headers in (
        {"sec-fetch-site": "cross-site", "origin": "https://evil.example"},
        {"sec-fetch-site": "same-site", "origin": "http://127.0.0.1:81"},
        {"sec-fetch-site": "", "origin": "https://evil.example"},
    ):
        assert visitor.post("/actions/pause", form, **headers).status_code == 403
    visitor.headers = {"origin": "null"}
    assert visitor.post("/actions/pause", form).status_code == 403
    visitor.headers = {}
    assert visitor.post("/actions/pause", {**form, "proof": "x"}).status_code == 403
    assert visitor.post("/logout", {"proof": "x"}).status_code == 403
    assert daemon.host.ledger.records().pauses == {}
    assert visitor.post("/actions/pause", form).status_code == 303, "ours, from what sends neither header"


def test_unknown_names_and_broken_forms(daemon: Daemon, visitor: Visitor) -> None:
    assert visitor.get("/actions/explode").status_code == 404
    assert visitor.get("/actions/pause?wizard=adb").status_code == 404
    assert "Which wizard?" in visitor.get("/actions/pause").text
    form = visitor.form("/actions/pause?wizard=ada", "/actions/pause")
    assert visitor.post("/actions/pause", {**form, "wizard": "adb"}).status_code == 404
    assert visitor.client.post("/actions/pause", content=b"\xff=%ff", headers=visitor.headers).status_code == 400
    assert visitor.client.post("/actions/pause", content=b"a" * 20_000, headers=visitor.headers).status_code == 413
    many = "&".join(f"a{n}=1" for n in range(50))
    assert visitor.client.post("/actions/pause", content=many, headers=visitor.headers).status_code == 400
