"""Status and history: what people read, and what must not move with time alone."""

from __future__ import annotations

from dataclasses import replace

import pytest
from syrupy.assertion import SnapshotAssertion

from reconciler.plan.status import Evidence, HostStatus
from reconciler.render.history import history_text, why_text
from reconciler.render.status_json import status_document, status_json
from reconciler.render.status_markdown import status_markdown
from reconciler.render.status_text import status_text
from reconciler.render.status_words import age_text, short_time
from tests.render import hosts

HOSTS = {
    "settled": hosts.SETTLED,
    "unsettled": hosts.UNSETTLED,
    "nobody": hosts.NOBODY,
    "unsigned": hosts.UNSIGNED,
    "unusable": hosts.UNUSABLE,
}


@pytest.mark.parametrize("name", HOSTS)
def test_text(name: str, snapshot: SnapshotAssertion) -> None:
    assert status_text(HOSTS[name]) == snapshot


def test_verbose_text(snapshot: SnapshotAssertion) -> None:
    assert status_text(hosts.UNSETTLED, verbose=True) == snapshot


@pytest.mark.parametrize("name", HOSTS)
def test_markdown(name: str, snapshot: SnapshotAssertion) -> None:
    assert status_markdown(HOSTS[name]) == snapshot


@pytest.mark.parametrize("volatile", [True, False])
def test_json(volatile: bool, snapshot: SnapshotAssertion) -> None:
    assert status_json(hosts.UNSETTLED, volatile=volatile) == snapshot


def test_history(snapshot: SnapshotAssertion) -> None:
    assert history_text(hosts.PASSES, hosts.HISTORY) == snapshot


def test_why(snapshot: SnapshotAssertion) -> None:
    assert why_text("ezra", hosts.HISTORY) == snapshot


def test_nothing_to_tell_is_told() -> None:
    assert history_text((), ()) == "No pass has run on this host yet.\n"
    assert why_text("ezra", ()) == "Nothing has been done to ezra on this host yet.\n"


def later(status: HostStatus) -> HostStatus:
    """The same host looked at again: only the moment, ages, pids and the order differ."""
    wizards = [
        replace(w, pid=w.pid and w.pid + 1, evidence=tuple(Evidence(e.source, e.text, 99.0) for e in w.evidence))
        for w in reversed(status.wizards)
    ]
    return replace(status, at="2027-01-01T00:00:00Z", wizards=tuple(wizards))


@pytest.mark.parametrize("name", HOSTS)
def test_what_is_committed_does_not_move_with_time_alone(name: str) -> None:
    status = HOSTS[name]
    assert status_markdown(later(status)) == status_markdown(status)
    assert status_json(later(status), volatile=False) == status_json(status, volatile=False)


def test_other_evidence_of_a_settled_wizard_makes_no_commit() -> None:
    busy = replace(hosts.ALLEGRO, evidence=(Evidence("/health", "busy", 1.0),))
    before, after = (replace(hosts.SETTLED, wizards=(wizard,)) for wizard in (hosts.ALLEGRO, busy))
    assert status_markdown(before) == status_markdown(after)
    assert status_json(before, volatile=False) == status_json(after, volatile=False)


def test_a_host_is_not_settled_while_the_head_is_not_used() -> None:
    seen = {name: status_document(status, volatile=False) for name, status in HOSTS.items()}
    assert (seen["settled"]["settled"], seen["settled"]["unused"], seen["settled"]["unsigned"]) == (True, None, None)
    assert (seen["unsigned"]["settled"], seen["unsigned"]["unsigned"]) == (False, hosts.UNSIGNED.unsigned)
    assert (seen["unusable"]["settled"], seen["unusable"]["unsigned"]) == (False, None)
    assert seen["unusable"]["unused"] == hosts.UNUSABLE.unused


def test_what_is_asked_for_live_has_ages_and_pids() -> None:
    document = status_document(hosts.SETTLED, volatile=True)
    assert document["at"] == hosts.SETTLED.at
    assert '"pid": 4101' in status_json(hosts.SETTLED, volatile=True)


def test_the_table_fits_100_columns_and_deltas_come_first() -> None:
    lines = status_text(hosts.UNSETTLED).splitlines()
    table = [line for line in lines if line.startswith(("  NAME", "! ", "  alleg"))]
    assert max(len(line) for line in table) <= 100
    assert table[1].startswith("! ezra ")
    assert "allegro-primus" in table[3]


def test_a_pause_is_shown_even_when_all_is_as_desired() -> None:
    paused = replace(hosts.ALLEGRO, paused="moving house, since 2026-04-01T08:00:00Z")
    text = status_text(replace(hosts.SETTLED, wizards=(paused,)))
    assert "    paused: moving house, since" in text


def test_an_ailing_wizard_is_not_shown_as_well() -> None:
    ill = replace(hosts.ALLEGRO, healthy=False)
    status = replace(hosts.SETTLED, wizards=(ill,))
    assert "unhealthy" in status_text(status)
    assert "- State: unrobed, unhealthy, since" in status_markdown(status)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.2, "0 s ago"), (119, "119 s ago"), (120, "2 min ago"), (7200, "2 h ago"), (200_000, "2 d ago")],
)
def test_ages(seconds: float, text: str) -> None:
    assert age_text(seconds) == text


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("2026-04-01T07:01:00Z", "07:01"),
        ("2026-03-31T07:01:00Z", "03-31 07:01"),
        ("2025-04-01T07:01:00Z", "2025-04-01 07:01"),
        ("", "-"),
        ("soon", "soon"),
    ],
)
def test_times_leave_out_what_is_the_same_as_now(time: str, text: str) -> None:
    assert short_time(time, "2026-04-01T08:05:00Z") == text
