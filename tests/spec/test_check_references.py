"""Names, references, lineage, schedules: each rule with one thing wrong, and the exact words."""

from __future__ import annotations

import pytest

from reconciler.spec.checks.schedule import wrong_field
from tests.spec.fleets import TASK, TWO_HOSTS, Case, Changes, rest, service, told, wizard

CODEBASE = "kind: Codebase\nname: {}\ncanary: {}\nsource: {{pypi: x, version: 1.0.0, with: [aiohttp]}}\n"
CRON = "kind: Cron\nname: c\nwizard: {}\nschedule: '{}'\nrun: report\n"
UNREADABLE = "did not find expected node content (write a value here, or close the bracket)"
CASES: list[Case] = [
    (
        "one name twice",
        {"z.yaml": wizard("ezra", 8644)},
        [
            "z.yaml:2:7: Wizard `ezra` is declared twice; the first is at fleet/ezra.yaml:2:7 "
            "(give one of them another name, or remove it)"
        ],
    ),
    (
        "one task twice in one file",
        {"t.yaml": f"{TASK}---\n{TASK}"},
        [
            "t.yaml:7:7: Task `TASK-1` is declared twice; the first is at fleet/t.yaml:2:7 "
            "(give one of them another name, or remove it)"
        ],
    ),
    ("one name in two kinds is fine", {"s.yaml": service("ezra", 8080)}, []),
    (
        "reserved name",
        {"ezra.yaml": wizard("all")},
        ["ezra.yaml:2:7: all can't be the name of a wizard: commands use it for something else (choose another name)"],
    ),
    (
        "a declared name that can't be printed",
        {"ezra.yaml": wizard("bo"), "t.yaml": f'{TASK}---\nkind: Wizard\nname: "\\x1b[31m"\n'},
        [
            "t.yaml:3:9: wizard `ezra` is not declared (declared are: \\x1b[31m, bo)",
            "t.yaml:6:1: codebase is missing (add it: The Codebase that its Body runs.)",
            "t.yaml:6:1: model is missing (add it: The Model it thinks with.)",
            "t.yaml:6:1: port is missing (add it: TCP port of its API server; unique on its host.)",
            "t.yaml:6:1: soul is missing (add it: Its SOUL.md: from a file, or written from charter fields.)",
            "t.yaml:7:7: text with the control character U+001B (remove it)",
        ],
    ),
    (
        "unknown codebase",
        {"ezra.yaml": wizard().replace("hermes-agent", "hermes-agnet")},
        ["ezra.yaml:4:11: codebase `hermes-agnet` is not declared (did you mean hermes-agent?)"],
    ),
    (
        "unknown model",
        {"ezra.yaml": wizard().replace("opus", "gpt")},
        ["ezra.yaml:5:8: model `gpt` is not declared (declared are: opus)"],
    ),
    (
        "unknown canary",
        {"c.yaml": CODEBASE.format("bo", "ezzra")},
        ["c.yaml:3:9: wizard `ezzra` is not declared (did you mean ezra?)"],
    ),
    (
        "a canary of another codebase",
        {"c.yaml": CODEBASE.format("bo", "ezra")},
        ["c.yaml:3:9: the canary ezra runs hermes-agent, not bo (leave it out)"],
    ),
    (
        "a canary that runs it in its Robe is fine",
        {"c.yaml": CODEBASE.format("bo", "ezra"), **rest("robe: {port: 8700, codebase: bo}")},
        [],
    ),
    ("unknown father", rest("father: ezzra"), ["ezra.yaml:8:9: wizard `ezzra` is not declared (did you mean ezra?)"]),
    ("unknown host", rest("host: vpss"), ["ezra.yaml:8:7: host `vpss` is not declared (did you mean vps?)"]),
    (
        "unknown host of a service",
        {"s.yaml": service("s", 1, "host: other")},
        ["s.yaml:4:7: host `other` is not declared (declared are: vps)"],
    ),
    (
        "unknown codebase of a Robe",
        rest("robe: {port: 1, codebase: openclaw}"),
        ["ezra.yaml:8:27: codebase `openclaw` is not declared (declared are: hermes-agent)"],
    ),
    (
        "missing host",
        {"fleet.yaml": TWO_HOSTS},
        ["ezra.yaml:1:1: host is missing for wizard ezra: the fleet has 2 hosts (add host: and one of lab, vps)"],
    ),
    (
        "unknown wizard of cron and task",
        {"c.yaml": CRON.format("erza", "* * * * *"), "t.yaml": TASK.replace("ezra", "nobody")},
        [
            "c.yaml:3:9: wizard `erza` is not declared (did you mean ezra?)",
            "t.yaml:3:9: wizard `nobody` is not declared (declared are: ezra)",
        ],
    ),
    (
        "a wizard with errors counts as declared",
        {"ezra.yaml": wizard("ezra", "x"), "b.yaml": wizard("bo", 8644, "father: ezra")},
        ["ezra.yaml:3:7: port must be a whole number, not a string"],
    ),
    (
        "nothing is called missing while a file can't be read",
        {"parts.yaml": "a: [", "fleet.yaml": None},
        [f"parts.yaml:2:1: this is not YAML: {UNREADABLE}"],
    ),
    (
        "its own father",
        rest("father: ezra"),
        ["ezra.yaml:8:9: the lineage comes back to itself: ezra -> ezra (take one father out)"],
    ),
    (
        "a loop, told once, and a child of it",
        {
            "ezra.yaml": wizard("ezra", 8643, "father: cy"),
            "b.yaml": wizard("bo", 8644, "father: ezra"),
            "c.yaml": wizard("cy", 8646, "father: bo"),
            "a.yaml": wizard("al", 8647, "father: bo"),
        },
        ["b.yaml:8:9: the lineage comes back to itself: bo -> ezra -> cy -> bo (take one father out)"],
    ),
    (
        "robed without a Robe",
        rest("desired: robed"),
        [
            "ezra.yaml:8:10: desired robed needs a Robe, and wizard ezra has none "
            "(add robe: {port: ...}, or write desired: unrobed)"
        ],
    ),
    ("robed with a Robe", {"ezra.yaml": wizard("ezra", 8643, "desired: robed", "robe: {port: 18643}")}, []),
    (
        "a schedule out of range",
        {"c.yaml": CRON.format("ezra", "60 * * * *")},
        ["c.yaml:4:11: the minute of the schedule must be within 0-59 (write five fields such as */15 * * * *)"],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rule(changes: Changes, expected: list[str]) -> None:
    assert told(changes) == [f"fleet/{line}" for line in expected]


@pytest.mark.parametrize("schedule", ["* * * * *", "*/5 0-6,22 1 jan-mar mon-fri", "0 0 * * 7", "1-59/2 * * * sun"])
def test_schedules_that_are_right(schedule: str) -> None:
    assert wrong_field(schedule) == ""


WRONG = ["60 * * * *", "* 24 * * *", "* * 0 * *", "* * * 13 *", "* * * * 8", "*/0 * * * *", "5-1 * * * *", "a * * * *"]


@pytest.mark.parametrize("schedule", [*WRONG, "* * * mon *", "1,,2 * * * *", "-1 * * * *", "*-5 * * * *"])
def test_schedules_that_are_wrong(schedule: str) -> None:
    assert "must be within" in wrong_field(schedule)
