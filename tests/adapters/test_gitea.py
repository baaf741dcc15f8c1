"""Pull requests, comments and statuses over real HTTP, against the tests' stand-in for Gitea."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reconciler.adapters.gitea import DESCRIPTION, Gitea
from reconciler.adapters.gitea_client import GiteaClient
from reconciler.errors import ReconcilerError, Retryable, Terminal
from reconciler.protocols.forge import CommitState
from tests.forge.gitea import Gitea as StandIn
from tests.forge.gitea import Repository, gitea_with_fleet

MARK = "<!-- reconciler/plan here -->"
PLAN = "reconciler/plan"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[tuple[StandIn, Repository]]:
    with gitea_with_fleet(tmp_path, {"fleet/a.yaml": "a"}) as found:
        found[1].repo.writers.add("bot")
        yield found


@pytest.fixture
def server(world: tuple[StandIn, Repository]) -> StandIn:
    return world[0]


@pytest.fixture
def repository(world: tuple[StandIn, Repository]) -> Repository:
    return world[1]


def forge(server: StandIn, login: str = "bot", *scopes: str, seconds: float = 20.0) -> Gitea:
    token = server.token(login, *scopes)
    return Gitea(GiteaClient(server.url, lambda: token, seconds=seconds), "sovereign/fleet")


def propose(repository: Repository, branch: str = "more", text: str = "b") -> int:
    repository.commit({"fleet/a.yaml": "a", f"fleet/{branch}.yaml": text}, branch=branch, base="main")
    return repository.pull("More @sovereign", branch, by="ann")


def test_a_pull_request_from_open_to_merged(server: StandIn, repository: Repository) -> None:
    gitea, number = forge(server), propose(repository)
    pull = gitea.pull(number)
    assert (pull.number, pull.title, pull.author) == (number, "More @sovereign", "ann")
    assert (pull.head, pull.base, pull.tip) == (repository.tip("more"), "main", repository.tip())
    assert (pull.fork, pull.open, pull.merged) == (False, True, "")
    assert pull.url == f"{server.url}/sovereign/fleet/pulls/{number}"
    merged = repository.merge(number)
    after = gitea.pull(number)
    assert (after.open, after.merged) == (False, merged)
    with pytest.raises(Terminal, match="no pull request 99"):
        gitea.pull(99)


def test_a_fork_is_known_and_so_is_a_closed_one(server: StandIn, repository: Repository) -> None:
    fork = server.fork("sovereign/fleet", "stranger")
    fork.commit({"fleet/a.yaml": "mine"}, branch="mine", base="main")
    number = repository.pull("Mine", "stranger:mine", by="stranger")
    pull = forge(server).pull(number)
    assert (pull.fork, pull.head) == (True, fork.tip("mine"))
    repository.close(number)
    closed = forge(server).pull(number)
    assert (closed.open, closed.merged) == (False, "")


def test_all_open_ones_over_several_pages(server: StandIn, repository: Repository) -> None:
    numbers = [propose(repository, f"b{n}") for n in range(53)]
    repository.close(numbers[7])
    found = forge(server).open_pulls()
    assert [pull.number for pull in found] == [n for n in numbers if n != numbers[7]]
    assert [call for call in server.calls if call[1].endswith("/pulls")] == [
        ("GET", "/repos/sovereign/fleet/pulls")
    ] * 2


def test_one_comment_is_made_once_and_edited_in_place(server: StandIn, repository: Repository) -> None:
    gitea, number = forge(server), propose(repository)
    assert gitea.comment(number, MARK) is None
    gitea.say(number, MARK, f"{MARK}\nfirst")
    gitea.say(number, MARK, f"{MARK}\nsecond")
    gitea.say(number, MARK, f"{MARK}\r\nsecond\r\n")
    [comment] = repository.comments(number)
    assert (comment.body, comment.edits, comment.user.login) == (f"{MARK}\nsecond", 1, "bot")
    assert gitea.comment(number, MARK) == f"{MARK}\nsecond"
    forge(server).say(number, MARK, f"{MARK}\nthird")  # a new process
    assert [c.body for c in repository.comments(number)] == [f"{MARK}\nthird"]
    assert server.calls.count(("GET", "/user")) == 2


def test_a_comment_that_somebody_deletes_comes_again(server: StandIn, repository: Repository) -> None:
    gitea, number = forge(server), propose(repository)
    gitea.say(number, MARK, f"{MARK}\nfirst")
    repository.repo.comments.clear()
    gitea.say(number, MARK, f"{MARK}\nfirst")
    assert [c.body for c in repository.comments(number)] == [f"{MARK}\nfirst"]


def test_a_strangers_comment_with_our_mark_is_left_alone(server: StandIn, repository: Repository) -> None:
    gitea, number = forge(server, "bot"), propose(repository)
    theirs = repository.say(number, f"{MARK}\nplan by somebody", by="stranger")
    owners = repository.say(number, f"{MARK}\nplan by the owner", by="sovereign")
    repository.say(number, f"I quote:\n{MARK}", by="bot")
    assert gitea.comment(number, MARK) is None
    gitea.say(number, MARK, f"{MARK}\nours")
    assert (theirs.edits, owners.edits) == (0, 0)
    assert [c.user.login for c in repository.comments(number)] == ["stranger", "sovereign", "bot", "bot"]


def test_hosts_have_a_comment_each(server: StandIn, repository: Repository) -> None:
    gitea, number = forge(server), propose(repository)
    other = "<!-- reconciler/plan there -->"
    gitea.say(number, MARK, f"{MARK}\nhere")
    gitea.say(number, other, f"{other}\nthere")
    gitea.say(number, MARK, f"{MARK}\nhere again")
    assert [c.body for c in repository.comments(number)] == [f"{MARK}\nhere again", f"{other}\nthere"]


def test_statuses(server: StandIn, repository: Repository) -> None:
    gitea, sha = forge(server), repository.tip()
    assert gitea.status(sha, PLAN) is None
    gitea.set_status(sha, "other", CommitState.ERROR, "x", "")
    gitea.set_status(sha, PLAN, CommitState.PENDING, "planning", "http://here/1")
    gitea.set_status(sha, PLAN, CommitState.FAILURE, "a\nb  c " + "é" * 400, "http://here/2")
    assert gitea.status(sha, PLAN) is CommitState.FAILURE
    first, last = repository.statuses(sha, PLAN)
    assert (first.state, first.target_url) == ("pending", "http://here/1")
    assert last.description.startswith("a b c é")
    assert len(last.description) == DESCRIPTION
    with pytest.raises(Terminal, match="is not a commit"):
        gitea.set_status("main", PLAN, CommitState.SUCCESS, "", "")
    with pytest.raises(Terminal, match="knows nothing there"):
        gitea.set_status("0" * 39 + "1", PLAN, CommitState.SUCCESS, "", "")


@pytest.mark.parametrize(
    ("scopes", "act", "right"),
    [
        (("write:issue", "read:repository"), "say", "user"),
        (("read:user", "read:issue"), "say", "write:issue"),
        (("read:user", "write:issue", "read:repository"), "status", "write:repository"),
        (("read:user", "write:issue"), "pull", "read:repository"),
    ],
)
def test_a_right_that_the_token_lacks_is_named(
    scopes: tuple[str, ...], act: str, right: str, server: StandIn, repository: Repository
) -> None:
    number = propose(repository)
    repository.say(number, f"{MARK}\nby somebody", by="stranger")
    gitea = forge(server, "bot", *scopes)
    acts = {
        "say": lambda: gitea.say(number, MARK, f"{MARK}\nx"),
        "status": lambda: gitea.set_status(repository.tip(), PLAN, CommitState.SUCCESS, "", ""),
        "pull": lambda: gitea.pull(number),
    }
    with pytest.raises(Terminal) as caught:
        acts[act]()
    assert right in str(caught.value)
    assert "give the token" in caught.value.mend


def test_a_user_without_write_access_is_told(server: StandIn, repository: Repository) -> None:
    with pytest.raises(Terminal, match="permission to write") as caught:
        forge(server, "reader").set_status(repository.tip(), PLAN, CommitState.SUCCESS, "", "")
    assert "write access to the repository" in caught.value.mend


def test_a_wrong_token_is_told_and_never_shown(server: StandIn, repository: Repository) -> None:
    gitea = Gitea(GiteaClient(server.url, lambda: "a-wrong-token"), "sovereign/fleet")
    with pytest.raises(Terminal, match="does not take the token") as caught:
        gitea.open_pulls()
    assert "a-wrong-token" not in str(caught.value)


@pytest.mark.parametrize(("status", "kind"), [(429, Retryable), (500, Retryable), (502, Retryable), (0, Retryable)])
def test_what_passes_is_tried_again(
    status: int, kind: type[ReconcilerError], server: StandIn, repository: Repository
) -> None:
    gitea, number = forge(server), propose(repository)
    server.trouble = lambda method, path: status
    with pytest.raises(kind):
        gitea.pull(number)
    with pytest.raises(kind):
        gitea.say(number, MARK, f"{MARK}\nx")
    server.trouble = lambda method, path: None
    gitea.say(number, MARK, f"{MARK}\nx")
    assert len(repository.comments(number)) == 1


def test_a_rotated_token_is_taken_up(server: StandIn, repository: Repository) -> None:
    tokens = [server.token("bot"), "gone"]
    gitea = Gitea(GiteaClient(server.url, lambda: tokens[0]), "sovereign/fleet")
    gitea.open_pulls()
    tokens.reverse()
    with pytest.raises(Terminal):
        gitea.open_pulls()
    tokens.reverse()
    gitea.open_pulls()


@pytest.fixture
def talker() -> Iterator[tuple[str, list[bytes], list[str]]]:
    """A server that answers each request with what the list says, and keeps what was asked."""
    replies: list[bytes] = []
    heard: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with closing(connection):
                data = b""
                while b"\r\n\r\n" not in data and (part := connection.recv(65536)):
                    data += part
                if not data:
                    return
                heard.append(data.decode("latin-1"))
                try:
                    connection.sendall(replies[0])
                except OSError:
                    continue

    thread = threading.Thread(target=serve)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", replies, heard
    with closing(socket.create_connection(listener.getsockname())):
        pass
    thread.join()
    listener.close()


def reply(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def test_the_token_follows_no_redirect_and_no_proxy(
    talker: tuple[str, list[bytes], list[str]], server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    url, replies, heard = talker
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    replies.append(reply(b"", f"Location: {server.url}/api/v1/repos/o/r/pulls/1", status="307 Temporary Redirect"))
    with pytest.raises(Terminal, match="redirects to"):
        Gitea(GiteaClient(url, lambda: "secret-token"), "o/r").pull(1)
    assert server.calls == []
    assert re.search(r"(?i)authorization: token secret-token", heard[0])
    assert len(heard) == 1


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        (reply(b"<html>sign in</html>"), Terminal, "no JSON"),
        (reply(b"[" * 200_000), Terminal, "no JSON"),
        (reply(b"x" * (9 * 1024 * 1024)), Terminal, "over 8 MB"),
        (b"not HTTP at all\r\n\r\n", Retryable, "can't be reached"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{", Retryable, "can't be reached"),
    ],
)
def test_answers_that_are_none(
    answer: bytes, kind: type[ReconcilerError], words: str, talker: tuple[str, list[bytes], list[str]]
) -> None:
    url, replies, _ = talker
    replies.append(answer)
    with pytest.raises(kind, match=words):
        Gitea(GiteaClient(url, lambda: "t"), "o/r").pull(1)


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b"null", b'{"head": 3, "number": "x", "state": []}', b'{"head": {"sha": "main"}}']
)
def test_an_answer_of_another_shape_is_no_open_pull_request(
    body: bytes, talker: tuple[str, list[bytes], list[str]]
) -> None:
    url, replies, _ = talker
    replies.append(reply(body))
    pull = Gitea(GiteaClient(url, lambda: "t"), "o/r").pull(1)
    assert (pull.open, pull.head, pull.merged) == (False, "", "")
