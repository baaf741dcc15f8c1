"""Previews on a real host: pull requests of the stand-in for Gitea, merged in real Git, planned against a live site."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from reconciler.adapters.git_proposal import GitProposals
from reconciler.adapters.gitea import Gitea
from reconciler.adapters.gitea_client import GiteaClient
from reconciler.engine.previews import Previews
from reconciler.engine.report import Planned
from reconciler.engine.request import Request
from reconciler.engine.verdict import Scene
from reconciler.errors import ReconcilerError, Retryable, Terminal
from reconciler.plan.build import Rules
from reconciler.plan.fact import Unknown
from reconciler.plan.held import Pause
from reconciler.render.comment import STALE, read_stamp
from tests.engine.site import Document, Site
from tests.forge.gitea import Gitea as StandIn
from tests.forge.gitea import Repository
from tests.forge.state import Comment, Status

PLAN = "reconciler/plan"


class World:
    """A site whose remote is a repository of the stand-in, and the previews of one process."""

    def __init__(self, folder: Path, server: StandIn) -> None:
        self.server = server
        self.repository: Repository = server.repository("sovereign/fleet")
        self.repository.repo.writers.add("bot")
        self.site = Site(folder)
        config = folder / "reconciler.toml"
        config.write_text(config.read_text().replace(str(self.site.remote.path), str(self.repository.upstream.path)))
        self.site.remote = self.repository.upstream
        self.scene = Scene("here", "main", "fleet")
        self.looks = 0
        self.failing: ReconcilerError | None = None
        self.unknown: dict[str, Unknown] = {}
        self._token = server.token("bot")
        self.site.push("first")
        self.repository.pushed()
        self.site.settle()
        self.previews = self.process()

    def process(self) -> Previews:
        """As a new process makes them."""
        client = GiteaClient(self.server.url, lambda: self._token)
        proposals = GitProposals(self.site.state, str(self.repository.upstream.path), "main", "fleet")
        return Previews(Gitea(client, "sovereign/fleet"), proposals, self.look, self.scene, self.site.told)

    def look(self, files: Mapping[str, bytes], rules: Rules) -> Planned:
        self.looks += 1
        if self.failing is not None:
            raise self.failing
        with self.site.bound(change=False) as (_, reconciler):
            planned = reconciler.plan(Request(rules=rules, files=files))
        facts = {**planned.observed.facts, **self.unknown}
        return replace(planned, observed=replace(planned.observed, facts=facts))

    def propose(self, name: str, document: Document | None, *, message: str = "p", by: Repository | None = None) -> int:
        """A pull request with this document in place of the file's, or without the file."""
        where = by or self.repository
        branch = f"change-{len(self.repository.repo.pulls)}"
        where.commit(self.files(name, document), message, branch=branch, base="main")
        head = f"{where.repo.owner.login}:{branch}" if by else branch
        return self.repository.pull("Please", head, by="ann")

    def update(self, number: int, name: str, document: Document | None) -> None:
        """Another commit on the pull request's branch."""
        branch = self.repository.repo.pulls[number].head_branch
        self.repository.commit(self.files(name, document, branch), branch=branch)

    def files(self, name: str, document: Document | None, ref: str = "main") -> dict[str, str]:
        files = {path: text for path, text in self.repository.upstream.files(ref).items() if path != f"fleet/{name}"}
        return files if document is None else {**files, f"fleet/{name}": yaml.safe_dump(document)}

    def wizard(self, name: str, **changes: object) -> Document:
        return {**self.site.wizards[name], **changes}

    def comment(self, number: int) -> Comment:
        [found] = self.repository.comments(number)
        return found

    def statuses(self, number: int) -> list[Status]:
        return self.repository.statuses(self.repository.repo.pulls[number].head, PLAN)

    def said(self, number: int) -> tuple[str, str]:
        last = self.statuses(number)[-1]
        return last.state, last.description


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with StandIn(tmp_path) as server:
        yield World(tmp_path / "site-folder", server)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path) -> None:
    (tmp_path / "site-folder").mkdir()


def test_a_plan_as_one_comment_and_one_status(world: World) -> None:
    number = world.propose("ada.yaml", world.wizard("ada", port=8650))
    world.previews.preview(number)
    states = [status.state for status in world.statuses(number)]
    assert (states, world.said(number)) == (["pending", "success"], ("success", "1 to change, 1 to restart"))
    comment = world.comment(number)
    pull = world.repository.repo.pulls[number]
    stamp = read_stamp(comment.body)
    assert stamp is not None
    assert (stamp.head, stamp.base) == (pull.head, world.repository.tip())
    assert comment.body.startswith("<!-- reconciler/plan here -->\n")
    assert f"the merge of `{pull.head[:7]}` into `main` (`{stamp.base[:7]}`)" in comment.body
    assert "**Interrupts 1 running wizard: `ada`.**" in comment.body
    assert "platforms.api_server.extra.port: 8643 -> 8650" in comment.body
    assert comment.body.index("Interrupts") < comment.body.index("```diff")
    assert world.said(number)[0] == "success"
    assert world.site.pid("ada") is not None
    assert world.site.port("ada") == 8643  # nothing was done
    assert world.statuses(number)[-1].target_url.endswith(f"/pulls/{number}")


def test_the_result_is_that_of_the_merge(world: World) -> None:
    number = world.propose("ada.yaml", world.wizard("ada", port=8650))
    world.site.wizards["bo"]["port"] = 8651
    world.site.push("bo moves")
    world.repository.pushed()
    world.previews.preview(number)
    assert world.said(number) == ("success", "2 to change, 2 to restart")  # bo's move is not applied yet
    world.site.settle()
    world.previews.preview(number)
    assert world.said(number) == ("success", "1 to change, 1 to restart")


def test_nothing_to_change_and_waiting(world: World) -> None:
    number = world.propose("note.md", {"just": "a file that is no fleet file"})
    world.previews.preview(number)
    assert world.said(number) == ("success", "nothing to change")
    with world.site.bound() as (host, _):
        host.ledger.pause(Pause("ada", "moving house @sovereign", "2026-01-01T00:00:00Z"))
    held = world.propose("ada.yaml", world.wizard("ada", port=8650))
    world.previews.preview(held)
    assert world.said(held) == ("success", "nothing to change; 2 held")
    assert "moving house" in world.comment(held).body


def test_an_invalid_fleet_fails_with_its_first_error(world: World) -> None:
    number = world.propose("ada.yaml", world.wizard("ada", port=8644, modle="x"))
    world.previews.preview(number)
    state, words = world.said(number)
    assert state == "failure"
    assert re.match(r"fleet/ada\.yaml:\d+:\d+: ", words)
    assert words in re.sub(r"\s+", " ", world.comment(number).body)
    world.update(number, "ada.yaml", world.wizard("ada", port=8650))
    world.previews.preview(number)
    assert world.said(number) == ("success", "1 to change, 1 to restart")
    assert world.comment(number).edits == 1


def test_conflicts_are_a_failure(world: World) -> None:
    number = world.propose("ada.yaml", world.wizard("ada", port=8650))
    world.site.wizards["ada"]["port"] = 8651
    world.site.push("ada moves elsewhere")
    world.repository.pushed()
    world.previews.preview(number)
    assert world.said(number) == ("failure", "in conflict: fleet/ada.yaml")
    assert "1 file in conflict" in world.comment(number).body


def test_a_policy_that_refuses_is_a_failure_and_a_trailer_lifts_it(world: World) -> None:
    refused = world.propose("ada.yaml", None)
    world.previews.preview(refused)
    state, words = world.said(refused)
    assert (state, words) == ("failure", "refused: it would remove 1 wizard (ada); the fleet allows 0 at once")
    assert "Allow-Delete: ada" in world.comment(refused).body
    allowed = world.propose("bo.yaml", None, message="bo goes\n\nAllow-Delete: bo\n")
    world.previews.preview(allowed)
    assert world.said(allowed)[0] == "success"
    lines = world.comment(allowed).body.splitlines()
    at = next(n for n, line in enumerate(lines) if "Its commits lift a limit" in line)
    assert "Allow-Delete: bo" in lines[at]
    assert at < 8


def test_a_trailer_counts_in_a_preview_as_in_the_pass(world: World) -> None:
    """Said on a commit that still declares the wizard it does not; said once it is gone it does."""
    number = world.propose("bo.yaml", world.wizard("bo", role="Scribe"), message="bo writes\n\nAllow-Delete: bo\n")
    world.update(number, "bo.yaml", None)
    world.previews.preview(number)
    state, words = world.said(number)
    assert (state, words) == ("failure", "refused: it would remove 1 wizard (bo); the fleet allows 0 at once")
    branch = world.repository.repo.pulls[number].head_branch
    files = world.files("bo.yaml", None, branch)
    world.repository.commit({**files, "NEWS": "bo left"}, "said again\n\nAllow-Delete: bo\n", branch=branch)
    world.previews.preview(number)
    assert world.said(number)[0] == "success"


def test_a_changed_policy_and_a_fork_stand_in_the_first_lines(world: World) -> None:
    fork = world.server.fork("sovereign/fleet", "stranger")
    documents = list(yaml.safe_load_all(world.repository.upstream.files("main")["fleet/fleet.yaml"]))
    documents[0]["policy"] = {"max_restarts": 99, "max_deletions": 3}
    files = {**world.repository.upstream.files("main"), "fleet/fleet.yaml": yaml.safe_dump_all(documents)}
    fork.commit({**files, "fleet/keys/allowed_signers": "me ssh-ed25519 AAAA"}, branch="mine", base="main")
    number = world.repository.pull("Trust me", "stranger:mine", by="stranger")
    world.previews.preview(number)
    first = "\n".join(world.comment(number).body.splitlines()[:14])
    assert "It comes from a fork" in first
    assert "max_restarts 9 -> 99" in first
    assert "max_deletions 0 -> 3" in first
    assert "fleet/keys/allowed_signers" in first


def test_what_is_not_for_us_is_left_alone(world: World) -> None:
    world.repository.commit(world.files("x.yaml", None), branch="release", base="main")
    world.repository.commit(world.files("ada.yaml", world.wizard("ada", port=8650)), branch="w", base="main")
    other = world.repository.pull("Elsewhere", "w", base="release")
    closed = world.propose("ada.yaml", world.wizard("ada", port=8651))
    world.repository.close(closed)
    world.previews.preview(other)
    world.previews.preview(closed)
    world.previews.refresh()
    assert world.repository.comments(other) == world.repository.comments(closed) == []
    assert world.repository.repo.statuses == []
    told = " | ".join(world.site.told.texts)
    assert "asks to be merged into release, and this host follows main" in told
    assert "it is closed" in told


def test_refresh_says_something_only_where_it_is_new(world: World) -> None:
    first = world.propose("ada.yaml", world.wizard("ada", port=8650))
    second = world.propose("bo.yaml", world.wizard("bo", port=8651))
    world.previews.refresh()  # what no webhook told of
    assert world.said(first) == world.said(second) == ("success", "1 to change, 1 to restart")
    before = [(s.sha, s.state) for s in world.repository.repo.statuses]
    world.previews.refresh()
    assert [(s.sha, s.state) for s in world.repository.repo.statuses] == before
    assert world.comment(first).edits == world.comment(second).edits == 0

    (world.site.home("bo") / "SOUL.md").write_text("a hand edit")
    world.previews.refresh()  # the host has moved
    assert world.said(second) == ("success", "2 to change, 1 to restart")
    assert "SOUL.md" in world.comment(first).body
    assert (world.comment(first).edits, world.comment(second).edits) == (1, 1)

    world.update(first, "ada.yaml", world.wizard("ada", port=8655))
    world.previews.refresh()  # a head has moved
    assert "8643 -> 8655" in world.comment(first).body
    assert (world.comment(first).edits, world.comment(second).edits) == (2, 1)

    merged = world.repository.merge(second)
    world.previews.refresh()  # so has the base
    stamp = read_stamp(world.comment(first).body)
    assert stamp is not None
    assert stamp.base == merged
    assert (world.comment(first).edits, world.comment(second).edits) == (3, 1)


def test_a_new_process_knows_what_was_said(world: World) -> None:
    number = world.propose("ada.yaml", world.wizard("ada", port=8650))
    world.previews.preview(number)
    body, statuses = world.comment(number).body, len(world.statuses(number))
    again = world.process()
    again.refresh()
    assert (world.comment(number).body, world.comment(number).edits) == (body, 0)
    assert [s.state for s in world.statuses(number)[statuses:]] == ["success"]  # the old one may have died before it
    again.refresh()
    assert len(world.statuses(number)) == statuses + 1
    assert len(world.repository.comments(number)) == 1


def test_a_stale_comment_says_so_at_once_and_is_mended(world: World) -> None:
    number = world.propose("ada.yaml", world.wizard("ada", port=8650))
    world.previews.stale(number, "nothing was said yet")
    assert world.repository.comments(number) == []
    world.previews.preview(number)
    fresh = world.comment(number).body
    world.previews.stale(number, "the pull request has new commits")
    world.previews.stale(number, "the pull request has new commits")
    stale = world.comment(number)
    assert stale.edits == 1
    assert stale.body.splitlines()[3].startswith("> **Out of date:** the pull request has new commits")
    stamp = read_stamp(stale.body)
    assert stamp is not None
    assert stamp.plan == STALE
    world.process().refresh()
    assert world.comment(number).body == fresh


def test_a_host_that_cannot_be_observed_is_an_error(world: World) -> None:
    number = world.propose("ada.yaml", world.wizard("ada", port=8650))
    world.failing = Retryable("the supervisor does not answer", mend="is it running?")
    with pytest.raises(Retryable, match="supervisor"):
        world.previews.preview(number)
    assert world.said(number) == ("error", "not planned: the supervisor does not answer")
    with pytest.raises(Retryable):
        world.previews.preview(number)
    assert [s.state for s in world.statuses(number)] == ["pending", "error"]  # told once
    world.failing, world.unknown = None, {"wizard/ada/body": Unknown("its state is not known")}
    world.previews.preview(number)
    assert world.said(number) == ("error", "the host could not be observed: wizard/ada/body: its state is not known")
    assert "could not be observed" in world.comment(number).body
    world.unknown = {}
    world.previews.refresh()
    assert world.said(number)[0] == "success"


def test_what_nobody_but_a_person_can_mend_is_a_failure(world: World) -> None:
    number = world.propose("ada.yaml", world.wizard("ada", port=8650))
    second = world.propose("bo.yaml", world.wizard("bo", port=8651))
    world.repository.upstream.git("update-ref", "-d", f"refs/pull/{number}/head")
    world.previews.refresh()
    assert world.said(number) == ("failure", f"failed: there is no pull request {number}")
    assert world.said(second)[0] == "success"
    world.failing = Terminal("the ledger is damaged", mend="restore it")
    world.previews.preview(second)
    assert world.said(second) == ("failure", "failed: the ledger is damaged")


def test_a_head_that_git_does_not_have_yet_is_waited_for(world: World) -> None:
    number = world.propose("ada.yaml", world.wizard("ada", port=8650))
    old = world.repository.repo.pulls[number].head
    world.update(number, "ada.yaml", world.wizard("ada", port=8655))
    new = world.repository.repo.pulls[number].head
    world.repository.upstream.git("update-ref", f"refs/pull/{number}/head", old)
    with pytest.raises(Retryable, match=old[:7]):
        world.previews.preview(number)
    assert world.repository.comments(number) == []
    other = world.propose("bo.yaml", world.wizard("bo", port=8651))
    with pytest.raises(Retryable, match=old[:7]):
        world.previews.refresh()
    assert world.said(other)[0] == "success"  # it kept nobody waiting
    world.repository.upstream.git("update-ref", f"refs/pull/{number}/head", new)
    world.previews.preview(number)
    assert world.said(number)[0] == "success"


def test_a_forge_that_is_away_is_tried_again(world: World) -> None:
    number = world.propose("ada.yaml", world.wizard("ada", port=8650))
    world.server.trouble = lambda method, path: 502 if path.endswith("comments") and method == "POST" else None
    with pytest.raises(Retryable):
        world.previews.preview(number)
    assert world.said(number)[0] == "pending"  # success is never said of a plan that can't be read
    world.server.trouble = lambda method, path: None
    world.previews.refresh()
    assert world.said(number)[0] == "success"
    assert len(world.repository.comments(number)) == 1


def test_hostile_values_stay_inside_their_fences(world: World) -> None:
    evil = "````\n</details> @sovereign ![x](http://evil.example/x.png) <script>"
    document = world.wizard("ada", soul={"charter": {"identity": evil}}, config={"display": {"x": evil}})
    number = world.propose("ada.yaml", document)
    world.previews.preview(number)
    body, fence, outside = world.comment(number).body, "", []
    for line in body.splitlines()[2:]:
        ticks = re.match(r"`{3,}", line)
        if fence:
            fence = "" if line == fence else fence
        elif ticks:
            fence = ticks[0]
        else:
            outside.append(re.sub(r"(`+).*?\1", "", line))
    assert "@sovereign" in body
    assert not re.search(r"@|evil\.example|script", "\n".join(outside))


def test_secrets_are_masked(world: World) -> None:
    document = world.wizard("ada", env={"ANTHROPIC_API_KEY": {"generate": True}})
    number = world.propose("ada.yaml", document)
    world.previews.preview(number)
    body = world.comment(number).body
    assert "(secret" in body
    assert world.site.key("ada") not in body


def test_what_only_the_host_knows_is_not_told_to_strangers(world: World) -> None:
    """A pull request that declares keys of an agent's own files could read what stands there."""
    home = world.site.home("ada")
    with (home / "config.yaml").open("a") as file:
        file.write("mcp:\n  key: sk-of-the-agent-1\n  deep:\n    key: sk-of-the-agent-2\n")
    with (home / ".env").open("a") as file:
        file.write("OTHER=sk-of-the-agent-3\n")
    (home / "SOUL.md").write_text("sk-of-the-agent-4\n")
    document = world.wizard("ada", config={"mcp": {"key": "x", "deep": "y"}}, env={"OTHER": "z"}, port=8650)
    number = world.propose("ada.yaml", document)
    world.previews.preview(number)
    body = world.comment(number).body
    assert "sk-of-the-agent" not in body
    assert "mcp.key: <only on the host> -> x" in body
    assert "port: 8643 -> 8650" in body  # which Git has put there
    stamp = read_stamp(body)
    (home / "SOUL.md").write_text("sk-of-the-agent-5\n")
    world.previews.preview(number)
    assert read_stamp(world.comment(number).body) == stamp


def test_a_host_that_wants_signed_commits_says_so(world: World) -> None:
    world.scene = replace(world.scene, signed=True)
    number = world.propose("ada.yaml", world.wizard("ada", port=8650))
    world.process().preview(number)
    assert "must be signed by an allowed key" in world.comment(number).body
