"""Saved plans that somebody changed, or under which something moved: refused, saying what. Nothing is changed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from reconciler import compose
from reconciler.cli.progress import Lines
from reconciler.engine.saved import parts
from reconciler.plan.codec import decode_plan
from reconciler.plan.held import Pause, Quarantine
from tests.cli.conftest import Call
from tests.cli.site import Site, files_below

SOUL = "wizard/ada/file/home/SOUL.md"
Edit = Callable[[dict[str, Any]], object]


@pytest.fixture
def saved(here: Call, site: Site) -> Path:
    target = site.folder / "next.plan"
    assert here("plan", "--out", str(target)).code == 2
    return target


def rewrite(target: Path, edit: Edit, *, careful: bool) -> None:
    """Edits the file. A careful hand also makes fingerprint and digest fit what it wrote."""
    document = json.loads(target.read_text())
    edit(document)
    if careful:
        bound = {key: value for key, value in document["fingerprint"].items() if " of " in key}
        document["fingerprint"] = {**parts(decode_plan(json.dumps(document["plan"]))), **bound}
        rest = {key: value for key, value in document.items() if key not in ("digest", "seal")}
        document["digest"] = sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()
    target.write_text(json.dumps(document))


def change_of(document: dict[str, Any], key: str = SOUL) -> dict[str, Any]:
    return next(change for change in document["plan"]["changes"] if change["key"] == key)


def drop(document: dict[str, Any]) -> None:
    plan = document["plan"]
    plan["changes"] = [change for change in plan["changes"] if change["key"] != SOUL]
    plan["steps"] = [step for step in plan["steps"] if step["key"] != SOUL]


EDITS: dict[str, Edit] = {
    "another text": lambda d: change_of(d)["resource"].update(text="# Obey me\n"),
    "another path": lambda d: change_of(d)["resource"].update(path="/etc/cron.d/x"),
    "a change less": drop,
    "another reason": lambda d: change_of(d)["reasons"][0].update(text="nothing to see here"),
    "a step less": lambda d: d["plan"]["steps"].pop(),
    "other wizards": lambda d: d["plan"].update(wizards=["ada"]),
    "another origin": lambda d: change_of(d).update(origin="claimed"),
    "a quarantine that is none": lambda d: d["plan"].update(quarantined=[["bob", "do not look"]]),
    "a declaration that is enforced": lambda d: d["plan"].update(unenforced=["Cron x"]),
    "another commit": lambda d: (d.update(commit="f" * 40), d["plan"].update(commit="f" * 40)),
    "fewer wizards": lambda d: d.update(only=["bob"]),
    "another order": lambda d: d["plan"]["changes"].reverse(),
}


@pytest.mark.parametrize("name", EDITS)
@pytest.mark.parametrize("careful", [True, False], ids=["careful", "careless"])
def test_a_changed_file_is_refused(name: str, careful: bool, saved: Path, site: Site, here: Call) -> None:
    rewrite(saved, EDITS[name], careful=careful)
    before = files_below(site.root)
    ran = here("apply", str(saved))
    assert (ran.code, ran.out) == (3, "")
    assert files_below(site.root) == before
    if not careful:
        assert "the saved plan was changed after it was written" in ran.err
    else:
        assert "stale" in ran.err or "says something else than what would be done" in ran.err


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("another text", f"the saved plan is stale: {SOUL} moved since"),
        ("a change less", f"the saved plan is stale: {SOUL} moved since"),
        ("another reason", f"the saved plan says something else than what would be done: {SOUL}\n"),
        ("a step less", "the saved plan says something else than what would be done: steps\n"),
        ("another commit", "the branch moved from fffffff to "),
    ],
)
def test_the_refusal_says_what_differs(name: str, says: str, saved: Path, here: Call) -> None:
    rewrite(saved, EDITS[name], careful=True)
    assert says in here("apply", str(saved)).err


def test_a_careless_change_is_named(saved: Path, here: Call) -> None:
    rewrite(saved, EDITS["another text"], careful=False)
    assert f"what it says of {SOUL} does not fit together" in here("apply", str(saved)).err


@pytest.mark.parametrize(
    "edit",
    [
        lambda d: change_of(d).pop("action"),
        lambda d: change_of(d).update(action="obey"),
        lambda d: change_of(d).update(extra=1),
        lambda d: d["plan"]["steps"][0].update(needs=["nobody"]),
        lambda d: d.update(plan=[]),
        lambda d: d.update(fingerprint=[]),
        lambda d: d.pop("digest"),
        lambda d: d.update(only=3),
    ],
)
def test_what_is_no_plan_at_all_is_an_error(edit: Edit, saved: Path, here: Call) -> None:
    rewrite(saved, edit, careful=False)
    ran = here("apply", str(saved))
    assert (ran.code, ran.out) == (1, "")
    assert "not a saved plan" in ran.err or "not a valid saved plan" in ran.err
    assert str(saved) in ran.err


UNSEEN: dict[str, Edit] = {
    "a warning that soothes": lambda d: d["plan"].update(warnings=["reviewed, all harmless"]),
    "a deletion allowed": lambda d: d.update(deletions=["bob"]),
    "restarts allowed": lambda d: d.update(restarts=99),
    "another obstacle": lambda d: change_of(d).update(obstacle="none at all"),
    "another seal": lambda d: d.update(seal="0" * 64),
    "half of a character as seal": lambda d: d.update(seal="\ud800"),
}


@pytest.mark.parametrize("name", UNSEEN)
def test_what_changes_nothing_that_is_done_is_refused_too(name: str, saved: Path, site: Site, here: Call) -> None:
    """Only who has the host's key can write a plan for it."""
    rewrite(saved, UNSEEN[name], careful=True)
    before = files_below(site.root)
    ran = here("apply", str(saved))
    assert ran.code == 3
    assert "the saved plan was changed after it was written" in ran.err
    assert files_below(site.root) == before


def test_a_field_that_is_there_twice_is_refused(saved: Path, here: Call) -> None:
    """A person may read the one, and the program the other."""
    first, rest = saved.read_text().split("\n", 1)
    saved.write_text(f'{first}\n "plan": {{"changes": []}},\n{rest}')
    ran = here("apply", str(saved))
    assert ran.code == 1
    assert "a field is there twice" in ran.err


def test_a_number_without_end_is_an_error_in_words(saved: Path, here: Call) -> None:
    saved.write_text(saved.read_text().replace('"restarts": 0', '"restarts": Infinity'))
    ran = here("apply", str(saved))
    assert (ran.code, ran.out) == (1, "")
    assert "this is not a saved plan" in ran.err


def test_the_name_that_is_told_is_a_file_to_apply(here: Call, site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(site.folder)
    ran = here("plan", "--out", "ada")
    assert "`reconciler apply ./ada` applies exactly this plan" in ran.err
    assert here("apply", "./ada").code == 0


@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_what_is_no_plain_file_is_not_replaced(kind: str, here: Call, site: Site) -> None:
    target, other = site.folder / "target.plan", site.folder / "other"
    other.write_text("mine")
    if kind == "pipe":
        os.mkfifo(target)
    else:
        target.symlink_to(other)
    before = target.lstat()
    ran = here("plan", "--out", str(target))
    assert (ran.code, target.lstat().st_ino, other.read_text()) == (1, before.st_ino, "mine")
    assert "no plain file stands there" in ran.err


def test_layout_is_no_change(saved: Path, here: Call, site: Site) -> None:
    saved.write_text(json.dumps(json.loads(saved.read_text()), separators=(",", ":")))
    assert here("apply", str(saved)).code == 0
    assert (site.root / "ada").is_dir()


def test_pauses_and_quarantines_are_part_of_it(saved: Path, here: Call, site: Site) -> None:
    """Even those that change nothing of the plan as it stands."""
    assert here("apply", str(saved)).code == 0
    (site.root / "ada" / "home" / "SOUL.md").unlink()
    settings = compose.load(str(site.config), {})
    for name in ("pause", "quarantine"):
        assert here("plan", "--out", str(saved)).code == 2
        with compose.open_host(settings, Lines(colour=False, verbose=False), {}, change=True) as bound:
            if name == "pause":
                bound.host.ledger.pause(Pause("bob", "", "2026-01-01T00:00:00Z"))
            else:
                bound.host.ledger.quarantine(
                    Quarantine("bob", "of another commit", "c", "failed", "2026-01-01T00:00:00Z")
                )
        ran = here("apply", str(saved))
        assert ran.code == 3
        assert f"the saved plan is stale: {name} of bob moved since" in ran.err
    assert here("plan", "ada", "--out", str(saved)).code == 2
    with compose.open_host(settings, Lines(colour=False, verbose=False), {}, change=True) as bound:
        bound.host.ledger.resume("bob")
    assert here("apply", str(saved)).code == 0
