"""What people are to hear after a pass: who failed, was quarantined or recovered, and which drift was corrected.

Compares what a pass saw with the memory of what was told, so that a new process tells nothing twice. A wizard that
fails and is quarantined is one message; many wizards at once are one, too. Silent are: what Git wants dead, what was
removed, what a person put back by hand, and the failures of a paused wizard; what could not be observed is no failure
for ten minutes. Pure; not done here: when an episode is told (episode.py), words (announce_words.py), sending
(engine/herald.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from reconciler.errors import Terminal
from reconciler.plan.announce_words import Tidings, corrected, gathered, tidings
from reconciler.plan.announcement import Announcement, Look, Manner
from reconciler.plan.change import Cause, Change
from reconciler.plan.codec import Codec
from reconciler.plan.episode import Episode, Facet, Pace, seen
from reconciler.plan.presence import GONE
from reconciler.plan.repeat import owner
from reconciler.plan.status import WizardState, WizardStatus

UNSEEN_GRACE = 600.0
"""Seconds that a wizard may be unobservable, and that a pass may fail because of the world outside, in silence."""
SECOND_LOOK = 1.0
"""Seconds that any other trouble of passes has to last: a plan that a person asked for and that is refused as stale is
no news, while a commit that can't be used still is one when the next pass looks."""
MANY = 3
"""Messages of one kind in one pass; when there were more, they become one."""


@dataclass(frozen=True, slots=True)
class Told:
    """Drift of a resource: when it was last told, and how often it was corrected since."""

    key: str
    at: float
    since: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """What was told. Kept between processes as JSON."""

    episodes: tuple[Episode, ...] = ()
    drift: tuple[Told, ...] = ()


MEMORY: Codec[Memory] = Codec(Memory, "memory of announcements")


def remembered(text: str | None) -> Memory:
    """The memory that was kept as JSON; an empty one when it can't be read: to tell twice is better than never."""
    try:
        return MEMORY.decode(text) if text else Memory()
    except Terminal:
        return Memory()


def announce(memory: Memory, look: Look, manner: Manner) -> tuple[tuple[Announcement, ...], Memory]:
    """What is to be told now, and what is remembered from now on."""
    known: Known = {}
    for one in memory.episodes:
        known.setdefault(one.subject, {})[one.facet] = one.by(look.at)
    drift, told = _drift(memory, look, manner)
    found = [*_of_host(known, look, manner), *_of_wizards(known, look, manner)]
    told = (*gathered(found, look, MANY, manner), *told)
    return told, Memory(tuple(_in_order(known)), drift)


_GRACE = {Facet.UNSEEN: UNSEEN_GRACE}
Known = dict[str, dict[Facet, Episode]]
Readings = Mapping[Facet, str | None]
"""What is wrong with a subject, "" when nothing is; None when this look can't say."""


def _in_order(known: Known) -> Iterator[Episode]:
    for subject in sorted(known):
        yield from (known[subject][facet] for facet in Facet if facet in known[subject])


def _of_host(known: Known, look: Look, manner: Manner) -> Iterator[Announcement]:
    whole = look.status is not None and {w.name for w in look.status.wizards if w.desired != "removed"} <= look.looked
    readings = {Facet.TROUBLE: look.trouble, Facet.LOOPING: _looping("", look) if whole else None}
    grace = {Facet.TROUBLE: UNSEEN_GRACE if look.passing else SECOND_LOOK}
    news = _advanced(known, "", readings, look.at, manner.repeat, grace)
    yield from tidings(look, None, news, manner)


def _of_wizards(known: Known, look: Look, manner: Manner) -> Iterator[Announcement]:
    if look.status is None:
        return
    wanted = {wizard.name: wizard for wizard in look.status.wizards if wizard.desired not in GONE}
    for subject in [name for name in known if name and name not in wanted]:
        del known[subject]
    for wizard in wanted.values():
        if _by_hand(wizard, look):
            known.get(wizard.name, {}).pop(Facet.QUARANTINED, None)
        news = _advanced(known, wizard.name, _readings(wizard, look), look.at, manner.repeat, _GRACE)
        yield from tidings(look, wizard, news, manner)


def _by_hand(wizard: WizardStatus, look: Look) -> bool:
    """Whether a person has put it back: they know."""
    stuck = look.stuck is None or wizard.name not in look.looked or wizard.name in look.stuck
    return bool(wizard.quarantined) and not stuck


def _readings(wizard: WizardStatus, look: Look) -> Readings:
    unknown = wizard.observed is WizardState.UNKNOWN
    ails = "" if wizard.healthy else f"desired {wizard.desired}, observed {wizard.observed.value}"
    quarantined = wizard.quarantined if wizard.name in (look.stuck or ()) else ""
    failed = None if unknown else ails
    stuck = look.stuck is not None and wizard.name in look.looked
    readings = {
        Facet.FAILED: failed,
        Facet.UNSEEN: "can't be observed" if unknown else "",
        Facet.QUARANTINED: quarantined if stuck else None,
        Facet.LOOPING: _looping(wizard.name, look) if stuck else None,
    }
    if wizard.paused:  # what a person works on makes no noise; what ends is told
        return {facet: None if text else text for facet, text in readings.items()}
    return readings


def _looping(subject: str, look: Look) -> str | None:
    if look.stuck is None:
        return None
    names = {wizard.name for wizard in look.status.wizards} if look.status else set()
    keys = [key for key in look.stuck if key not in names and owner(key) == subject]
    return ", ".join(sorted(keys))


def _advanced(
    known: Known,
    subject: str,
    readings: Readings,
    at: float,
    repeat: float,
    grace: Mapping[Facet, float],
) -> Tidings:
    """Moves the subject's episodes on. What is told for one of them is told for all that are open."""
    mine = known.pop(subject, {})
    if not mine and not any(readings.values()):
        return Tidings({}, {})
    words = {}
    for facet, text in readings.items():
        if text is None:
            continue
        now, pace = Episode(subject, facet, at, text), Pace(repeat, grace.get(facet, 0.0))
        episode, word = seen(mine.pop(facet, None), now, pace)
        if episode is not None:
            mine[facet] = episode
        if word is not None:
            words[facet] = word
    if words:
        going_on = [f for f, one in mine.items() if one.open and one.well is None]
        mine |= {facet: replace(mine[facet], told=at) for facet in going_on}
    if mine:
        known[subject] = mine
    return Tidings(words, mine)


def drifted(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Those that are made because the host differs from what we last applied."""
    return tuple(
        change
        for change in changes
        if any(reason.cause is Cause.DRIFT for reason in change.reasons)
        or any(field.cause is Cause.DRIFT for field in change.fields)
    )


def _drift(memory: Memory, look: Look, manner: Manner) -> tuple[tuple[Told, ...], tuple[Announcement, ...]]:
    """Drift of one resource is told at once, and then at most every `repeat` seconds, with how often it came."""
    known = {one.key: replace(one, at=min(one.at, look.at)) for one in memory.drift}
    fresh: list[tuple[Change, int]] = []
    for change in look.corrected:
        old = known.get(change.key)
        if old is None or look.at - old.at >= manner.repeat:
            fresh.append((change, old.since if old else 0))
            known[change.key] = Told(change.key, look.at)
        else:
            known[change.key] = replace(old, since=old.since + 1)
    kept = tuple(one for one in known.values() if look.at - one.at < 2 * manner.repeat)
    return kept, (corrected(look, fresh, manner),) if fresh else ()
