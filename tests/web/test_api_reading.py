"""What the API tells of a host: everything that the pages show, in shapes that stay."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reconciler.render.plan_json import plan_document
from reconciler.render.status_json import status_document
from reconciler.web.session import Access
from tests.web.apihouse import TOKEN, Client, app_of, living
from tests.web.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.push("three wizards")
    return made


def test_the_host_is_told_as_status_json_tells_it(house: House) -> None:
    with living(house) as client:
        told = client.get("/host")
        status = client.daemon.board.view.status
        assert status is not None
        document = status_document(status, volatile=True)
        assert {key: told[key] for key in document} == document
        assert (told["applied"], told["settled"]) == (status.commit, True)
        assert told["last_pass"]["result"] == "done"  # type: ignore[index]


def test_before_the_first_pass_it_says_that_there_is_nothing_to_tell_yet(house: House) -> None:
    with house.open() as daemon:
        client = Client(app_of(daemon), daemon, house)
        for path in ("/host", "/wizards", "/wizards/ada", "/wizards/ada/log", "/plan", "/ports", "/services"):
            answer = client.ask("GET", f"/api/v1{path}")
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), path
            assert answer.headers["content-type"] == "application/problem+json"
            assert "no whole pass" in answer.json()["what"]
        for path in ("/queue", "/now", "/passes"):
            client.get(path)


def test_wizards_come_with_their_uptime(house: House) -> None:
    with living(house) as client:
        rows = client.get("/wizards")["wizards"]
        assert [(row["name"], row["observed"], row["port"]) for row in rows] == [  # type: ignore[attr-defined]
            ("ada", "unrobed", 8643),
            ("bo", "unrobed", 8644),
            ("cy", "unrobed", 8645),
        ]
        assert {row["uptime"]["asked"] for row in rows} == {0.95}  # type: ignore[attr-defined]


def test_one_wizard_has_its_story_resources_keys_and_starts(house: House) -> None:
    with living(house) as client:
        config = house.home("ada") / "config.yaml"
        config.write_text(config.read_text() + "\nmine: {theme: dark}\n")
        house.pass_(client.daemon)
        told = client.get("/wizards/ada")
        files = {one["key"]: one for one in told["resources"]}  # type: ignore[attr-defined]
        assert files["wizard/ada/body"]["state"] == "running"
        assert files["wizard/ada/file/home/config.yaml"] | {"path": ""} == {
            "key": "wizard/ada/file/home/config.yaml",
            "type": "keyed",
            "path": "",
            "state": "present",
            "origin": "created",
            "commit": told["wizard"]["revision"],  # type: ignore[index]
        }
        owned = {(one["name"], one["secret"]) for one in told["owned"]}  # type: ignore[attr-defined]
        assert {("platforms.api_server.extra.port", False), ("API_SERVER_KEY", True)} <= owned
        assert told["unmanaged"] == [{"key": "wizard/ada/file/home/config.yaml", "paths": ["mine.theme"]}]
        assert [one["operation"] for one in told["restarts"]] == ["start"]  # type: ignore[attr-defined]
        assert [one["number"] for one in told["generations"]] == [1]  # type: ignore[attr-defined]
        assert {one["wizard"] for one in told["timeline"]} == {"ada"}  # type: ignore[attr-defined]


def test_a_wizard_that_nobody_knows_is_told_with_the_nearest_name(house: House) -> None:
    with living(house) as client:
        for path in ("/wizards/adda", "/wizards/adda/timeline", "/wizards/adda/log"):
            problem = client.get(path, 404)
            assert (problem["what"], problem["mend"]) == ("there is no wizard `adda`", "did you mean ada?"), path


def test_a_story_is_told_page_by_page_and_whole(house: House) -> None:
    with living(house) as client:
        whole = client.get("/wizards/bo/timeline?limit=500")["entries"]
        pages: list[object] = []
        before: object = 0
        while before is not None:
            page = client.get(f"/wizards/bo/timeline?limit=3&before={before}")
            pages += page["entries"]  # type: ignore[arg-type]
            before = page["next"]
        assert pages == whole
        assert len(pages) > 3


def test_passes_are_listed_and_told_with_all_their_steps(house: House) -> None:
    with living(house) as client:
        house.config("ada", theme="dark")
        house.pass_(client.daemon)
        first, second = client.get("/passes?limit=1"), None
        second = client.get(f"/passes?limit=1&before={first['next']}")
        newest, older = first["passes"][0], second["passes"][0]  # type: ignore[index]
        assert (newest["trigger"], older["trigger"]) == ("test", "start")
        told = client.get(f"/passes/{newest['id']}")
        assert told["pass"] == newest
        assert {entry["wizard"] for entry in told["entries"]} == {"ada"}  # type: ignore[attr-defined]
        assert client.get("/passes/999", 404)["what"] == "there is no pass `999`"
        assert client.get("/passes/nine", 404)["status"] == 404


def test_what_is_left_to_do_is_the_plan_of_the_last_pass(house: House) -> None:
    with living(house) as client:
        client.daemon.pause("ada", "by hand")
        house.config("ada", theme="dark")
        house.pass_(client.daemon)
        left = client.daemon.board.view.left
        assert left is not None
        assert client.get("/plan") == json.loads(json.dumps(plan_document(left)))
        assert {change["disposition"] for change in client.get("/plan")["changes"]} == {"held"}  # type: ignore[attr-defined]
        assert client.get("/wizards/ada")["changes"] == client.get("/plan")["changes"]
        assert client.get("/wizards/bo")["changes"] == []


def test_ports_tell_the_lease_and_who_really_listens(house: House) -> None:
    with living(house) as client:
        told = client.get("/ports")
        rows = {row["port"]: row for row in told["ports"]}  # type: ignore[attr-defined]
        assert (told["first"], told["last"]) == (8643, 8699)
        assert (rows[8643]["owner"], rows[8643]["use"], rows[8643]["holder"]) == ("ada", "wizard", "owner")
        assert rows[8643]["listener"] == {"pid": house.pid("ada"), "command": "hermes"}
        assert (rows[8646]["use"], rows[8646]["owner"], rows[8646]["holder"]) == (
            "reserved",
            "the next wizard",
            "nobody",
        )
        assert (rows[3000]["use"], rows[3000]["holder"], rows[3000]["listener"]) == ("service", "nobody", None)


def test_services_are_those_of_this_host(house: House) -> None:
    with living(house) as client:
        rows = client.get("/services")["services"]
        assert [(row["name"], row["port"]) for row in rows] == [  # type: ignore[attr-defined]
            ("gitea", 3000),
            ("ollama", 11434),
            ("searxng", 8080),
        ]


def test_the_queue_tells_what_waits(house: House) -> None:
    with house.open() as daemon:
        daemon.wake("push")
        told = Client(app_of(daemon), daemon, house).get("/queue")["passes"]
        waiting = told["waiting"]  # type: ignore[index]
        assert (told["added"], waiting[0]["kind"], waiting[0]["triggers"]) == (1, "pass", ["push"])  # type: ignore[index]


def test_the_pass_that_runs_is_told_step_by_step(house: House) -> None:
    seen: list[dict[str, object]] = []
    with house.open() as daemon:
        client = Client(app_of(daemon), daemon, house)
        house.gateways.acts = lambda program: seen.append(client.get("/now"))
        daemon.board.begin("test")
        daemon._reconciler.run(_request())
        states = {step["state"] for step in seen[-1]["running"]["steps"]}  # type: ignore[index]
        assert {"done", "running", "waiting"} <= states
        assert seen[-1]["running"]["plan"]["summary"]["start"] == 3  # type: ignore[index]


def test_the_log_comes_without_escapes_and_controls(house: House) -> None:
    with living(house) as client:
        log = Path(str(client.get("/wizards/ada/log")["path"]))
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_bytes(b"one\n\x1b[31mred\x1b[0m\x07\n" + b"\xff\xfe three\n")
        assert client.get("/wizards/ada/log")["lines"] == ["one", "red\\x07", "�� three"]
        assert client.get("/wizards/ada/log?lines=1")["lines"] == ["�� three"]


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=501", "limit=x", "limit=", "limit=1&limit=2", "before=-1", "limit=٣"]
)
def test_a_number_that_is_none_is_refused(house: House, query: str) -> None:
    with house.open() as daemon:
        problem = Client(app_of(daemon), daemon, house).get(f"/passes?{query}", 422)
        assert "must be one whole number" in str(problem["what"])


def test_where_others_reach_it_reading_needs_the_token(house: House) -> None:
    with living(house, Access(TOKEN, reading=True)) as client:
        for path in ("/host", "/openapi.json", "/wizards/ada"):
            answer = client.ask("GET", f"/api/v1{path}")
            assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="reconciler"')
            assert client.ask("GET", f"/api/v1{path}", token="wrong").status_code == 401
            assert client.ask("GET", f"/api/v1{path}", token=TOKEN).status_code == 200


def test_what_is_not_there_is_a_problem_too(house: House) -> None:
    with house.open() as daemon:
        client = Client(app_of(daemon), daemon, house)
        assert client.get("/nothing", 404)["type"] == "urn:reconciler:problem:not-there"
        answer = client.ask("DELETE", "/api/v1/plan", token=TOKEN)
        assert (answer.status_code, answer.headers["content-type"]) == (405, "application/problem+json")
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD", "POST"}


def _request() -> object:
    from reconciler.engine.request import Request

    return Request("test")
