from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from reconciler.engine.daemon import Daemon
from reconciler.plan.fact import Listener
from reconciler.protocols.ledger import Result
from reconciler.web.pages_ports import ports_view
from reconciler.web.session import Access
from tests.web.house import House, wait_for
from tests.web.serving import TOKEN
from tests.web.visitor import Visitor, visiting, words

READING = ("/", "/plan", "/plan?all=1", "/history", "/ports", "/services", "/wizards/ada", "/history/1")


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
        yield visitor


@pytest.mark.parametrize("path", READING)
def test_every_page_is_whole_and_careful(visitor: Visitor, path: str) -> None:
    answer = visitor.get(path)

    assert answer.status_code == 200
    assert answer.text.rstrip().endswith("</html>")
    assert answer.headers["content-security-policy"].startswith("default-src 'self'")
    assert answer.headers["cache-control"] == "no-store"
    for inline in (" style=", "<style", " onclick", "javascript:"):
        assert inline not in answer.text


def test_before_the_first_pass_pages_say_so(house: House) -> None:
    with house.open() as daemon, visiting(daemon) as visitor:
        assert "The first pass is under way" in visitor.text("/")
        assert "No pass has ended yet" in visitor.text("/plan")
        assert "when the first pass has ended" in visitor.text("/ports")
        assert visitor.get("/wizards/ada").status_code == 503


def test_the_fleet_says_that_all_is_well(visitor: Visitor) -> None:
    text = visitor.text("/")

    assert "3 wizards, all as desired" in text
    assert "The first of them" in text
    assert "hermes 0.19.0" in text
    assert "Last pass done" in text
    assert "Nothing waits in the queue." in text


def test_a_quarantine_is_told_first_with_its_mend(house: House, daemon: Daemon, visitor: Visitor) -> None:
    house.gateways.ill = lambda p: "silent" if p.name == "cy-body" and "ugly" in _config(house, "cy") else ""
    house.config("cy", skin="ugly")
    house.pass_(daemon)

    text = visitor.text("/")
    assert "1 of 3 wizards not as desired" in text
    assert "Quarantined commit" in text
    assert "push a commit that changes it, or reconciler retry cy Retry cy" in text
    assert text.index(" cy ") < text.index(" ada ")
    assert "Quarantined" in visitor.text("/wizards/cy")


def _config(house: House, wizard: str) -> str:
    return (house.home(wizard) / "config.yaml").read_text()


def test_a_pause_shows_what_is_held(house: House, daemon: Daemon, visitor: Visitor) -> None:
    daemon.pause("ada", "trying something")
    house.config("ada", skin="new")
    house.pass_(daemon)

    text = visitor.text("/")
    assert "Paused Since" in text
    assert "trying something. 2 changes held." in text
    assert "2 held" in text
    assert "+ display.skin: new" in visitor.text("/plan?wizard=ada")
    assert "Nothing is pending for bo" in visitor.text("/plan?wizard=bo")


def test_an_invalid_commit_is_told_in_words(house: House, daemon: Daemon, visitor: Visitor) -> None:
    house.wizards["bo"]["port"] = house.wizards["ada"]["port"]
    house.push("Two on one port")
    house.pass_(daemon)

    text = visitor.text("/")
    assert "Last pass invalid." in text
    assert "has 1 error" in text


def test_a_plan_beyond_the_policy_names_what_lifts_it(house: House, daemon: Daemon, visitor: Visitor) -> None:
    house.policy = {"max_restarts": 0}
    house.config("ada", skin="dark")
    view = house.pass_(daemon)

    assert view.ended is not None
    assert view.ended.result == "refused"
    text = visitor.text("/")
    assert "it would restart or stop 1 running wizards (ada)" in text
    assert "Allow-Restarts: 1" in text


def test_a_wizard_page_tells_keys_and_masks_secrets(house: House, visitor: Visitor) -> None:
    text = visitor.text("/wizards/ada")

    assert "API_SERVER_KEY (secret) the same" in text
    assert "platforms.api_server.extra.port 8643 the same" in text
    assert "Git wants it running" in text
    assert "11 created" in text
    assert house.key("ada") not in visitor.get("/wizards/ada").text


def test_the_agents_own_keys_are_named_without_values(house: House, daemon: Daemon, visitor: Visitor) -> None:
    path = house.home("ada") / "config.yaml"
    path.write_text(path.read_text() + "mine:\n  colour: ultramarine\n")
    house.config("bo", skin="x")
    house.pass_(daemon)

    page = visitor.get("/wizards/ada").text
    assert "mine.colour" in page
    assert "ultramarine" not in page


def test_restarts_are_traced_to_commits(house: House, daemon: Daemon, visitor: Visitor) -> None:
    commit = house.config("ada", skin="dark")
    house.pass_(daemon)

    text = visitor.text("/wizards/ada")
    told = text.partition("Starts and restarts")[2].partition("Log")[0]
    assert "restart body" in told
    assert "skin" in told
    assert commit[:7] in told


def test_history_pages_filter_and_lead_to_a_pass(house: House, daemon: Daemon, visitor: Visitor) -> None:
    commit = house.config("bo", skin="dark")
    house.pass_(daemon, "webhook")

    assert "webhook" in visitor.text("/history")
    assert commit[:7] in visitor.text(f"/history?commit={commit[:9]}")
    assert "No pass is like that." in visitor.text("/history?result=failed")
    assert commit[:7] in visitor.text("/history?wizard=bo")
    assert "webhook" not in visitor.text("/history?wizard=cy")
    text = visitor.text("/history/2")
    assert "display.skin: dark (added)" in text
    assert "Pass 1" in text


def test_history_goes_back_page_by_page(daemon: Daemon, visitor: Visitor) -> None:
    for number in range(120):
        daemon.host.ledger.finish(daemon.host.ledger.begin(f"{number:040x}", f"trigger {number}"), Result.DONE, "")

    seen, path = [], "/history"
    for _ in range(3):
        page = visitor.get(path).text
        seen += [n for n in range(120) if f"trigger {n}<" in page]
        path = page.partition('rel="next" href="')[2].partition('"')[0].replace("&amp;", "&")
    assert sorted(seen) == list(range(120))
    assert path == ""


def test_ports_tell_who_really_listens(house: House, daemon: Daemon) -> None:
    real = daemon.host.ports.listeners

    class Ports:
        def listeners(self, ports: object) -> dict[int, Listener]:
            found = dict(real(ports))  # type: ignore[arg-type]
            return {
                **found,
                8644: Listener(8644, 7, "nc"),
                8660: Listener(8660, 8, "node"),
                3000: Listener(3000, 9, "gitea"),
            }

    daemon.host = replace(daemon.host, ports=Ports())
    view = ports_view(daemon, daemon.board.view)
    assert view is not None
    table = {lease.first: (lease.kind, lease.holder, lease.listens, lease.sign.words) for lease in view.leases}

    assert table[8643][0::3] == ("wizard", "its own process")
    assert table[8644] == ("wizard", "bo", "nc (pid 7)", "a stranger listens")
    assert table[8646] == ("reserved", "the next wizard", "nobody", "quiet")
    assert table[8660] == ("stranger", "nobody", "node (pid 8)", "nobody's lease")
    assert table[3000] == ("service", "gitea", "gitea (pid 9)", "listens")
    assert view.free == 57 - 5


def test_the_running_pass_is_told_step_by_step(house: House, daemon: Daemon, visitor: Visitor) -> None:
    go = Event()
    house.gateways.acts = lambda program: (go.wait(60), None)[1]
    house.config("ada", skin="slow")
    try:
        daemon.wake("webhook")
        wait_for(daemon, lambda v: any(s.step.operation.value == "start" and s.began for s in _steps(v)))
        text = visitor.text("/")
        assert "Pass now running" in text
        assert "▶ running ada start body" in text
        assert "waiting ada gate body" in text
        assert "done ada edit file/home/config.yaml" in text
    finally:
        go.set()
    wait_for(daemon, lambda v: v.running is None)
    assert "Pass now running" not in visitor.text("/")


def _steps(view: object) -> tuple[object, ...]:
    running = view.running  # type: ignore[attr-defined]
    return running.steps if running else ()


def test_what_is_not_there_is_told_in_plain_words(visitor: Visitor) -> None:
    for path, said in (
        ("/wizards/adb", "There is no wizard"),
        ("/history/999", "There is no such pass"),
        ("/history/x", "There is no such pass"),
        ("/nowhere", "There is no such page"),
    ):
        answer = visitor.get(path)
        assert answer.status_code == 404
        assert said in words(answer.text)
    assert "did you mean ada?" in visitor.get("/wizards/adb").text


def test_addresses_made_of_anything_never_break_a_page(visitor: Visitor) -> None:
    for path in (
        "/?asked=%3Cscript%3E",
        "/wizards/%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "/wizards/ada?before=x&lines=-1&said=%00",
        "/wizards/ada?lines=99999999999999999999",
        "/history?before=99999999999999999&result=zzz&wizard=%22%3E&commit=%25",
        "/plan?wizard=%3Cb%3E&all=7",
        "/history/%F0%9F%98%80",
    ):
        answer = visitor.get(path)
        assert answer.status_code in (200, 404), path
        assert "<script>" not in answer.text.replace('<script src="', "")


def test_hostile_text_from_git_is_escaped(house: House, daemon: Daemon, visitor: Visitor) -> None:
    house.wizards["ada"]["role"] = "<img src=x onerror=alert(1)> \u202e"
    house.push("<script>alert(1)</script>")
    house.pass_(daemon)

    for path in READING:
        page = visitor.get(path).text
        assert "<img src=x" not in page
        assert "<script>alert" not in page
        assert "\u202e" not in page


def test_reading_needs_the_token_beyond_loopback(daemon: Daemon) -> None:
    with visiting(daemon, Access(TOKEN, reading=True)) as visitor:
        for path in READING:
            answer = visitor.client.get(path, follow_redirects=False)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/login?next=%2F")
        assert visitor.get("/events").status_code == 401
        assert "Last pass" not in visitor.get("/login").text
        visitor.login()
        assert "all as desired" in visitor.text("/")


def test_reading_changes_nothing(house: House, daemon: Daemon, visitor: Visitor) -> None:
    before = (daemon.board.view.version, len(house.gateways.calls), daemon.host.ledger.records())
    for path in READING:
        visitor.get(path)
    assert (daemon.board.view.version, len(house.gateways.calls), daemon.host.ledger.records()) == before
