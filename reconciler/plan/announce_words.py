"""The words of announcements. They go to services of other people: fields are named, their values are not told. Pure.

Not done here: whether anything is told (announce.py), making text safe for a terminal (render/safe.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from reconciler.plan.announcement import Announcement, Kind, Look, Manner
from reconciler.plan.change import Cause, Change, FieldChange
from reconciler.plan.episode import Episode, Facet, Word
from reconciler.plan.lasting import lasting
from reconciler.plan.resource import Process
from reconciler.plan.status import WizardStatus
from reconciler.plan.value import Hidden

LINES = 10
"""Lines of one kind in a message; what is more is counted."""
_LIVE = (Word.BEGAN, Word.CHANGED, Word.AGAIN)
_KINDS = {
    Facet.QUARANTINED: Kind.QUARANTINED,
    Facet.FAILED: Kind.FAILED,
    Facet.UNSEEN: Kind.FAILED,
    Facet.LOOPING: Kind.STUCK,
    Facet.TROUBLE: Kind.TROUBLE,
}
"""Gravest first."""


@dataclass(frozen=True, slots=True)
class Tidings:
    """What there is to tell about one subject: a word a facet, and all its episodes."""

    words: Mapping[Facet, Word]
    episodes: Mapping[Facet, Episode]

    @property
    def live(self) -> tuple[Facet, ...]:
        """Facets that are told because they go on, gravest first."""
        return tuple(facet for facet in _KINDS if self.words.get(facet) in _LIVE)

    @property
    def ended(self) -> tuple[Facet, ...]:
        return tuple(facet for facet in _KINDS if self.words.get(facet) is Word.ENDED)

    @property
    def open(self) -> tuple[Facet, ...]:
        """Facets that people know of and that go on, told now or not."""
        found = self.episodes
        return tuple(f for f in _KINDS if f in found and found[f].open and found[f].well is None)


def tidings(look: Look, wizard: WizardStatus | None, news: Tidings, manner: Manner) -> Iterator[Announcement]:
    """At most one announcement; `wizard` is None for the host itself."""
    if not news.words:
        return
    kind = _KINDS[news.live[0]] if news.live else Kind.RECOVERED
    name = wizard.name if wizard else ""
    title = _title(look, name, news) if news.live else _end_title(look, name, news)
    body = [*_going_on(wizard, news), *_over(wizard, news, look.at)]
    yield Announcement(kind, name or None, title, _body(body, manner), f"wizard {name}" if name else "host")


def _body(lines: Sequence[str], manner: Manner) -> str:
    return "\n".join([*lines, *([manner.link] if manner.link else [])])


_ARE = {
    Facet.UNSEEN: "can't be observed",
    Facet.LOOPING: "has a change that keeps coming back",
}


def _title(look: Look, name: str, news: Tidings) -> str:
    again = all(news.words[facet] is Word.AGAIN for facet in news.live)
    longest = max(news.episodes[facet].lasted(look.at) for facet in news.live)
    more = f", for {lasting(longest)}" if again else ""
    if not name:
        what = "the fleet of Git is not applied" if Facet.TROUBLE in news.live else "a change keeps coming back"
        return f"{look.host}: {what}{more}"
    failed, quarantined = Facet.FAILED in news.open, Facet.QUARANTINED in news.live
    if quarantined:
        what = "failed and is quarantined" if failed else "is quarantined"
    elif Facet.FAILED in news.live:
        what = "is still failing" if again else "failed"
    else:
        what = _ARE[news.live[0]]
    return f"{look.host}: {name} {what}{more}"


def _end_title(look: Look, name: str, news: Tidings) -> str:
    longest = lasting(max(news.episodes[facet].lasted(look.at) for facet in news.ended))
    if not name:
        what = "the fleet of Git is applied again" if Facet.TROUBLE in news.ended else "no change keeps coming back"
        return f"{look.host}: {what}, after {longest}"
    if Facet.FAILED in news.ended or Facet.UNSEEN in news.ended:
        still = ", and is still quarantined" if Facet.QUARANTINED in news.open else ""
        return f"{look.host}: {name} recovered after {longest}{still}"
    what = "is no longer quarantined" if Facet.QUARANTINED in news.ended else "has no change that keeps coming back"
    return f"{look.host}: {name} {what}, after {longest}"


def _going_on(wizard: WizardStatus | None, news: Tidings) -> Iterator[str]:
    for facet in news.open:
        episode = news.episodes[facet]
        match facet:
            case Facet.FAILED if wizard is not None:
                yield from _failing(wizard)
            case Facet.QUARANTINED if wizard is not None:
                yield wizard.quarantined
            case Facet.UNSEEN if wizard is not None:
                yield from (f"{one.source}: {one.text}" for one in wizard.evidence[:LINES])
            case Facet.LOOPING:
                yield f"not made any more, because it came back each time: {episode.text}"
            case _:
                yield episode.text
        if episode.relapses:
            times = "once" if episode.relapses == 1 else f"{episode.relapses} times"
            yield f"it has come back {times}, soon after it was over"


def _failing(wizard: WizardStatus) -> Iterator[str]:
    yield f"desired {wizard.desired}, observed {wizard.observed.value}"
    yield from (f"{one.source}: {one.text}" for one in wizard.evidence[:LINES] if one.text != "ok")
    yield from wizard.differences[:3]
    yield f"see `reconciler why {wizard.name}` and `reconciler logs {wizard.name}`"


_OVER = {
    Facet.FAILED: "healthy again, after",
    Facet.UNSEEN: "can be observed again, after",
    Facet.QUARANTINED: "what Git declares is applied again; it was quarantined for",
    Facet.LOOPING: "the change that came back is not stopped any more; it was for",
    Facet.TROUBLE: "passes do again what Git wants; they did not for",
}


def _over(wizard: WizardStatus | None, news: Tidings, at: float) -> Iterator[str]:
    for facet in news.ended:
        yield f"{_OVER[facet]} {lasting(news.episodes[facet].lasted(at))}"
    if news.ended and wizard is not None and wizard.why:
        yield f"last change: {wizard.why}"


_MANY = {
    Kind.FAILED: "wizards failed",
    Kind.QUARANTINED: "wizards are quarantined",
    Kind.STUCK: "wizards have a change that keeps coming back",
    Kind.RECOVERED: "wizards recovered",
}


def gathered(found: Sequence[Announcement], look: Look, many: int, manner: Manner) -> Iterator[Announcement]:
    """The announcements, but one for all wizards of a kind where there are more than so many."""
    for kind in Kind:
        mine = [one for one in found if one.kind is kind]
        about = [one for one in mine if one.wizard]
        if len(about) <= many or kind not in _MANY:
            yield from mine
            continue
        yield from (one for one in mine if not one.wizard)
        lines = [_short(one, look.host) for one in about[: 2 * LINES]]
        if len(about) > 2 * LINES:
            lines.append(f"and {len(about) - 2 * LINES} more")
        names = ",".join(sorted(one.wizard or "" for one in about))
        title = f"{look.host}: {len(about)} {_MANY[kind]}"
        yield Announcement(kind, None, title, _body(lines, manner), f"{kind.value} {names}")


def _short(one: Announcement, host: str) -> str:
    first = one.body.split("\n", 1)[0]
    return f"{one.title.removeprefix(f'{host}: ')} ({first})"


def corrected(look: Look, changes: Sequence[tuple[Change, int]], manner: Manner) -> Announcement:
    """One message about all drift that a pass corrected; each with how often it came since it was last told."""
    lines = [_corrected(change, since) for change, since in changes[:LINES]]
    if len(changes) > LINES:
        lines.append(f"and {len(changes) - LINES} more resources")
    wizards = {change.wizard for change, _ in changes}
    one = wizards.pop() if len(wizards) == 1 else None
    title = f"{look.host}: drift corrected{f' at {one}' if one else ''}"
    return Announcement(Kind.CORRECTED, one, title, _body(lines, manner), f"drift {look.at}")


def _corrected(change: Change, since: int) -> str:
    names = [_field(field) for field in change.fields if field.cause is Cause.DRIFT]
    names = [] if isinstance(change.resource, Process) else names
    reasons = "; ".join(r.text for r in change.reasons if r.cause is Cause.DRIFT)
    fields = f": {', '.join(names[:LINES])}" if names else ""
    more = f" and {len(names) - LINES} more" if len(names) > LINES else ""
    again = f"; {since} times more since this was last told" if since else ""
    return f"{change.key}{fields}{more} ({reasons or 'changed by hand on the host'}{again})"


def _field(field: FieldChange) -> str:
    path = field.path[1:] if len(field.path) > 1 and field.path[0] == "key" else field.path
    secret = isinstance(field.before, Hidden) or isinstance(field.after, Hidden)
    return f"{'.'.join(path)}{' (secret)' if secret else ''}"
