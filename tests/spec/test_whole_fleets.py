"""Loading whole fleets: layouts, what is missing, everything at once, the memo, the repository's own fleet."""

from __future__ import annotations

import pytest

from reconciler.plan.expand import expand
from reconciler.spec.kinds import KINDS, Wizard
from reconciler.spec.load import load_fleet
from reconciler.spec.position import Position, Severity
from reconciler.spec.read import Memo
from tests.spec.fleets import FLEET, PARTS, golden, load, told, wizard

NOTHING = (
    "fleet:1:1: there is nothing here: an empty fleet would delete every wizard "
    "(check folder and branch, or declare a Fleet and a Wizard)"
)


@pytest.mark.parametrize("files", [{}, {"README.md": b"x"}, {"other/a.yaml": b"x"}, {"fleet/.hidden/a.yaml": b"a: 1"}])
def test_an_empty_fleet_is_an_error(files: dict[str, bytes]) -> None:
    loaded = load_fleet(files, "fleet")
    assert loaded.fleet is None
    assert [str(p) for p in loaded.problems] == [NOTHING]


def test_no_wizards_is_an_error() -> None:
    assert told({"ezra.yaml": None}) == [
        "fleet:1:1: no wizard is declared: such a fleet would delete every wizard "
        "(to stop a wizard, keep it and write desired: dead)"
    ]


def test_a_file_that_was_emptied_is_an_error() -> None:
    rules = [problem.rule for problem in load({"ezra.yaml": b""}).problems]
    assert rules == ["fleet/no-wizards", "yaml/empty-file"]


def test_exactly_one_fleet_document() -> None:
    assert told({"fleet.yaml": None}) == [
        "fleet:1:1: no document of kind Fleet (declare one: kind: Fleet, name:, and hosts: with at least one host)"
    ]
    assert told({"z.yaml": FLEET}) == [
        "fleet/z.yaml:1:1: a second Fleet document; the first is at fleet/fleet.yaml:1:1 (keep one of them)"
    ]


@pytest.mark.parametrize("folder", ["", ".", "a/b", "/a/b/", "./a/b"])
def test_any_layout(folder: str) -> None:
    inside = folder.strip("./")
    text = "---\n".join([FLEET, PARTS, wizard()])
    for name in ("all.yaml", "deep/er/all.yml", "ALL.YAML"):
        path = f"{inside}/{name}" if inside else name
        loaded = load_fleet({path: text.encode(), ".git/x.yaml": b"["}, folder)
        assert loaded.problems == ()
        assert loaded.fleet is not None
        assert list(loaded.fleet.wizards) == ["ezra"]
        assert loaded.fleet.positions["Wizard", "ezra"] == Position(path, 24, 1)


def test_soul_files() -> None:
    soul = wizard().replace("charter: {identity: a wizard}", "file: ./souls/../souls/ezra.md")
    loaded = load({"ezra.yaml": soul, "souls/ezra.md": "# Ezra\n", "souls/unused.md": b"\xff"})
    assert loaded.problems == ()
    assert loaded.fleet is not None
    assert loaded.fleet.souls == {"./souls/../souls/ezra.md": "# Ezra\n"}


def test_no_name_breaks_the_line_of_a_problem() -> None:
    soul = wizard().replace("charter: {identity: a wizard}", "file: \u202e.md")
    loaded = load({"ezra.yaml": soul, "\x1b[31m\n.yaml": "a: 1\n"})
    assert [str(problem).partition(" (")[0] for problem in loaded.problems] == [
        r"fleet/\x1b[31m\n.yaml:1:1: kind is missing",
        r"fleet/ezra.yaml:7:9: there is no soul file `\u202e.md` in the fleet folder",
    ]
    assert all(str(problem).isprintable() for problem in loaded.problems)


def test_everything_is_told_at_once_and_sorted() -> None:
    loaded = load(
        {
            "a.yaml": wizard("bo", 8645, "prot: 1", "home: 7"),
            "b.yaml": "kind: Wizard\n\tname: x\n",
            "c.yaml": b"\xff",
            "d.yaml": wizard("cy", 3000),
            "ezra.yaml": wizard("ezra", 8645, "env: {A: no}"),
        }
    )
    assert [(p.at.file.removeprefix("fleet/"), p.rule) for p in loaded.problems] == [
        ("a.yaml", "schema/unknown-field"),
        ("a.yaml", "schema/type"),
        ("b.yaml", "yaml/tab"),
        ("c.yaml", "file/encoding"),
        ("d.yaml", "port/outside-pool"),
        ("d.yaml", "port/taken"),
        ("ezra.yaml", "port/reserved"),
        ("ezra.yaml", "yaml/looks-boolean"),
    ]
    assert loaded.fleet is None


def test_warnings_do_not_stop_a_fleet() -> None:
    loaded = load({"ezra.yaml": wizard("ezra", 8643, "env: {A: no}")})
    assert [p.severity for p in loaded.problems] == [Severity.WARNING]
    assert loaded.fleet is not None


def test_the_memo_reads_again_only_what_changed() -> None:
    memo = Memo()
    files = golden()
    first = load_fleet(files, "fleet", memo).fleet
    files["fleet/wizards/ezra.yaml"] += b"# a comment\n"
    second = load_fleet(files, "fleet", memo).fleet
    assert first is not None
    assert second is not None
    assert second.wizards["allegro"] is first.wizards["allegro"]
    assert second.wizards["ezra"] is not first.wizards["ezra"]
    assert second.wizards["ezra"] == first.wizards["ezra"]
    assert len(memo.known) == len(files)


def test_the_memo_tells_problems_again() -> None:
    memo = Memo()
    files = {**golden(), "fleet/x.yaml": b"kind: x\n"}
    first = load_fleet(files, "fleet", memo)
    assert first.errors
    assert load_fleet(files, "fleet", memo) == first


def test_the_golden_fleet() -> None:
    loaded = load_fleet(golden(), "fleet")
    assert loaded.errors == ()
    assert [(p.at.file, p.rule) for p in loaded.warnings] == [("fleet/models.yaml", "model/context")]
    fleet = loaded.fleet
    assert fleet is not None
    assert {name: (w.port, w.father) for name, w in fleet.wizards.items()} == {
        "ezra": (8643, None),
        "allegro": (8647, "ezra"),
        "allegro-primus": (8644, "allegro"),
    }
    assert {name: s.port for name, s in fleet.services.items()} == {"gitea": 3000, "searxng": 8080, "ollama": 11434}
    assert len(fleet.crons) == 6
    assert fleet.tasks
    assert {kind for kind, _ in fleet.positions} == set(KINDS)
    assert {type(w.soul).__name__ for w in fleet.wizards.values()} == {"SoulFile", "SoulCharter"}
    assert expand(fleet, "hermes-vps", None, "0" * 40).wizards == ("allegro", "allegro-primus", "ezra")


def test_wizards_of_a_thousand_documents_in_one_file() -> None:
    fleet = FLEET.replace("8650", "9999")
    many = "---\n".join(wizard(f"w{n}", 8700 + n) for n in range(1000))
    loaded = load({"fleet.yaml": fleet, "many.yaml": many})
    assert loaded.problems == ()
    assert loaded.fleet is not None
    assert isinstance(loaded.fleet.wizards["w999"], Wizard)


def test_a_file_of_nothing_but_problems_is_not_read_to_its_end() -> None:
    problems = load({"x.yaml": "---\nkind: Wizard\n" * 3000}).problems
    assert len(problems) < 600
    assert "file/problems" in {problem.rule for problem in problems}
