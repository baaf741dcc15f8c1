"""Homes and roots: each rule with one thing wrong, and the exact words."""

from __future__ import annotations

import pytest

from tests.spec.fleets import FLEET, TWO_HOSTS, Case, Changes, rest, told, wizard

LEAVE_OUT = "(leave it out for ezra/home)"


def alone(home: str, wrong: str) -> Case:
    return (home, rest(f"home: {home}"), [f"ezra.yaml:8:7: home {wrong} {LEAVE_OUT}"])


CASES: list[Case] = [
    alone("/root", "must be relative to the root of the host"),
    alone("ezra/../../etc", "must not contain . or .. as a part"),
    alone("./ezra", "must not contain . or .. as a part"),
    alone('""', "has an empty part"),
    alone("ezra/home/", "has an empty part"),
    alone("ezra//home", "has an empty part"),
    alone(".attic/ezra", "begins with .attic: hidden folders of the root are the reconciler's own"),
    alone('"ezra/$(id)"', "may hold only letters, digits, dots, hyphens and underscores"),
    alone('"ezra/a b"', "may hold only letters, digits, dots, hyphens and underscores"),
    alone('"ezra/50%"', "may hold only letters, digits, dots, hyphens and underscores"),
    alone("ezra/hermes-agent", "lies in ezra/hermes-agent, which has another use"),
    alone("ezra/logs/home", "lies in ezra/logs, which has another use"),
    ("a folder of its own is fine", rest("home: ezra/.hermes"), []),
    (
        "one home twice",
        {"ezra.yaml": wizard("ezra", 8643, "home: shared"), "b.yaml": wizard("bo", 8644, "home: shared")},
        [
            "ezra.yaml:8:7: wizard ezra has the home of wizard bo at fleet/b.yaml:8:7 "
            "(leave home out, or name another folder)"
        ],
    ),
    (
        "one home on two hosts is fine",
        {
            "fleet.yaml": TWO_HOSTS,
            "ezra.yaml": wizard("ezra", 8643, "host: vps", "home: shared"),
            "b.yaml": wizard("bo", 8643, "host: lab", "home: shared"),
        },
        [],
    ),
    (
        "a home inside another",
        {"ezra.yaml": wizard("ezra", 8643, "home: a/b"), "b.yaml": wizard("bo", 8644, "home: a")},
        ["ezra.yaml:8:7: the home of wizard ezra lies inside the home of wizard bo (name a folder of its own)"],
    ),
    (
        "a home in the folder of another",
        {"b.yaml": wizard("bo", 8644, "home: ezra/bo")},
        ["b.yaml:8:7: the home of wizard bo lies in the folder of wizard ezra (leave it out for bo/home)"],
    ),
    (
        "the home of another",
        {"b.yaml": wizard("bo", 8644, "home: ezra/home")},
        [
            "b.yaml:8:7: the home of wizard bo lies in the folder of wizard ezra (leave it out for bo/home)",
            "ezra.yaml:1:1: wizard ezra has the home of wizard bo at fleet/b.yaml:8:7 "
            "(leave home out, or name another folder)",
        ],
    ),
    (
        "the root of the disk",
        {"fleet.yaml": FLEET.replace("{}", "{root: /}")},
        ["fleet.yaml:4:15: the root of a host can't be / (use /root/wizards)"],
    ),
    (
        "a climbing root",
        {"fleet.yaml": FLEET.replace("{}", "{root: /a/../b}")},
        [
            "fleet.yaml:4:15: the root of a host must be a plain path "
            "(write it without . or .. and without doubled slashes)"
        ],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rule(changes: Changes, expected: list[str]) -> None:
    assert told(changes) == [f"fleet/{line}" for line in expected]
