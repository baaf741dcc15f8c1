"""`pause`, `resume` and `restart` on wizards that do not run."""

from __future__ import annotations

from tests.cli.conftest import Call
from tests.cli.site import Site, wizard


def test_a_paused_wizard_is_held_until_it_is_resumed(here: Call, site: Site) -> None:
    assert here("run", "--once").code == 0
    soul = site.root / "ada" / "home" / "SOUL.md"
    soul.write_text("changed by hand\n")
    ran = here("pause", "ada", "--reason", "trying a prompt")
    assert ran.code == 0
    assert "held: paused since " in ran.out
    assert "(trying a prompt)" in ran.out
    assert ran.out.endswith("ada is paused; `reconciler resume ada` ends it.\n")
    assert here("plan").code == 0
    ran = here("run", "--once")
    assert ran.code == 0
    assert "Held or blocked:\n  ~ wizard/ada/file/home/SOUL.md held: " in ran.out
    assert soul.read_text() == "changed by hand\n"
    assert "paused: since " in here("status").out
    ran = here("resume", "ada")
    assert ran.code == 0
    assert "~ file home/SOUL.md" in ran.out
    assert "`reconciler apply ada` does it now" in ran.out
    assert here("run", "--once").code == 0
    assert soul.read_text() != "changed by hand\n"


def test_resuming_what_is_not_paused_changes_nothing(here: Call) -> None:
    assert here("run", "--once").code == 0
    ran = here("resume", "ada")
    assert (ran.code, ran.out) == (0, "ada was not paused.\n")


def test_a_wizard_can_be_paused_before_it_is_ever_applied(here: Call, site: Site) -> None:
    assert here("pause", "bob").code == 0
    assert here("run", "--once").code == 0
    assert (site.root / "ada").is_dir()
    assert not (site.root / "bob").exists()


def test_unknown_names(here: Call) -> None:
    assert here("run", "--once").code == 0
    for verb in ("pause", "resume", "restart"):
        ran = here(verb, "adda")
        assert (ran.code, ran.out) == (1, "")
        assert "did you mean ada?" in ran.err


def test_a_pause_works_while_the_fleet_is_broken(here: Call, site: Site) -> None:
    assert here("run", "--once").code == 0
    site.push({"fleet/ada.yaml": "kind: [\n"})
    ran = here("pause", "ada")
    assert ran.code == 0
    assert "what is pending can't be told" in ran.err
    assert here("resume", "ada").code == 0


def test_a_wizard_that_is_not_meant_to_run_is_not_restarted(here: Call) -> None:
    ran = here("restart", "ada", "-y")
    assert ran.code == 1
    assert "wizard ada is not meant to run here" in ran.err


def test_a_restart_shows_its_plan_and_asks(here: Call, site: Site) -> None:
    site.push({"fleet/ada.yaml": wizard("ada", 8643, desired="unrobed")})
    ran = here("restart", "ada")
    assert ran.code == 1
    assert "start wizard/ada/body" in ran.out
    assert "say -y" in ran.err


def test_a_restart_that_would_start_nothing_is_refused_with_the_reason(here: Call, site: Site) -> None:
    secret = "env: {A_TOKEN: {env: NOT_SET_ANYWHERE}}\n"
    site.push({"fleet/ada.yaml": wizard("ada", 8643, desired="unrobed") + secret})
    ran = here("restart", "ada", "-y")
    assert ran.code == 3
    assert "ada can't be restarted now: the variable NOT_SET_ANYWHERE is not set" in ran.err
    here("pause", "ada")
    ran = here("restart", "ada", "-y")
    assert ran.code == 3
    assert "ada can't be restarted now: paused since" in ran.err
