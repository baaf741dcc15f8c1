"""Earlier names of wizards: each rule with one thing wrong, and the exact words."""

from __future__ import annotations

import pytest

from tests.spec.fleets import Case, Changes, load, rest, told, wizard

CASES: list[Case] = [
    ("an earlier name", rest("formerly: [old-ezra, older]"), []),
    (
        "its own name",
        rest("formerly: [ezra]"),
        [
            "ezra.yaml:8:12: wizard ezra can't have been called by its own name before "
            "(name the earlier one, or take it out)"
        ],
    ),
    (
        "a wizard that lives",
        {"ezra.yaml": wizard("ezra", 8643, "formerly: [bo]"), "b.yaml": wizard("bo", 8644)},
        [
            "ezra.yaml:8:12: wizard ezra was called bo before, and there is a wizard bo now "
            "(take bo out of formerly; two wizards can't have the memories of one)"
        ],
    ),
    (
        "a wizard that lives and has errors of its own",
        {"ezra.yaml": wizard("ezra", 8643, "formerly: [bo]"), "b.yaml": wizard("bo", "none")},
        [
            "b.yaml:3:7: port must be a whole number, not a string",
            "ezra.yaml:8:12: wizard ezra was called bo before, and there is a wizard bo now "
            "(take bo out of formerly; two wizards can't have the memories of one)",
        ],
    ),
    (
        "claimed by two",
        {
            "a.yaml": wizard("al", 8644, "formerly: [bo]"),
            "ezra.yaml": wizard("ezra", 8643, "formerly:", "- cy", "- bo"),
        },
        [
            "ezra.yaml:10:3: the earlier name bo is claimed already, by wizard al at fleet/a.yaml:8:12 "
            "(leave it with the one who has its memories)"
        ],
    ),
    (
        "claimed twice by one",
        rest("formerly: [bo, bo]"),
        [
            "ezra.yaml:8:16: the earlier name bo is claimed already, by itself at fleet/ezra.yaml:8:12 "
            "(leave it with the one who has its memories)"
        ],
    ),
    (
        "a name that could leave the folder",
        rest("formerly: [../bo]"),
        [
            "ezra.yaml:8:12: formerly[0] `../bo` is not a safe name "
            "(use lower-case letters, digits and single hyphens, beginning with a letter: allegro-primus)"
        ],
    ),
    (
        "no list",
        rest("formerly: bo"),
        ["ezra.yaml:8:11: formerly must be a list, not a string"],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rule(changes: Changes, expected: list[str]) -> None:
    assert told(changes) == [f"fleet/{line}" for line in expected]


def test_earlier_names_are_kept_in_their_order() -> None:
    fleet = load(rest("formerly: [b, a]")).fleet
    assert fleet is not None
    assert fleet.wizards["ezra"].formerly == ("b", "a")
