"""What waits for which address: newest on a topic, bounded, one address never waits for another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.outbox import FIRST, FULL, LONGEST, OLDEST, SILENCE, Letter, Outbox
from reconciler.plan.announcement import Announcement, Kind


def note(text: str, topic: str = "") -> Announcement:
    return Announcement(Kind.FAILED, "ezra", text, text, topic)


def take(box: Outbox, now: float = 0.0, time: float = 0.0) -> tuple[Letter, tuple[int, ...]]:
    letter, addresses = box.next(now, time, last=False)
    assert letter is not None
    return letter, addresses


def test_oldest_first_and_to_all_at_once() -> None:
    box = Outbox(2)
    for text in ("a", "b"):
        box.add(note(text), 0)
    for text in ("a", "b"):
        letter, addresses = take(box)
        assert (letter.announcement.title, addresses) == (text, (0, 1))
        for address in addresses:
            box.sent(letter, address)
    assert box.next(0, 0, last=False) == (None, ())
    assert box.seconds(0) is None


def test_the_newest_on_a_topic_takes_the_place_of_the_older_one() -> None:
    box = Outbox(1)
    box.add(note("failed", "ezra"), 0)
    old, _ = take(box)
    box.add(note("recovered", "ezra"), 0)
    box.failed(old, 0, 0.0, again=True)  # it came while the old one was under way
    assert box.waiting == 1
    letter, _ = take(box, FIRST)
    assert letter.announcement.title == "recovered"
    box.sent(old, 0)
    assert box.waiting == 1


def test_an_address_that_fails_rests_ever_longer_and_the_other_goes_on() -> None:
    box = Outbox(2)
    now, rests, came = 0.0, [], []
    for count in range(12):
        box.add(note(f"n{count}"), 0)
        tried = False
        while (found := box.next(now, 0, last=False))[0] is not None:
            letter, addresses = found
            if 0 in addresses:
                assert not tried
                tried = True
                box.failed(letter, 0, now, again=True)
            if 1 in addresses:
                came.append(letter.announcement.title)
                box.sent(letter, 1)
        assert tried
        rests.append(box.seconds(now) or 0.0)
        now += rests[-1]
    assert rests[:3] == [FIRST, 2 * FIRST, 4 * FIRST]
    assert rests[-1] == LONGEST
    assert came == [f"n{count}" for count in range(12)]
    assert box.waiting == 12


def test_a_letter_to_what_is_no_address_is_not_tried_again() -> None:
    box = Outbox(1)
    box.add(note("a"), 0)
    letter, _ = take(box)
    box.failed(letter, 0, 0.0, again=False)
    assert (box.waiting, box.dropped) == (0, 1)


def test_what_is_a_day_old_is_not_worth_sending() -> None:
    box = Outbox(1)
    box.add(note("a"), 0)
    assert box.next(0, OLDEST + 1, last=False) == (None, ())
    assert (box.waiting, box.dropped) == (0, 1)


def test_at_the_last_only_addresses_that_answer_get_anything() -> None:
    box = Outbox(2)
    box.add(note("a"), 0)
    letter, _ = take(box)
    box.failed(letter, 0, 0.0, again=True)
    assert box.next(0, 0, last=True) == (letter, (1,))
    box.sent(letter, 1)
    assert box.next(10 * LONGEST, 0, last=True) == (None, ())


def test_one_complaint_an_hour_and_anew_once_it_worked() -> None:
    box = Outbox(2)
    assert [box.complain(0, at) for at in (0, 1, SILENCE - 1, SILENCE)] == [True, False, False, True]
    assert box.complain(1, 1)
    box.add(note("a"), 0)
    box.sent(take(box)[0], 0)
    assert box.complain(0, SILENCE + 1)


@given(st.lists(st.tuples(st.sampled_from(["", "a", "b", "c"]), st.booleans(), st.booleans()), max_size=200))
def test_the_box_is_bounded_and_nothing_is_sent_twice(steps: list[tuple[str, bool, bool]]) -> None:
    box = Outbox(1)
    now, came = 0.0, []
    for count, (topic, tries, works) in enumerate(steps):
        box.add(note(str(count), topic), 0)
        assert box.waiting <= FULL
        if not tries:
            continue
        now += LONGEST
        letter, _ = take(box, now)
        if works:
            came.append(letter.number)
            box.sent(letter, 0)
        else:
            box.failed(letter, 0, now, again=True)
    assert came == sorted(set(came))
