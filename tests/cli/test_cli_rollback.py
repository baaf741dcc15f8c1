"""`rollback` and `retry` as commands: what they show, ask and refuse. Real gateways are in tests/e2e."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from reconciler import compose
from reconciler.cli.progress import Lines
from reconciler.engine.host import Host
from reconciler.engine.reconcile import Reconciler
from reconciler.engine.request import Request
from reconciler.plan.expansion import expansion, of_wizard
from reconciler.plan.fields import secret_refs
from reconciler.plan.held import Generation, Pause, Quarantine, Repeat
from reconciler.plan.repeat import repeat_digest
from reconciler.plan.resource import TextFile
from tests.cli.conftest import Call
from tests.cli.site import FILES, Site
from tests.cli.terminal import Screen

AT = "2026-04-01T08:00:00Z"
SOUL = "wizard/ada/file/home/SOUL.md"


@contextmanager
def host_of(site: Site) -> Iterator[Host]:
    settings = compose.load(str(site.config), {})
    with compose.open_host(settings, Lines(colour=False, verbose=False), {}, change=True) as bound:
        yield bound.host


@pytest.fixture
def lived(site: Site, here: Call) -> Site:
    """Ada was healthy on another soul before this one."""
    assert here("run", "--once").code == 0
    with host_of(site) as host:
        now = of_wizard(Reconciler(host).plan(Request()).wanted.desired)["ada"]
        older = tuple(replace(r, text="# Older\n") if isinstance(r, TextFile) and r.key == SOUL else r for r in now)
        host.ledger.add_generation(Generation("ada", 3, "1a2b3c4" * 5, AT, "older", older))
    return site


def quarantine(site: Site, wizard: str = "ada", **ties: tuple[str, ...]) -> None:
    """What Git declares for the wizard has failed here."""
    with host_of(site) as host:
        desired = Reconciler(host).plan(Request()).wanted.desired
        resources = of_wizard(desired)[wizard]
        secrets = host.secrets.observe({ref for r in resources for ref in secret_refs(r)})
        made = expansion(resources, secrets, desired.company[wizard])
        failed = Quarantine(
            wizard, made.digest, desired.commit, "did not pass its gate", AT, secrets=made.secrets, **ties
        )
        host.ledger.quarantine(failed)


def test_a_retry_of_one_names_all_that_went_back_with_it(lived: Site, here: Call) -> None:
    quarantine(lived, ring=("bob",))
    quarantine(lived, "bob", ring=("ada",), follows=("ada",))
    plan = here("plan").out
    assert "push a commit that changes ada, or `reconciler retry bob`, which tries ada again with it" in plan
    ran = here("retry", "bob", "-y")
    assert ran.code == 0
    assert [line.partition(":")[0] for line in ran.out.splitlines()[:2]] == ["ada", "bob"]
    assert "Quarantined" not in here("plan").out


def soul(site: Site) -> str:
    return (site.root / "ada" / "home" / "SOUL.md").read_text()


def test_it_shows_what_comes_back_field_by_field_and_asks(lived: Site, here: Call) -> None:
    before = soul(lived)
    ran = here("rollback", "ada")
    assert ran.code == 1
    assert ran.out.startswith("Back to generation 3 of ada (healthy on commit 1a2b3c4 since 2026-04-01 08:00 UTC):\n")
    assert "~ file home/SOUL.md  (back to generation 3 (commit 1a2b3c4))" in ran.out
    assert "+ # Older" in ran.out
    assert "say -y" in ran.err
    assert soul(lived) == before
    terminal = Screen("rollback", "ada")
    terminal.until("[y/N]")
    terminal.type("n\n")
    assert terminal.end() == 1
    assert soul(lived) == before
    assert here("plan").out.count("Quarantined") == 0


def test_yes_rolls_back_until_a_commit_or_a_retry(lived: Site, here: Call) -> None:
    before = soul(lived)
    ran = here("rollback", "ada", "-y")
    assert ran.code == 0
    assert soul(lived) == "# Older\n"
    plan = here("plan")
    assert plan.code == 0
    assert "Quarantined: ada: rolled back by hand from commit " in plan.out
    assert "generation 3 (commit 1a2b3c4) is wanted instead" in plan.out
    assert plan.out.splitlines()[-1] == "Nothing to apply. Quarantined: ada."
    assert here("run", "--once").code == 0
    assert "ada: rolled back by hand" in here("plan", "--markdown").out
    assert here("plan", "--json").json["quarantined"]["ada"].startswith("rolled back by hand")
    assert "rolled back by hand from commit" in here("why", "ada").out
    assert "rollback by hand" in here("history").out
    document = next(w for w in here("status", "--json").json["wizards"] if w["name"] == "ada")
    assert document["quarantined"].startswith("rolled back by hand")
    assert document["generation"] == 3
    assert "generation: 3" in here("status", "-v").out
    again = here("rollback", "ada", "-y")
    assert again.code == 1
    assert "ada has gone back already" in again.err
    ran = here("retry", "ada", "-y")
    assert ran.code == 0
    assert ran.out.startswith("ada: commit ")
    assert soul(lived) == before
    assert "is tried again" in here("why", "ada").out


def test_while_the_head_is_refused_it_is_about_the_commit_in_force(lived: Site, here: Call) -> None:
    changed = FILES["fleet/ada.yaml"].replace("ada of the house", "another ada")
    head = lived.push({"fleet/ada.yaml": changed, "fleet/bob.yaml": None})
    assert here("run", "--once").code == 3
    for verb in (("plan", "ada"), ("apply", "ada", "-y")):
        told = here(*verb)
        assert told.code == 3
        assert "it would remove 1 wizard (bob)" in told.out
    assert "ada of the house" in soul(lived)
    ran = here("rollback", "ada", "-y")
    assert ran.code == 0
    assert f"commit {head[:7]}: the plan is refused whole: it would remove 1 wizard (bob)" in ran.out
    for _ in range(2):
        assert soul(lived) == "# Older\n"
        assert here("run", "--once").code == 3
    lived.push({"fleet/ada.yaml": changed})
    assert here("run", "--once").code == 0
    assert soul(lived) == "# Older\n"


def test_a_commit_that_changes_it_ends_a_rollback(lived: Site, here: Call) -> None:
    assert here("rollback", "ada", "-y").code == 0
    lived.push({"fleet/ada.yaml": FILES["fleet/ada.yaml"].replace("ada of the house", "ada mended")})
    assert here("run", "--once").code == 0
    assert "ada mended" in soul(lived)
    assert "Quarantined" not in here("plan").out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["rollback", "adda"], 1, "did you mean ada?"),
        (["rollback", "bob"], 1, "bob has no earlier generation to go back to"),
        (["rollback"], 1, "Missing argument 'WIZARD'"),
        (["retry"], 1, "name the wizards, or say --all"),
        (["retry", "ada", "--all"], 1, "name the wizards, or say --all"),
        (["retry", "adda"], 1, "did you mean ada?"),
        (["retry", "ada"], 0, "ada is neither quarantined nor stopped"),
    ],
)
def test_what_can_not_be(words: list[str], code: int, says: str, lived: Site, here: Call) -> None:
    ran = here(*words)
    assert ran.code == code
    assert says in ran.err


def test_a_paused_wizard_is_not_rolled_back(lived: Site, here: Call) -> None:
    with host_of(lived) as host:
        host.ledger.pause(Pause("ada", "", AT))
    ran = here("rollback", "ada", "-y")
    assert ran.code == 3
    assert "`reconciler resume ada` ends the pause" in ran.err


def test_nothing_to_try_again(lived: Site, here: Call) -> None:
    ran = here("retry", "--all")
    assert (ran.code, ran.out) == (0, "Nothing is quarantined or stopped on this host.\n")


def test_who_failed_makes_every_pass_fail_and_plans_nothing(lived: Site, here: Call) -> None:
    quarantine(lived)
    assert here("plan").code == 2
    ran = here("run", "--once")
    assert ran.code == 1
    assert soul(lived) == "# Older\n"
    assert "Quarantined:\n  ada: commit " in ran.out
    assert here("plan").code == 0
    assert here("apply", "-y").code == 1
    assert here("apply", "bob", "-y").code == 0
    ran = here("retry", "--all", "-y")
    assert ran.code == 0
    assert here("run", "--once").code == 0


def test_a_loop_is_shown_and_lifted(lived: Site, here: Call) -> None:
    (lived.root / "ada" / "home" / "SOUL.md").write_text("somebody else's\n")
    with host_of(lived) as host:
        change = Reconciler(host).plan(Request()).plan.change(SOUL)
        host.ledger.repeat({SOUL: Repeat(repeat_digest(change), 3)})
    plan = here("plan")
    assert plan.code == 0
    assert "ada held: was made 3 passes in a row" in plan.out
    assert here("run", "--once").code == 1
    ran = here("retry", "ada", "-y")
    assert ran.code == 0
    assert f"ada: {SOUL} came back 3 times" in ran.out
    assert "ada of the house" in soul(lived)
