"""The herald with real passes on a real host: what people get, and that nobody waits for them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import Event
from time import monotonic, sleep

import pytest

from reconciler import compose
from reconciler.adapters.apprise_notifier import AppriseNotifier
from reconciler.compose.host import secret_of
from reconciler.engine.attendance import Attendance
from reconciler.engine.herald import KEPT, Herald
from reconciler.engine.host import Host
from reconciler.engine.outcome import Outcome
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.request import Request
from reconciler.plan.announcement import Announcement, Kind, Manner
from reconciler.protocols.ledger import Result
from reconciler.protocols.notifier import Undelivered
from tests.bench.standins import HastyClock
from tests.engine.site import Site
from tests.notify.post_office import closed_port, office, said

HOUR = 3600.0


class Carrier:
    """Takes announcements, refuses them, or holds on to them until it may go on."""

    def __init__(self, addresses: int = 1) -> None:
        self.addresses = addresses
        self.came: list[Announcement] = []
        self.tried = 0
        self.refuses = False
        self.bugs = 0
        self.broken: tuple[Undelivered, ...] = ()
        self.open = Event()
        self.open.set()
        self.closed = False

    def check(self) -> tuple[Undelivered, ...]:
        return self.broken

    def send(self, announcement: Announcement, addresses: Iterable[int]) -> tuple[Undelivered, ...]:
        self.tried += 1
        self.open.wait(120)
        if self.bugs:
            self.bugs -= 1
            raise KeyError("a bug")
        if self.refuses or self.closed:
            return tuple(Undelivered(number, f"address {number + 1}", "is away") for number in addresses)
        self.came.append(announcement)
        return ()

    def close(self) -> None:
        self.closed = True
        self.open.set()

    def titles(self) -> list[str]:
        return [one.title for one in self.came]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    made = Site(tmp_path)
    made.push()
    made.settle()
    return made


@contextmanager
def heralded(host: Host, carrier: Carrier | AppriseNotifier, link: str = "") -> Iterator[Herald]:
    herald = Herald(host, carrier, Manner(HOUR, link))
    herald.start()
    try:
        yield herald
    finally:
        herald.close(10)


def until(seen: Callable[[], bool]) -> None:
    limit = monotonic() + 120
    while not seen():
        assert monotonic() < limit, "it did not come"
        sleep(0.01)


def a_pass(herald: Herald, host: Host) -> None:
    """By a new reconciler, which asks every gateway how it is."""
    report = Reconciler(host).run(Request("test"))
    herald.tell(Outcome.DONE if report.done else Outcome.INCOMPLETE, report.status, "", report)


def ill(site: Site, *names: str) -> None:
    site.gateways.ill = lambda program: "silent" if program.name.removesuffix("-body") in names else ""


def test_failure_and_recovery_reach_people_once_across_restarts(site: Site) -> None:
    carrier = Carrier()
    steps: list[tuple[tuple[str, ...], list[str]]] = [
        ((), []),
        (("ada",), ["here: ada failed"]),
        (("ada",), ["here: ada failed"]),
        ((), ["here: ada failed", "here: ada recovered"]),
        ((), ["here: ada failed", "here: ada recovered"]),
    ]
    for names, told in steps:
        ill(site, *names)
        with site.bound() as (host, _), heralded(host, carrier) as herald:
            a_pass(herald, host)
            until(lambda: herald.waiting == 0)
            assert [title.split(" after")[0] for title in carrier.titles()] == told
            assert herald.failed == 0
        carrier.closed = False


def test_drift_is_told_with_resource_and_field_and_without_values(site: Site) -> None:
    carrier = Carrier()
    file = site.home("ada") / "config.yaml"
    file.write_text(file.read_text().replace("model_name: ada", "model_name: secret-of-mine"))
    with site.bound() as (host, _), heralded(host, carrier) as herald:
        a_pass(herald, host)
        until(lambda: herald.sent == 1)
    (told,) = carrier.came
    assert (told.kind, told.title) == (Kind.CORRECTED, "here: drift corrected at ada")
    assert "wizard/ada/" in told.body
    assert "model_name" in told.body
    assert "secret-of-mine" not in told.body


def test_failed_and_quarantined_is_one_message(site: Site) -> None:
    carrier = Carrier()
    site.gateways.ill = lambda program: "silent" if "ada" in program.name else ""
    site.config("ada", skin="b")
    with site.bound() as (host, _), heralded(host, carrier) as herald:
        a_pass(herald, host)
        until(lambda: herald.sent == 1)
    assert carrier.titles() == ["here: ada failed and is quarantined"]


def test_a_carrier_that_hangs_delays_no_pass(site: Site) -> None:
    carrier = Carrier()
    carrier.open.clear()
    with site.bound() as (host, _), heralded(host, carrier) as herald:
        ill(site, "ada")
        a_pass(herald, host)
        until(lambda: carrier.tried == 1)
        for names in ((), ("bo",), ()):
            ill(site, *names)
            a_pass(herald, host)  # would never return if it waited
        assert carrier.came == []
        carrier.open.set()
        until(lambda: herald.waiting == 0)
    assert carrier.titles()[0] == "here: ada failed"
    assert {title.split(" after")[0] for title in carrier.titles()[1:]} == {
        "here: ada recovered",
        "here: bo recovered",  # its failure was never sent, and need not be any more
    }


def test_a_carrier_that_refuses_is_tried_again_and_complained_about_once(site: Site) -> None:
    carrier = Carrier()
    carrier.refuses = True
    ill(site, "ada")
    with site.bound() as (host, _), heralded(host, carrier) as herald:
        a_pass(herald, host)
        until(lambda: herald.failed == 2)
        carrier.refuses = False
        until(lambda: herald.sent == 1)
    assert len([text for text in site.told.texts if "did not take an announcement: is away" in text]) == 1


def test_a_bug_of_the_carrier_ends_nothing(site: Site) -> None:
    carrier = Carrier()
    carrier.bugs = 1
    ill(site, "ada")
    with site.bound() as (host, _), heralded(host, carrier) as herald:
        a_pass(herald, host)
        until(lambda: herald.sent == 1)
        assert herald.failed == 1
    assert [text for text in site.told.texts if text == "bug: nothing sent: KeyError"]


def test_broken_addresses_are_said_at_the_start_and_nothing_fails(site: Site) -> None:
    carrier = Carrier(2)
    carrier.broken = (Undelivered(1, "address 2 of notify.to (foo)", "is no address that Apprise knows", again=False),)
    said_so = "notify: address 2 of notify.to (foo) can't be used: is no address that Apprise knows"
    with site.bound() as (host, _), heralded(host, carrier) as herald:
        until(lambda: said_so in site.told.texts)
        a_pass(herald, host)
        assert (herald.sent, herald.failed, herald.waiting) == (0, 0, 0)


def test_a_memory_that_cannot_be_kept_is_said_and_people_are_told_all_the_same(site: Site) -> None:
    carrier = Carrier()
    ill(site, "ada")
    with site.bound() as (host, reconciler):
        report = reconciler.run(Request("test"))
    with site.bound(change=False) as (host, _), heralded(host, carrier) as herald:  # a ledger that can't be written
        herald.tell(Outcome.INCOMPLETE, report.status, "", report)
        until(lambda: herald.sent == 1)
    assert carrier.titles() == ["here: ada failed"]
    assert any("announced" in text and "reading only" in text for text in site.told.texts)


def test_interrupted_and_abandoned_passes_say_nothing(site: Site) -> None:
    carrier = Carrier()
    ill(site, "ada")
    with site.bound() as (host, reconciler), heralded(host, carrier) as herald:
        report = reconciler.run(Request("test"))
        for outcome in (Outcome.ABANDONED, Outcome.INTERRUPTED):
            herald.tell(outcome, report.status, "abandoned", None)
        assert host.ledger.get(KEPT) is None
        herald.tell(Outcome.INVALID, None, "fleet.yaml:1:1: no such key")
        assert host.ledger.get(KEPT)
    assert carrier.came == []


def test_without_addresses_nothing_is_done(site: Site) -> None:
    ill(site, "ada")
    with site.bound() as (host, _), heralded(host, Carrier(0)) as herald:
        a_pass(herald, host)
        assert host.ledger.get(KEPT) is None
    assert herald.waiting == 0


def test_closing_sends_what_waits_and_gives_up_on_what_hangs(site: Site) -> None:
    quick, stuck = Carrier(), Carrier()
    stuck.open.clear()
    ill(site, "ada")
    for carrier in (quick, stuck):
        with site.bound() as (host, _):
            host.ledger.put(KEPT, "")
            herald = Herald(host, carrier, Manner(HOUR))
            herald.start()
            a_pass(herald, host)
            began = monotonic()
            herald.close(0.5 if carrier is stuck else 60)
            assert monotonic() - began < 60
            herald.close()
    assert quick.titles() == ["here: ada failed"]
    assert stuck.came == []


@pytest.mark.system
def test_the_addresses_of_the_settings(site: Site) -> None:
    """One in a file, one in a variable, one that is missing; the address of the pages ends each message."""
    ill(site, "ada")
    with office() as post:
        file = site.folder / "address"
        file.write_text(f"{post.address}\n")
        file.chmod(0o600)
        text = (site.folder / "reconciler.toml").read_text()
        text += f'[notify]\nto = [{{file = "{file}"}}, {{env = "NOTIFY_TWO"}}, {{env = "NOTIFY_THREE"}}]\n'
        (site.folder / "reconciler.toml").write_text(text + '[web]\nurl = "https://vps.example"\n')
        settings = compose.load(str(site.folder / "reconciler.toml"), {})
        with site.bound(environ={"NOTIFY_TWO": post.address}) as (host, _):
            reveal = [secret_of(address, host.secrets) for address in settings.notify.to]
            with heralded(host, AppriseNotifier(reveal, os.environ), settings.web.url or "") as herald:
                a_pass(herald, host)
                until(lambda: herald.sent == 2)
    assert post.titles() == ["here: ada failed"] * 2
    assert post.came[0]["message"].endswith("\nhttps://vps.example")
    complaints = [text for text in site.told.texts if text.startswith("notify: ")]
    assert len(complaints) == 1
    assert "address 3 of notify.to can't be used" in complaints[0]
    assert "NOTIFY_THREE is not set" in complaints[0]
    assert "hunter2secret" not in " ".join(site.told.texts)


@pytest.mark.system
def test_from_a_failing_wizard_to_a_real_service_beside_a_dead_one(site: Site) -> None:
    with office() as post:
        dead = f"json://bob:0penSesame@127.0.0.1:{closed_port()}/d3adT0ken"
        notifier = AppriseNotifier([said(dead), said(post.address)], os.environ, 60)
        with site.bound() as (host, _), heralded(host, notifier) as herald:
            ill(site, "ada")
            a_pass(herald, host)
            until(lambda: bool(post.came))
            ill(site)
            a_pass(herald, host)
            until(lambda: len(post.came) == 2)
            assert Reconciler(host).run(Request("test")).status.wizards[0].healthy
    assert [title.split(" after")[0] for title in post.titles()] == ["here: ada failed", "here: ada recovered"]
    assert "observed" in post.came[0]["message"]
    assert not [text for text in site.told.texts if "0penSesame" in text or "d3adT0ken" in text]
    assert [entry for entry in site.entries() if entry.result is Result.FAILED] == []


def test_each_pass_is_remembered_for_the_uptime(site: Site) -> None:
    with site.bound() as (bound, _):
        host = replace(bound, clock=HastyClock())  # that of the ledger, which tells the uptime
        since = host.clock.now() - 1
        attendance = Attendance(host)
        for names in ((), ("ada",)):
            ill(site, *names)
            report = Reconciler(host).run(Request("test"))
            attendance.tell(Outcome.DONE, report.status, "", report)
        seen = host.ledger.uptime("ada", since)
        assert [state for _, state in seen.changes] == ["unwatched", "up", "down"]
        assert [state for _, state in host.ledger.uptime("bo", since).changes] == ["unwatched", "up"]
        attendance.tell(Outcome.FAILED, None, "away")
        attendance.tell(Outcome.FAILED, report.status, "away")  # seen before: nobody looked
        assert host.ledger.uptime("ada", since).changes == seen.changes


def test_an_uptime_that_cannot_be_kept_fails_nothing(site: Site) -> None:
    with site.bound() as (host, _):
        report = Reconciler(host).run(Request("test"))
        (site.state / "ledger.db").chmod(0o600)
        host.ledger.close()
        (site.state / "ledger.db").write_bytes(b"no ledger")
        attendance = Attendance(host)
        for _ in range(2):
            attendance.tell(Outcome.DONE, report.status, "", report)
    assert len([text for text in site.told.texts if "uptime is not remembered" in text]) == 1
