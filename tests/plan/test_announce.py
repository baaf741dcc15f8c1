"""What is announced after a pass: tables of cases, and what holds whatever happens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.plan.announce import MANY, MEMORY, UNSEEN_GRACE, Memory, announce, drifted, remembered
from reconciler.plan.announcement import Announcement, Kind, Look, Manner
from reconciler.plan.change import Action, Cause, Change, FieldChange, Reason
from reconciler.plan.episode import HOLD, NEWS
from reconciler.plan.resource import Format, KeyedFile, TextFile
from reconciler.plan.status import Evidence, HostStatus, WizardState, WizardStatus
from reconciler.plan.value import Hidden, known

START = 1_700_000_000.0
HOUR = 3600.0
MANNER = Manner(HOUR)

OK = WizardStatus(
    name="ezra",
    role="wizard",
    desired="unrobed",
    observed=WizardState.UNROBED,
    healthy=True,
    port=8643,
    model="qwen",
    codebase="hermes 0.19.0",
    revision="1a2b3c4",
    since="",
    why="start body: new in Git, commit 1a2b3c4",
    pid=1,
    paused="",
    evidence=(Evidence("process", "running as pid 1", 0.0), Evidence("/health", "ok", 1.0)),
    differences=(),
    unmanaged=(),
)
ILL = replace(OK, healthy=False, evidence=(OK.evidence[0], Evidence("/health", "/health is silent", 1.0)))
FALLEN = replace(ILL, observed=WizardState.DEAD, evidence=(Evidence("process", "stopped", 0.0),))
UNSEEN = replace(OK, observed=WizardState.UNKNOWN, healthy=False)
BACK = replace(OK, quarantined="commit bbbbbbb failed here: /health is silent; generation 3 is wanted instead")
BOTH = replace(FALLEN, quarantined="commit bbbbbbb failed here: /health is silent; there is no earlier generation")
PAUSED = replace(FALLEN, paused="since 2026-01-01T00:00:00Z repairs")
DEAD = replace(FALLEN, desired="dead", healthy=True)
WANTED_DEAD_BUT_RUNS = replace(OK, desired="dead", healthy=False)
LEAVING = replace(FALLEN, desired="removed")


class Story:
    """Looks one after the other, each with the memory that the last one left, read back from its JSON."""

    def __init__(self, manner: Manner = MANNER) -> None:
        self.manner = manner
        self.at = START
        self.kept: str | None = None
        self.told: list[tuple[float, Announcement]] = []

    def look(self, seconds: float, *wizards: WizardStatus, **more: object) -> tuple[Announcement, ...]:
        """Stuck is who is quarantined, unless it is said."""
        self.at += seconds
        names = tuple(w.name for w in wizards if w.quarantined)
        status = HostStatus("vps", "2026-01-01T00:00:00Z", "1a2b3c4", "", "", (), wizards)
        facts: dict[str, object] = {"stuck": names, "looked": frozenset(w.name for w in wizards), **more}
        look = replace(Look(self.at, "vps", status), **facts)  # type: ignore[arg-type]
        told, memory = announce(remembered(self.kept), look, self.manner)
        self.kept = MEMORY.encode(memory)
        self.told += [(self.at, one) for one in told]
        return told


def titles(told: Sequence[Announcement]) -> list[str]:
    return [one.title for one in told]


def test_a_healthy_fleet_is_not_announced() -> None:
    story = Story()
    assert story.look(0, OK, replace(OK, name="allegro")) == ()
    assert story.look(9 * HOUR, OK) == ()
    assert remembered(story.kept) == Memory()


def test_failure_at_once_then_hourly_then_recovery_once() -> None:
    story = Story()
    story.look(0, OK)
    (failed,) = story.look(30, FALLEN)
    assert (failed.kind, failed.wizard, failed.title) == (Kind.FAILED, "ezra", "vps: ezra failed")
    assert failed.body == (
        "desired unrobed, observed dead\nprocess: stopped\nsee `reconciler why ezra` and `reconciler logs ezra`"
    )
    assert story.look(30, ILL) == story.look(HOUR - 31, FALLEN) == ()
    assert titles(story.look(1, FALLEN)) == ["vps: ezra is still failing, for 1 h"]
    assert story.look(60, FALLEN) == ()
    (recovered,) = story.look(60, OK)
    assert (recovered.kind, recovered.title) == (Kind.RECOVERED, "vps: ezra recovered after 1 h 2 min")
    assert recovered.body == "healthy again, after 1 h 2 min\nlast change: start body: new in Git, commit 1a2b3c4"
    assert story.look(60, OK) == story.look(2 * HOUR, OK) == ()


SILENT: dict[str, tuple[WizardStatus, ...]] = {
    "Git wants it dead, and it is": (OK, DEAD),
    "Git wants it dead, and it still runs": (OK, WANTED_DEAD_BUT_RUNS),
    "it goes away": (OK, LEAVING),
    "paused": (OK, PAUSED),
    "paused and unknown": (OK, replace(UNSEEN, paused="since")),
    "unknown for a moment": (OK, UNSEEN, OK),
    "gone": (OK,),
}


@pytest.mark.parametrize("looks", SILENT.values(), ids=SILENT.keys())
def test_what_is_no_failure(looks: tuple[WizardStatus, ...]) -> None:
    story = Story()
    for wizard in looks:
        assert story.look(60, wizard) == ()
    assert story.look(60) == ()


def test_a_failing_wizard_that_is_removed_or_wanted_dead_is_over_in_silence() -> None:
    for end in ((), (LEAVING,), (DEAD,)):
        story = Story()
        assert len(story.look(0, FALLEN)) == 1
        assert story.look(60, *end) == ()
        assert remembered(story.kept) == Memory()
        assert titles(story.look(60, FALLEN)) == ["vps: ezra failed"]


def test_a_pause_ends_the_repeats_and_its_end_tells_what_is_still_so() -> None:
    story = Story()
    story.look(0, FALLEN)
    assert story.look(2 * HOUR, PAUSED) == ()
    assert titles(story.look(60, FALLEN)) == ["vps: ezra is still failing, for 2 h 1 min"]
    assert titles(story.look(60, replace(OK, paused="since"))) == ["vps: ezra recovered after 2 h 2 min"]


def test_failed_while_paused_is_told_after_the_pause() -> None:
    story = Story()
    assert story.look(0, PAUSED) == ()
    assert titles(story.look(60, FALLEN)) == ["vps: ezra failed"]


def test_unknown_is_neither_failure_nor_recovery_until_it_lasts() -> None:
    story = Story()
    story.look(0, FALLEN)
    assert story.look(30, UNSEEN) == ()
    (told,) = story.look(UNSEEN_GRACE, UNSEEN)
    assert told.title == "vps: ezra can't be observed"
    assert titles(story.look(30, OK)) == ["vps: ezra recovered after 11 min"]


def test_failed_and_quarantined_is_one_message() -> None:
    (told,) = Story().look(0, BOTH)
    assert (told.kind, told.title) == (Kind.QUARANTINED, "vps: ezra failed and is quarantined")
    assert told.body == (
        f"{BOTH.quarantined}\ndesired unrobed, observed dead\nprocess: stopped\n"
        "see `reconciler why ezra` and `reconciler logs ezra`"
    )


def test_quarantined_while_the_last_generation_runs() -> None:
    story = Story()
    assert titles(story.look(0, BACK)) == ["vps: ezra is quarantined"]
    assert story.look(60, BACK) == ()
    assert titles(story.look(HOUR, BACK)) == ["vps: ezra is quarantined, for 1 h 1 min"]
    assert titles(story.look(60, replace(FALLEN, quarantined=BACK.quarantined))) == ["vps: ezra failed"]
    assert titles(story.look(60, BACK)) == ["vps: ezra recovered after 60 s, and is still quarantined"]
    (over,) = story.look(60, OK)
    assert (over.kind, over.title) == (Kind.RECOVERED, "vps: ezra is no longer quarantined, after 1 h 4 min")


def test_another_commit_that_fails_is_news() -> None:
    story = Story()
    story.look(0, BACK)
    again = replace(BACK, quarantined=BACK.quarantined.replace("bbbbbbb", "ccccccc"))
    (told,) = story.look(NEWS, again)
    assert "ccccccc" in told.body
    assert story.look(NEWS, again) == ()


def test_what_a_person_rolled_back_is_known_to_them() -> None:
    story = Story()
    assert story.look(0, BACK, stuck=()) == ()
    story.look(60, BACK)
    assert story.look(60, BACK, stuck=()) == ()
    assert story.look(60, OK) == ()


def test_a_pass_over_other_wizards_says_nothing_of_quarantine() -> None:
    story = Story()
    story.look(0, BACK)
    other = replace(OK, name="allegro")
    assert story.look(60, BACK, other, stuck=(), looked=frozenset({"allegro"})) == ()
    assert story.look(60, BACK, other, stuck=None) == ()
    assert story.look(60, BACK, other) == ()


def test_a_change_that_keeps_coming_back() -> None:
    story = Story()
    (told,) = story.look(0, OK, stuck=("wizard/ezra/file/home/SOUL.md",))
    assert (told.kind, told.title) == (Kind.STUCK, "vps: ezra has a change that keeps coming back")
    assert told.body == "not made any more, because it came back each time: wizard/ezra/file/home/SOUL.md"
    assert titles(story.look(60, OK)) == ["vps: ezra has no change that keeps coming back, after 60 s"]
    assert titles(story.look(60, OK, stuck=("codebase/hermes/0.19.0",))) == ["vps: a change keeps coming back"]


def test_trouble_of_passes_is_told_when_the_next_one_has_it_too() -> None:
    story = Story()
    assert story.look(0, OK, trouble="fleet.yaml:3:1: no such key") == ()
    assert story.look(30, OK) == ()
    assert story.look(30, OK, trouble="fleet.yaml:3:1: no such key", stuck=None) == ()
    (told,) = story.look(30, OK, trouble="fleet.yaml:3:1: no such key", stuck=None)
    assert (told.kind, told.wizard, told.title) == (Kind.TROUBLE, None, "vps: the fleet of Git is not applied")
    assert told.body == "fleet.yaml:3:1: no such key"
    (over,) = story.look(30, OK)
    assert (over.kind, over.title) == (Kind.RECOVERED, "vps: the fleet of Git is applied again, after 60 s")


def test_what_may_pass_by_itself_has_longer() -> None:
    story = Story()
    for _ in range(9):
        assert story.look(60, OK, trouble="the registry is away", passing=True) == ()
    assert story.look(120, OK, trouble="the registry is away", passing=True) != ()


def test_before_anything_was_seen_only_the_pass_can_be_in_trouble() -> None:
    story = Story()
    story.look(0, FALLEN)
    assert story.look(60, status=None, trouble="bug: KeyError", stuck=None) == ()
    assert titles(story.look(60, status=None, trouble="bug: KeyError", stuck=None)) == [
        "vps: the fleet of Git is not applied"
    ]
    assert titles(story.look(60, FALLEN, trouble="bug: KeyError", stuck=None)) == []


def test_a_flapping_wizard_is_told_that_it_failed_and_only_then_what_lasts() -> None:
    story = Story()
    for _ in range(59):
        story.look(30, FALLEN)
        story.look(30, OK)
    assert titles([one for _, one in story.told]) == [
        "vps: ezra failed",
        "vps: ezra recovered after 30 s",
        "vps: ezra failed",
    ]
    assert "it has come back once," in story.told[-1][1].body
    assert story.look(HOLD - 31, OK) == ()
    assert [one.kind for one in story.look(31, OK)] == [Kind.RECOVERED]


def test_many_at_once_are_one_message() -> None:
    story = Story()
    many = [replace(FALLEN, name=f"w{number}") for number in range(MANY + 20)]
    (told,) = story.look(0, *many)
    assert (told.kind, told.wizard, told.title) == (Kind.FAILED, None, "vps: 23 wizards failed")
    assert told.body.splitlines()[0] == "w0 failed (desired unrobed, observed dead)"
    assert told.body.splitlines()[-1] == "and 3 more"
    (over,) = story.look(60, *(replace(OK, name=one.name) for one in many))
    assert over.title == "vps: 23 wizards recovered"
    assert len(story.look(60, *many[:MANY])) == MANY


def test_a_link_ends_each_message() -> None:
    story = Story(Manner(HOUR, "https://vps.example/"))
    assert story.look(0, FALLEN)[0].body.endswith("\nhttps://vps.example/")
    many = [replace(FALLEN, name=f"w{number}") for number in range(MANY + 1)]
    assert story.look(0, *many)[0].body.endswith("\nhttps://vps.example/")


CONFIG = KeyedFile("wizard/ezra/file/home/config.yaml", "ezra", "/srv/config.yaml", 0o600, Format.YAML, ())
SOUL = TextFile("wizard/ezra/text/home/SOUL.md", "ezra", "/srv/SOUL.md", 0o600, "soul")
EDITED = Change(
    CONFIG.key,
    "ezra",
    Action.UPDATE,
    CONFIG,
    (Reason(Cause.DRIFT, "changed by hand on the host"), Reason(Cause.CHANGED, "changed in Git")),
    (
        FieldChange(("key", "model", "default"), known("private"), known("qwen"), Cause.DRIFT),
        FieldChange(("key", "api", "key"), Hidden("ab" * 32), Hidden("cd" * 32), Cause.DRIFT),
        FieldChange(("key", "port"), known(1), known(2), Cause.CHANGED),
    ),
)
REMOVED = Change(SOUL.key, "ezra", Action.CREATE, SOUL, (Reason(Cause.DRIFT, "was removed by hand"),))
DECLARED = replace(REMOVED, reasons=(Reason(Cause.DECLARED, "new in Git"),))


def test_drift_names_resources_and_fields_and_no_values() -> None:
    assert drifted((EDITED, REMOVED, DECLARED)) == (EDITED, REMOVED)
    (told,) = Story().look(0, OK, corrected=(EDITED, REMOVED))
    assert (told.kind, told.wizard, told.title) == (Kind.CORRECTED, "ezra", "vps: drift corrected at ezra")
    assert told.body.splitlines() == [
        "wizard/ezra/file/home/config.yaml: model.default, api.key (secret) (changed by hand on the host)",
        "wizard/ezra/text/home/SOUL.md (was removed by hand)",
    ]


def test_the_same_drift_is_told_again_after_an_hour_with_its_count() -> None:
    story = Story()
    assert len(story.look(0, OK, corrected=(EDITED,))) == 1
    assert story.look(60, OK, corrected=(EDITED,)) == story.look(60, OK, corrected=(EDITED,)) == ()
    (told,) = story.look(HOUR, OK, corrected=(EDITED,))
    assert "2 times more since this was last told" in told.body


def test_a_clock_that_was_ahead_does_not_silence_anything() -> None:
    story = Story()
    story.at += 365 * 86_400.0
    story.look(0, FALLEN, corrected=(EDITED,))
    story.at = START
    assert story.look(0, FALLEN) == ()
    assert titles(story.look(HOUR, FALLEN)) == ["vps: ezra is still failing, for 1 h"]
    assert len(story.look(HOUR, FALLEN, corrected=(EDITED,))) == 2


@pytest.mark.parametrize("text", ["", "{", "[]", '{"episodes":1}', '{"drift":[],"episodes":[{}]}', "null"])
def test_a_memory_that_cannot_be_read_is_an_empty_one(text: str) -> None:
    assert remembered(text) == Memory()


SECONDS = st.integers(1, 4000)
UPS_AND_DOWNS = st.lists(st.tuples(SECONDS, st.sampled_from([OK, OK, FALLEN, ILL])), max_size=60)
BEGAN, AGAIN, OVER = "failed", "is still failing", "recovered"


def word(one: Announcement) -> str:
    return next(text for text in (AGAIN, BEGAN, OVER) if f"ezra {text}" in one.title)


@given(UPS_AND_DOWNS)
def test_every_failure_is_told_once_repeated_slowly_and_has_one_end(looks: list[tuple[int, WizardStatus]]) -> None:
    story = Story()
    ill = False
    for seconds, wizard in looks:
        before = [word(one) for _, one in story.told if word(one) != AGAIN]
        told = story.look(seconds, wizard)
        if not wizard.healthy and before[-1:] != [BEGAN]:
            assert [word(one) for one in told] == [BEGAN]  # at once
        ill = ill or not wizard.healthy
    story.look(2 * HOUR, OK)
    story.look(2 * HOUR, OK)
    words = [word(one) for _, one in story.told if word(one) != AGAIN]
    assert words == [BEGAN, OVER] * (len(words) // 2)
    assert bool(words) == ill
    for (earlier, first), (later, second) in pairwise(story.told):
        if word(second) == AGAIN:
            assert later - earlier >= HOUR
            assert word(first) != OVER


@given(UPS_AND_DOWNS)
def test_nobody_is_flooded(looks: list[tuple[int, WizardStatus]]) -> None:
    story = Story()
    for seconds, wizard in looks:
        story.look(seconds % 60 + 1, wizard)
    times = [at for at, _ in story.told]
    assert all(sum(at <= other < at + HOUR for other in times) <= 12 for at in times)


FACTS = st.fixed_dictionaries(
    {
        "trouble": st.sampled_from(["", "", "refused", "away"]),
        "passing": st.booleans(),
        "stuck": st.sampled_from([None, (), ("ezra",), ("allegro", "wizard/ezra/file/a"), ("codebase/x",)]),
        "looked": st.sampled_from([frozenset(), frozenset({"ezra"}), frozenset({"ezra", "allegro"})]),
        "corrected": st.sampled_from([(), (EDITED,), (EDITED, REMOVED)]),
    }
)
ANY = st.sampled_from([OK, ILL, FALLEN, UNSEEN, BACK, BOTH, PAUSED, DEAD, WANTED_DEAD_BUT_RUNS, LEAVING])
ANYTHING = st.lists(st.tuples(SECONDS, st.lists(ANY, max_size=2), FACTS), max_size=20)


@given(ANYTHING)
def test_whatever_happens_the_same_look_is_told_once(
    looks: list[tuple[int, list[WizardStatus], dict[str, object]]],
) -> None:
    story = Story()
    for seconds, wizards, facts in looks:
        named = [replace(one, name=name) for one, name in zip(wizards, ("ezra", "allegro"), strict=False)]
        story.look(seconds, *named, **facts)
        assert story.look(0, *named, **{**facts, "corrected": ()}) == ()
        assert story.look(0, *named, **facts) == ()
    topics = [(at, one.topic) for at, one in story.told]
    assert len(topics) == len(set(topics))
    assert all(one.title and one.body and one.topic for _, one in story.told)
