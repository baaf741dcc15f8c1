"""Actions over the API: first the plan, then exactly that, or what moved."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.web.session import Access
from tests.engine.site import NEW, NEWEST, runs
from tests.web.apihouse import TOKEN, Client, Document, app_of, living
from tests.web.house import House, wait_for

ACTIONS = (
    "/plan",
    "/apply",
    "/retry",
    "/wizards/ada/pause",
    "/wizards/ada/resume",
    "/wizards/ada/rollback",
    "/wizards/ada/retry",
)


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.push("three wizards")
    return made


def _changes(shown: Document) -> dict[str, str]:
    return {one["key"]: one["disposition"] for one in shown["plan"]["changes"]}  # type: ignore[index]


@pytest.mark.parametrize("path", ACTIONS)
def test_each_action_needs_the_token(house: House, path: str) -> None:
    with house.open() as daemon:
        client = Client(app_of(daemon), daemon, house)
        for headers in (
            {},
            {"authorization": TOKEN},
            {"authorization": "Bearer "},
            {"authorization": f"Basic {TOKEN}"},
        ):
            answer = client.ask("POST", f"/api/v1{path}", json={}, headers=headers)
            assert (answer.status_code, answer.json()["what"]) == (401, "changing something needs the token")
        assert client.ask("POST", f"/api/v1{path}", json={}, token=f"{TOKEN}x").status_code == 401
        assert (
            client.ask("POST", f"/api/v1{path}", json={}, headers={"cookie": f"reconciler_session={TOKEN}"}).status_code
            == 401
        )


def test_without_a_token_in_the_settings_nothing_can_be_changed(house: House) -> None:
    with house.open() as daemon:
        client = Client(app_of(daemon, Access("")), daemon, house)
        for token in ("", "x"):
            answer = client.ask("POST", "/api/v1/apply", json={}, token=token)
            assert (answer.status_code, answer.json()["mend"]) == (403, "set web.token in the settings")


def test_a_plan_changes_nothing_and_its_fingerprint_applies_exactly_it(house: House) -> None:
    with living(house) as client:
        house.config("ada", theme="dark")
        shown = client.post("/plan")
        assert (shown["dry"], shown["action"]) == (True, "apply")
        assert _changes(shown)["wizard/ada/body"] == "apply"
        assert house.display("ada") is None
        done = client.post("/apply", 202, fingerprint=shown["fingerprint"])
        wait_for(client.daemon, lambda v: v.answer(done["ticket"]))
        assert house.display("ada") == {"theme": "dark"}
        assert client.post("/plan")["plan"]["changes"] == []  # type: ignore[index]


def test_the_same_state_has_the_same_fingerprint_and_another_request_another(house: House) -> None:
    with living(house) as client:
        house.config("ada", theme="dark")
        first, again = client.post("/plan"), client.post("/apply")
        other = client.post("/plan", wizards=["ada"])
        assert first["fingerprint"] == again["fingerprint"] != other["fingerprint"]
        problem = client.post("/apply", 409, fingerprint=other["fingerprint"])
        assert "was given for another request" in str(problem["what"])


def test_a_stale_plan_is_refused_with_what_moved(house: House) -> None:
    with living(house) as client:
        house.config("ada", theme="dark")
        shown = client.post("/plan")
        house.config("bo", theme="light")
        problem = client.post("/apply", 409, fingerprint=shown["fingerprint"])
        assert problem["type"] == "urn:reconciler:problem:stale"
        moved = problem["moved"]
        assert str(moved[0]).startswith("the branch (")  # type: ignore[index]
        assert "wizard/bo/file/home/config.yaml" in moved  # type: ignore[operator]
        assert house.display("ada") is None


def test_what_somebody_changed_on_the_host_makes_it_stale_too(house: House) -> None:
    with living(house) as client:
        shown = client.post("/plan")
        (house.home("cy") / "SOUL.md").write_text("somebody else\n")
        problem = client.post("/apply", 409, fingerprint=shown["fingerprint"])
        assert problem["moved"] == ["wizard/cy/file/home/SOUL.md"]


def test_a_fingerprint_that_nobody_was_given_is_refused(house: House) -> None:
    with living(house) as client:
        assert "lately" in str(client.post("/apply", 409, fingerprint="0" * 32)["what"])


def test_a_plan_that_policy_refuses_is_shown_and_not_applied(house: House) -> None:
    with living(house) as client:
        del house.wizards["cy"]
        house.push("cy goes")
        shown = client.post("/plan")
        assert shown["plan"]["refused"] is True  # type: ignore[index]
        problem = client.post("/apply", 409, fingerprint=shown["fingerprint"])
        assert str(problem["what"]).startswith("the plan is refused whole")
        client.done("/apply", allow_delete=["cy"])
        assert not house.home("cy").exists()


def test_pause_shows_what_is_held_and_resume_what_goes_on(house: House) -> None:
    with living(house) as client:
        house.config("ada", theme="dark")
        shown = client.post("/wizards/ada/pause", reason="by hand")
        assert set(_changes(shown).values()) == {"held"}
        assert client.daemon.host.ledger.records().pauses == {}
        client.post("/wizards/ada/pause", 202, reason="by hand", fingerprint=shown["fingerprint"])
        assert client.daemon.host.ledger.records().pauses["ada"].reason == "by hand"
        house.pass_(client.daemon)
        assert house.display("ada") is None
        shown = client.post("/wizards/ada/resume")
        assert set(_changes(shown).values()) == {"apply"}
        assert "ada" in client.daemon.host.ledger.records().pauses
        assert client.post("/wizards/ada/resume", 202, fingerprint=shown["fingerprint"])["done"] is True
        house.pass_(client.daemon)
        assert house.display("ada") == {"theme": "dark"}


def test_a_pause_is_possible_while_no_plan_can_be_made(house: House) -> None:
    with living(house) as client:
        house.remote.commit({"fleet/ada.yaml": "kind: Wizard\n"}, "broken")
        shown = client.post("/wizards/ada/pause")
        assert (shown["plan"], "has" in str(shown["trouble"])) == (None, True)
        assert client.post("/wizards/ada/pause", 202, fingerprint=shown["fingerprint"])["done"] is True
        assert client.post("/wizards/nobody/pause", 404)["what"] == "there is no wizard `nobody`"
        assert client.post("/apply", 422)["mend"] == "mend the lines named above and push again"


def test_rollback_shows_the_way_back_and_goes_it(house: House) -> None:
    with living(house) as client:
        house.config("ada", theme="dark")
        house.pass_(client.daemon)
        shown = client.post("/wizards/ada/rollback")
        assert "ada" in shown["plan"]["quarantined"]  # type: ignore[index]
        client.done("/wizards/ada/rollback")
        assert house.display("ada") is None
        problem = client.post("/wizards/ada/rollback", 422)
        assert "has gone back already" in str(problem["what"])
        client.done("/wizards/ada/retry")
        assert house.display("ada") == {"theme": "dark"}


def test_retry_lifts_a_quarantine(house: House) -> None:
    with living(house) as client:
        house.gateways.ill = runs(NEWEST)
        house.version(NEWEST)
        house.pass_(client.daemon)
        assert client.get("/host")["settled"] is False
        house.gateways.ill = lambda program: ""
        client.done("/retry")
        for _ in house.wizards:
            house.pass_(client.daemon)
        assert {name: house.running(name) for name in house.wizards} == dict.fromkeys(house.wizards, NEWEST)
        assert NEW != NEWEST


@pytest.mark.parametrize("act", ["pause", "resume", "rollback", "retry"])
def test_nobody_can_be_acted_on_who_is_not_there(house: House, act: str) -> None:
    with living(house) as client:
        client.post(f"/wizards/adda/{act}", 404)
        assert client.daemon.host.ledger.records().pauses == {}


@pytest.mark.parametrize("path", ["/apply", "/plan", "/retry"])
def test_a_wizard_that_nobody_knows_is_refused(house: House, path: str) -> None:
    with living(house) as client:
        assert client.post(path, 404, wizards=["adda"])["mend"] == "did you mean ada?"


@pytest.mark.parametrize(
    ("text", "kind", "status", "says"),
    [
        ("{}", "text/plain", 415, "application/json"),
        ("", "application/json", 400, "not JSON"),
        ("[]", "application/json", 400, "not an object"),
        ("{", "application/json", 400, "not JSON"),
        ("[" * 100_000, "application/json", 413, "over 65536 bytes"),
        ('{"a":' * 5_000, "application/json", 400, "JSON"),
        ('{"wizards": "ada"}', "application/json", 422, "wizards"),
        ('{"wizards": ["../etc"]}', "application/json", 422, "wizards.0"),
        ('{"allow_restarts": true}', "application/json", 422, "allow_restarts"),
        ('{"allow_restarts": "1"}', "application/json", 422, "allow_restarts"),
        ('{"allow_restarts": 1e400}', "application/json", 422, "allow_restarts"),
        ('{"fingerprint": "\\ud800"}', "application/json", 422, "fingerprint"),
        ('{"sudo": 1}', "application/json", 422, "sudo"),
        ('{"\\n\\u202e": 1}', "application/json", 422, "??"),
        ("\xff", "application/json", 400, ""),
    ],
)
def test_a_body_that_is_none_is_refused_in_words(house: House, text: str, kind: str, status: int, says: str) -> None:
    with house.open() as daemon:
        client = Client(app_of(daemon), daemon, house)
        answer = client.ask(
            "POST",
            "/api/v1/apply",
            token=TOKEN,
            content=text.encode("latin-1"),
            headers={"content-type": kind},
        )
        assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
        assert says in answer.json()["what"]
