"""Deliveries that were seen already."""

from __future__ import annotations

from reconciler.web.replays import REMEMBERED, Replays


def test_seen_and_not_seen() -> None:
    replays = Replays()
    assert not replays.knows("a")
    replays.remember("a")
    assert replays.knows("a")
    assert not replays.knows("A")


def test_without_an_identifier_nothing_is_a_replay() -> None:
    replays = Replays()
    replays.remember("")
    assert not replays.knows("")
    assert len(replays) == 0


def test_only_the_newest_are_kept() -> None:
    replays = Replays(most=3)
    for name in "abcd":
        replays.remember(name)
    assert [name for name in "abcd" if replays.knows(name)] == ["b", "c", "d"]


def test_it_never_grows_beyond_that() -> None:
    replays = Replays()
    for number in range(2 * REMEMBERED):
        replays.remember(f"{number}-" + "x" * 200)
    assert len(replays) == REMEMBERED
    assert not replays.knows("0-" + "x" * 200)
    assert replays.knows(f"{2 * REMEMBERED - 1}-" + "x" * 200)
