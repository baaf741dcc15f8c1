"""`why`, `history` and `status`: what people read, and the keys that programs read."""

from __future__ import annotations

import re

from tests.cli.conftest import Call
from tests.cli.site import FILES, Site
from tests.cli.terminal import Screen

ENTRY = {
    *("id", "pass", "at", "ended", "wizard", "key", "operation", "action", "commit", "reason"),
    *("fields", "result", "detail"),
}
PASS = {"id", "at", "ended", "commit", "trigger", "result", "summary", "entries"}
UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def changed(site: Site) -> str:
    """Pushes another model for all; the commit."""
    return site.push({"fleet/fleet.yaml": FILES["fleet/fleet.yaml"].replace("llama3.1:70b", "llama3.3:70b")})


def test_why_traces_a_change_to_its_commit(here: Call, site: Site) -> None:
    assert here("run", "--once").code == 0
    commit = changed(site)
    assert here("run", "--once").code == 0
    ran = here("why", "ada")
    assert ran.code == 0
    assert f"commit {commit[:7]}" in ran.out
    assert "model.default: llama3.1:70b -> llama3.3:70b" in ran.out
    assert "bob" not in ran.out
    assert re.search(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", ran.out)


def test_why_in_json(here: Call, site: Site) -> None:
    assert here("run", "--once").code == 0
    commit = changed(site)
    assert here("run", "--once").code == 0
    found = here("why", "ada", "--json").json
    assert set(found) == {"format", "wizard", "entries"}
    newest = found["entries"][0]
    assert set(newest) == ENTRY
    assert newest["commit"] == commit
    assert newest["result"] == "done"
    assert {"path": "model.default", "before": "llama3.1:70b", "after": "llama3.3:70b"} in newest["fields"]
    assert UTC.fullmatch(newest["at"])
    assert here("why", "ada", "-n", "1", "--json").json["entries"] == [newest]


def test_secrets_are_in_no_history(here: Call, site: Site) -> None:
    assert here("run", "--once").code == 0
    secret = (site.root / "ada" / "home" / ".env").read_text().partition("API_SERVER_KEY=")[2].split()[0].strip("\"'")
    assert len(secret) >= 16
    shown = [here(*words).out for words in (["why", "ada"], ["history", "--json"], ["status", "--json"])]
    assert not any(secret in text for text in shown)
    assert "(secret)" in shown[0] + here("why", "ada", "--json").out


def test_history_tells_passes(here: Call, site: Site) -> None:
    assert here("history").out == "No pass has run on this host yet.\n"
    assert here("run", "--once").code == 0
    changed(site)
    assert here("apply", "ada", "-y").code == 0
    ran = here("history")
    assert ran.code == 0
    assert ran.out.index("run --once") < ran.out.index("applied by hand")
    assert "pass 1" not in here("history", "-n", "1").out
    assert "applied by hand" not in here("history", "bob").out


def test_history_in_json(here: Call) -> None:
    assert here("run", "--once").code == 0
    found = here("history", "--json").json
    assert set(found) == {"format", "wizard", "passes"}
    assert [set(one) for one in found["passes"]] == [PASS]
    assert {entry["wizard"] for entry in found["passes"][0]["entries"]} == {None, "ada", "bob"}
    found = here("history", "ada", "--json").json
    assert found["wizard"] == "ada"
    assert {entry["wizard"] for entry in found["passes"][0]["entries"]} == {"ada"}


def test_wizards_that_this_host_has_never_seen(here: Call) -> None:
    assert here("run", "--once").code == 0
    for verb in ("why", "history"):
        ran = here(verb, "aada")
        assert (ran.code, ran.out) == (1, "")
        assert "did you mean ada?" in ran.err
    ran = here("why", "nobody", "--json")
    assert (ran.code, ran.json["error"]["mend"]) == (1, "there are ada, bob")


def test_history_needs_no_remote(here: Call, site: Site) -> None:
    assert here("run", "--once").code == 0
    site.remote.path.rename(site.folder / "gone.git")
    assert here("why", "ada").code == 0
    assert here("history").code == 0


def test_status_is_a_table(here: Call) -> None:
    assert here("run", "--once").code == 0
    ran = here("status")
    assert (ran.code, ran.err) == (0, "")
    assert "2 wizards: all as desired." in ran.out
    assert re.search(r"^  ada +dead +dead +8643 +local ", ran.out, re.MULTILINE)


def test_status_shows_what_differs_first(here: Call, site: Site) -> None:
    assert here("run", "--once").code == 0
    (site.root / "bob" / "home" / "SOUL.md").write_text("I am somebody else\n")
    ran = here("status")
    assert ran.code == 0
    assert ran.out.index("! bob") < ran.out.index("  ada")
    assert "home/SOUL.md" in ran.out


def test_status_in_json(here: Call) -> None:
    assert here("run", "--once").code == 0
    found = here("status", "--json").json
    assert set(found) == {
        *("format", "host", "commit", "subject", "result", "settled", "unused", "unsigned", "notices", "wizards", "at")
    }
    assert set(found["wizards"][0]) == {
        *("name", "role", "desired", "observed", "healthy", "settled", "port", "model", "codebase", "revision"),
        *("since", "why", "paused", "quarantined", "generation", "differences", "unmanaged", "evidence", "pid"),
    }


def test_status_before_anything_was_applied(here: Call, site: Site) -> None:
    ran = here("status", "--json")
    assert ran.code == 0
    assert ran.json["settled"] is False
    assert not (site.root / "ada").exists()


def test_watching_shows_it_again_until_ctrl_c(site: Site) -> None:
    terminal = Screen("status", "--watch")
    terminal.until("2 wizards:")
    site.push({"fleet/bob.yaml": None})
    terminal.until("1 wizard:")
    assert terminal.interrupt() == 130
