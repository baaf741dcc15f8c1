"""What the remote did not take of a host's status reaches it with a later pass, although nothing has changed since."""

from __future__ import annotations

import json
from pathlib import Path

from reconciler.engine.record import Recorder
from reconciler.engine.request import Request
from reconciler.plan.build import Rules
from tests.engine.site import Site
from tests.git.upstream import run_git

REF = "status/here"


def here(site: Site) -> str:
    """The commit of the status as this host has it."""
    return run_git(site.state / "git" / "store.git", "rev-parse", f"refs/heads/{REF}").strip()


def there(site: Site) -> str:
    """The one that everybody can see."""
    return site.remote.git("rev-parse", f"refs/heads/{REF}")


def declining(site: Site) -> Path:
    """A remote that takes nothing."""
    hook = site.remote.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    return hook


def test_a_new_process_sends_what_an_earlier_one_had_written_and_could_not_send(site: Site) -> None:
    site.settle()
    hook = declining(site)
    site.config("bo", compact=True)
    (notice,) = site.run().notices
    assert "wait here" in notice
    assert there(site) != here(site)
    site.run()  # now its status says that there was nothing to do
    (again,) = site.run().notices
    assert again.startswith("status could not be published: "), "said as long as it is so"
    hook.unlink()
    waiting = here(site)
    assert site.run().notices == ()
    assert (there(site), here(site)) == (waiting, waiting)


def test_the_same_process_tries_again_after_a_while(site: Site) -> None:
    site.settle()
    hook = declining(site)
    site.config("bo", compact=True)
    with site.bound() as (_, reconciler):
        reconciler.run(Request("test"))
        assert reconciler.run(Request("test")).notices != ()
        hook.unlink()
        reconciler.run(Request("test"))
        assert there(site) != here(site), "not with each pass"
        site.clock.sleep(61.0)
        assert reconciler.run(Request("test")).notices == ()
    assert there(site) == here(site)


def test_nothing_is_due_once_it_has_been_sent(site: Site) -> None:
    site.settle()
    with site.bound() as (host, reconciler):
        status = reconciler.run(Request("test")).status
        recorder = Recorder(host)
        assert recorder.due()
        assert recorder.publish(status) == ""
        assert not recorder.due()


def test_a_pass_for_one_wizard_publishes_the_whole_host(site: Site) -> None:
    site.settle()
    with (site.home("bo") / "config.yaml").open("a") as config:
        config.write("mine: 1\n")
    site.config("cy", compact=True)
    site.config("ada", compact=True)
    with site.bound() as (host, reconciler):
        status = reconciler.run(Request("test", rules=Rules(only=frozenset({"ada"})))).status
        assert host.store is not None
        told = json.loads(host.store.read(REF)["status.json"])
    found = {one["name"]: one for one in told["wizards"]}
    assert found["bo"]["unmanaged"] == ["mine"]
    assert found["cy"]["differences"] != []
    assert found["ada"]["differences"] == []
    assert {one.name for one in status.wizards if one.differences} == {"cy"}
