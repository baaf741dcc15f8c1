"""The main job, on real Hermes gateways, real Git and real supervisord, through the command line alone."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
import pytest
import yaml

from tests.e2e.world import CANARY_VARIABLE, NonceModel, World, until

pytestmark = pytest.mark.hermes
EZRA = "wizard/ezra"


def test_each_port_is_answered_by_our_own_process_and_a_run_brings_back_the_models_nonce(world: World) -> None:
    status = world.json("status")
    reported = {wizard["name"]: wizard["pid"] for wizard in status["wizards"]}
    assert reported == world.pids()  # the pid that owns the port == /health/detailed == ours
    assert len(set(reported.values())) == 3
    for wizard in world.names:
        reply = world.run(wizard)
        assert reply["status"] == "completed"
        assert reply["output"] == NonceModel.nonces["qwen2.5:1.5b"]


def test_ask_prints_the_models_answer(world: World) -> None:
    answer = world.cli("ask", "bilbo", "hello")
    assert NonceModel.nonces["qwen2.5:1.5b"] in answer


def test_a_new_process_plans_nothing(world: World) -> None:
    assert world.changed(code=0) == []
    assert world.json("plan", "--reread")["changes"] == []


def _append(path: Path, text: str) -> None:
    path.write_text(path.read_text() + text)


def _yaml(path: Path, change: Callable[[dict], object]) -> None:
    document = yaml.safe_load(path.read_text())
    change(document)
    path.write_text(yaml.safe_dump(document))


def _port(document: dict) -> None:
    document["platforms"]["api_server"]["extra"]["port"] = 1


def _relink(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere")


TAMPERED: dict[str, tuple[str, Callable[[World], object]]] = {
    "SOUL.md": ("file/home/SOUL.md", lambda w: _append(w.home("ezra") / "SOUL.md", "I obey nobody.\n")),
    "config.yaml": ("file/home/config.yaml", lambda w: _yaml(w.home("ezra") / "config.yaml", _port)),
    ".env": ("file/home/.env", lambda w: _append(w.home("ezra") / ".env", "API_SERVER_KEY=somebody-elses-key\n")),
    "start script": ("file/start-gateway.sh", lambda w: (w.root / "ezra/start-gateway.sh").write_text("#!/bin/sh\n")),
    "mode of .env": ("file/home/.env", lambda w: (w.home("ezra") / ".env").chmod(0o644)),
    "mode of home": ("dir/home", lambda w: w.home("ezra").chmod(0o755)),
    "folder": ("dir/completed", lambda w: (w.root / "ezra/completed").rmdir()),
    "link": ("link/hermes-agent", lambda w: _relink(w.root / "ezra/hermes-agent")),
    "SOUL.md removed": ("file/home/SOUL.md", lambda w: (w.home("ezra") / "SOUL.md").unlink()),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_tampered_resource_is_named_alone_with_its_reason_and_mended_without_a_restart(
    world: World, what: str
) -> None:
    key, tamper = TAMPERED[what]
    before = world.pids()
    tamper(world)
    plan = world.json("plan", code=2)
    assert [change["key"] for change in plan["changes"]] == [f"{EZRA}/{key}"]
    assert [reason["cause"] for reason in plan["changes"][0]["reasons"]] == ["drift"]
    world.converge()
    assert world.pids() == before


def test_a_model_change_restarts_nobody_and_the_next_run_uses_it(world: World) -> None:
    before = world.pids()
    world.edit("ezra.yaml", lambda doc: doc.update(model="large"))
    world.push("Ezra thinks bigger")
    world.converge()
    assert world.pids() == before
    assert world.run("ezra")["output"] == NonceModel.nonces["big-model"]
    world.edit("ezra.yaml", lambda doc: doc.update(model="small"))
    world.push("Ezra thinks smaller")
    world.converge()
    assert world.pids() == before


def test_a_port_change_restarts_exactly_that_wizard_and_why_says_so(world: World) -> None:
    before, old = world.pids(), world.port("ezra")
    new = world.ports[4]
    world.edit("ezra.yaml", lambda doc: doc.update(port=new))
    commit = world.push("Ezra moves")
    plan = world.cli("plan", code=2)
    assert f"restart wizard/ezra/body (port {old} -> {new}, commit {commit[:7]})" in plan
    world.converge()
    after = world.pids()
    assert {name for name in world.names if before[name] != after[name]} == {"ezra"}
    why = world.cli("why", "ezra")
    assert f"port {old} -> {new}" in why
    assert commit[:7] in why
    world.edit("ezra.yaml", lambda doc: doc.update(port=old))
    world.push("Ezra moves back")
    world.converge()


def test_two_wizards_swap_ports_in_one_push(world: World) -> None:
    before = world.pids()
    ezra, bilbo = world.port("ezra"), world.port("bilbo")
    world.edit("ezra.yaml", lambda doc: doc.update(port=bilbo))
    world.edit("bilbo.yaml", lambda doc: doc.update(port=ezra))
    world.push("They swap")
    world.converge()
    after = world.pids()
    assert (world.port("ezra"), world.port("bilbo")) == (bilbo, ezra)
    assert after["allegro"] == before["allegro"]
    assert world.request("ezra", "/v1/models")["data"][0]["id"] == "ezra"
    assert world.request("bilbo", "/v1/models")["data"][0]["id"] == "bilbo"


def test_keys_of_the_agent_stay_and_keys_that_left_git_go(world: World) -> None:
    config = world.home("ezra") / "config.yaml"
    text = config.read_text()
    config.write_text("# a note of the agent\n" + text + "command_allowlist:\n  - git status\n")
    world.edit("ezra.yaml", lambda doc: doc.update(config={"display": {"compact": True}}))
    world.push("A key for Ezra")
    world.converge()
    live = yaml.safe_load(config.read_text())
    assert live["display"] == {"compact": True}
    assert live["command_allowlist"] == ["git status"]
    assert "command_allowlist" in world.cli("status")
    world.edit("ezra.yaml", lambda doc: doc.pop("config"))
    world.push("And it is gone")
    world.converge()
    live = yaml.safe_load(config.read_text())
    assert "display" not in live
    assert live["command_allowlist"] == ["git status"]
    assert config.read_text().startswith("# a note of the agent\n")


def test_a_new_key_of_the_api_restarts_one_wizard_and_is_never_shown(world: World) -> None:
    before = world.pids()
    key = world.folder / "new-key"
    key.write_text("a-fresh-key-0123456789abcdef\n")
    key.chmod(0o600)
    world.edit("bilbo.yaml", lambda doc: doc.update(api_key={"file": str(key)}))
    world.push("Bilbo gets another key")
    shown = world.cli("plan", code=2)
    assert "API_SERVER_KEY" in shown
    assert "a-fresh-key" not in shown
    world.converge()
    after = world.pids()
    assert {name for name in world.names if before[name] != after[name]} == {"bilbo"}
    assert world.key("bilbo") == "a-fresh-key-0123456789abcdef"
    world.edit("bilbo.yaml", lambda doc: doc.pop("api_key"))
    world.push("Bilbo goes back to a generated key")
    world.converge()


def test_a_removed_wizard_comes_back_with_its_memories(world: World) -> None:
    memory = world.home("bilbo") / "memories" / "MEMORY.md"
    memory.parent.mkdir(exist_ok=True)
    memory.write_text("The ring is in my pocket.\n")
    assert world.run("bilbo")["status"] == "completed"
    before = world.pids()
    text = (world.fleet / "bilbo.yaml").read_text()
    (world.fleet / "bilbo.yaml").unlink()
    world.push("Bilbo leaves")
    refused = world.cli("run", "--once", code=3)
    assert "bilbo" in refused
    assert "Allow-Delete: bilbo" in refused
    assert world.gateways("bilbo") == [before["bilbo"]]
    world.push("Bilbo leaves, and we mean it\n\nAllow-Delete: bilbo")
    world.cli("run", "--once")
    assert world.gateways("bilbo") == []
    assert not (world.root / "bilbo").exists()
    assert list((world.root / ".attic").glob("bilbo-*/home/memories/MEMORY.md"))
    world.cli("plan", code=0)
    (world.fleet / "bilbo.yaml").write_text(text)
    world.push("Bilbo returns")
    world.converge()
    assert memory.read_text() == "The ring is in my pocket.\n"
    assert list((world.root / ".attic").iterdir()) == []
    after = world.pids()
    assert (after["ezra"], after["allegro"]) == (before["ezra"], before["allegro"])
    sessions = sqlite3.connect(f"file:{world.home('bilbo')}/state.db?mode=ro", uri=True)
    try:
        assert sessions.execute("pragma integrity_check").fetchone() == ("ok",)
    finally:
        sessions.close()


def test_a_killed_gateway_is_started_again_once_and_the_next_pass_says_so(world: World) -> None:
    pid = world.pid("ezra")
    os.kill(pid, signal.SIGKILL)
    until(lambda: world.gateways("ezra") not in ([], [pid]), 60, "the supervisor starts it again")
    output = world.cli("run", "--once")
    assert "SIGKILL" in output
    until(lambda: _healthy(world, "ezra"), 60, "the new gateway answers")
    assert world.gateways("ezra") == [world.pid("ezra")]
    assert "SIGKILL" in world.cli("history", "ezra")
    assert "SIGKILL" not in world.cli("run", "--once")


def test_after_a_killed_supervisor_no_gateway_is_doubled(world: World) -> None:
    before = world.pids()
    supervisor = psutil.Process(before["ezra"]).parent()
    assert supervisor is not None
    assert "supervisord" in " ".join(supervisor.cmdline())
    supervisor.kill()
    supervisor.wait(20)
    assert all(world.gateways(name) == [before[name]] for name in world.names)
    plan = world.json("plan", code=2)
    assert {(c["key"], c["reasons"][0]["cause"]) for c in plan["changes"]} == {
        (f"wizard/{name}/body", "orphan") for name in world.names
    }
    output = world.converge()
    assert "outside its supervisor" in output
    after = world.pids()
    assert all(world.gateways(name) == [after[name]] for name in world.names)
    assert not set(before.values()) & set(after.values())


def test_a_gateway_started_by_hand_is_taken_over_and_never_doubled(world: World) -> None:
    """With the wizard's own script, while the supervised one is down. Hermes itself would refuse a second one."""
    os.kill(world.pid("ezra"), signal.SIGINT)
    until(lambda: not world.gateways("ezra"), 60, "it has ended")
    script = ["/bin/sh", str(world.root / "ezra" / "start-gateway.sh")]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(script, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True) as person:
        until(lambda: _healthy(world, "ezra"), 60, "the gateway in the terminal answers")
        assert world.gateways("ezra") == [person.pid]
        (change,) = world.json("plan", code=2)["changes"]
        told = f"a gateway started by hand, pid {person.pid}, is stopped first"
        assert (change["action"], [reason["text"] for reason in change["reasons"]]) == ("restart", [told])
        assert told in world.converge()
        assert person.wait(20) == 0  # interrupted, and given its time
    assert world.gateways("ezra") == [world.pid("ezra")] != [person.pid]


def test_nothing_of_the_operators_shell_reaches_a_wizard(world: World) -> None:
    allowed = {"HERMES_HOME", "HOME", "PATH", "LANG", "HERMES_GATEWAY_MAX_STARTS"}
    for pid in world.pids().values():
        environ = world.environ_of(pid)
        assert CANARY_VARIABLE not in environ
        ours = {name for name in environ if name.startswith(("RECONCILER_", "SUPERVISOR_"))}
        assert set(environ) - ours == allowed


def test_a_paused_wizard_is_shown_and_left_alone(world: World) -> None:
    world.cli("pause", "ezra", "--reason", "I am reading its soul")
    soul = world.home("ezra") / "SOUL.md"
    _append(soul, "A line by hand.\n")
    shown = world.cli("plan", code=(0, 2))
    assert "I am reading its soul" in shown
    world.cli("run", "--once")
    assert soul.read_text().endswith("A line by hand.\n")
    world.cli("resume", "ezra")
    world.converge()
    assert not soul.read_text().endswith("A line by hand.\n")
    kept = [path.read_text() for path in (world.state / "kept").iterdir()]
    assert any(text.endswith("A line by hand.\n") for text in kept)


def test_a_restart_goes_through_the_engine(world: World) -> None:
    before = world.pids()
    world.cli("restart", "allegro", "-y")
    after = world.pids()
    assert {name for name in world.names if before[name] != after[name]} == {"allegro"}
    assert "asked for" in world.cli("why", "allegro")


def test_a_gateway_that_fails_its_gate_is_stopped_and_the_others_run_on(world: World) -> None:
    before = world.pids()
    codebase = world.codebase("0.19.0") / "bin/hermes"
    original = codebase.read_text()
    world.edit("ezra.yaml", lambda doc: doc.update(config={"terminal": {"timeout": 77}}))
    world.push("A change that restarts Ezra")
    codebase.write_text("#!/bin/sh\nexit 3\n")
    try:
        output = world.cli("run", "--once", code=1)
    finally:
        codebase.write_text(original)
    assert "wizard/ezra/body" in output
    assert "gate" in output
    assert world.gateways("ezra") == []
    assert (world.pid("bilbo"), world.pid("allegro")) == (before["bilbo"], before["allegro"])
    world.edit("ezra.yaml", lambda doc: doc.pop("config"))
    world.push("Taken back")
    world.converge()
    assert world.gateways("ezra") == [world.pid("ezra")]


def test_the_status_ref_is_read_by_people_and_by_programs(world: World) -> None:
    files = world.git(world.remote, "ls-tree", "--name-only", "status/vps").split()
    assert files == ["STATUS.md", "heartbeat", "status.json"]
    text = world.git(world.remote, "show", "status/vps:STATUS.md")
    assert all(name in text for name in world.names)
    document = json.loads(world.git(world.remote, "show", "status/vps:status.json"))
    assert {wizard["name"]: wizard["observed"] for wizard in document["wizards"]} == dict.fromkeys(
        world.names, "unrobed"
    )
    tip = world.git(world.remote, "rev-parse", "status/vps")
    world.cli("run", "--once")
    assert world.git(world.remote, "rev-parse", "status/vps") == tip


def test_with_the_remote_away_the_cached_fleet_is_used_and_it_is_said(world: World) -> None:
    away = world.remote.with_suffix(".away")
    world.remote.rename(away)
    try:
        _append(world.home("ezra") / "SOUL.md", "drift\n")
        output = world.cli("run", "--once")
    finally:
        away.rename(world.remote)
    assert "away" in output or "unreachable" in output or "cached" in output or "last known" in output
    assert not (world.home("ezra") / "SOUL.md").read_text().endswith("drift\n")


def test_a_broken_commit_changes_nothing_and_names_its_lines(world: World) -> None:
    before = world.pids()
    good = (world.fleet / "ezra.yaml").read_text()
    (world.fleet / "ezra.yaml").write_text(good.replace("port:", "prot:"))
    world.push("A slip")
    output = world.cli("run", "--once", code=1)
    assert "fleet/ezra.yaml:" in output
    assert "port" in output
    (world.fleet / "ezra.yaml").write_text(good)
    assert world.pids() == before
    world.push("Mended")
    world.converge()
    assert world.pids() == before


def test_a_gateway_that_was_started_on_changed_files_is_started_again(world: World) -> None:
    before = world.pids()
    _yaml(world.home("allegro") / "config.yaml", _port)
    os.kill(before["allegro"], signal.SIGKILL)
    until(lambda: world.gateways("allegro") not in ([], [before["allegro"]]), 60, "the supervisor starts it again")
    plan = world.json("plan", code=2)
    assert [change["key"] for change in plan["changes"]] == [
        "wizard/allegro/file/home/config.yaml",
        "wizard/allegro/body",
    ]
    world.converge()
    after = world.pids()
    assert {name for name in world.names if before[name] != after[name]} == {"allegro"}


def test_a_gate_that_was_killed_is_awaited_by_the_next_pass(world: World) -> None:
    world.edit("ezra.yaml", lambda doc: doc.update(config={"terminal": {"timeout": 88}}))
    world.push("A change that restarts Ezra")
    environ = {**os.environ, "RECONCILER_CONFIG": str(world.folder / "reconciler.toml")}
    command = [sys.executable, "-m", "reconciler", "run", "--once"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        for line in run.stderr:
            if "waiting until it holds" in line:
                run.kill()
                break
    plan = world.json("plan", code=2)
    assert [(change["key"], change["action"]) for change in plan["changes"]] == [("wizard/ezra/body", "prove")]
    pid = world.gateways("ezra")
    world.converge()
    assert world.gateways("ezra") == pid
    world.edit("ezra.yaml", lambda doc: doc.pop("config"))
    world.push("As before")
    world.converge()


def test_a_paused_removal_stays_in_sight_and_its_trailer_counts_until_it_is_done(world: World) -> None:
    world.cli("pause", "bilbo")
    text = (world.fleet / "bilbo.yaml").read_text()
    (world.fleet / "bilbo.yaml").unlink()
    world.push("Bilbo leaves\n\nAllow-Delete: bilbo")
    world.cli("run", "--once")
    shown = {wizard["name"]: wizard["desired"] for wizard in world.json("status")["wizards"]}
    assert shown["bilbo"] == "removed"
    world.cli("resume", "bilbo")
    world.cli("run", "--once")
    assert world.gateways("bilbo") == []
    (world.fleet / "bilbo.yaml").write_text(text)
    world.push("Bilbo returns")
    world.converge()
    (world.fleet / "bilbo.yaml").unlink()
    world.push("A slip")
    assert "it would remove 1 wizard" in world.cli("run", "--once", code=3)
    (world.fleet / "bilbo.yaml").write_text(text)
    world.push("Mended")
    world.converge()


def test_a_broken_commit_leaves_no_crashed_wizard_down(world: World) -> None:
    good = (world.fleet / "ezra.yaml").read_text()
    (world.fleet / "ezra.yaml").write_text(good.replace("port:", "prot:"))
    world.push("A slip")
    (world.fleet / "ezra.yaml").write_text(good)
    os.kill(world.pid("allegro"), signal.SIGINT)  # ends with exit 0, so that no supervisor starts it again
    until(lambda: world.gateways("allegro") == [], 60, "it has ended")
    output = world.cli("run", "--once", code=1)
    assert "stays in force" in world.cli("status")
    assert "fleet/ezra.yaml:" in output
    assert world.gateways("allegro") == [world.pid("allegro")]
    world.push("Mended")
    world.converge()


def test_a_key_is_never_sent_to_a_stranger_on_the_port(world: World) -> None:
    heard: list[str] = []

    class Squatter(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            heard.append(str(self.headers.get("Authorization")))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args: object) -> None: ...

    old = world.port("ezra")
    with ThreadingHTTPServer(("127.0.0.1", world.ports[5]), Squatter) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            world.edit("ezra.yaml", lambda doc: doc.update(port=world.ports[5]))
            world.push("Somebody sits there")
            assert "is held by pid" in world.cli("run", "--once", code=1)
            world.cli("status")
            world.cli("plan", code=(0, 2))
        finally:
            server.shutdown()
            thread.join()
    assert heard == []
    world.edit("ezra.yaml", lambda doc: doc.update(port=old))
    world.push("Back")
    world.converge()


def test_no_secret_leaves_the_host(world: World) -> None:
    secrets = {world.key(name) for name in world.names} | {"a-fresh-key-0123456789abcdef"}
    host_key = next((world.state / "secrets").glob("*host*")).read_text().strip()
    dump = world.folder / "all-objects"
    shutil.rmtree(dump, ignore_errors=True)
    world.git(world.folder, "clone", "-q", "--mirror", str(world.remote), str(dump))
    objects = world.git(dump, "cat-file", "--batch-check=%(objectname) %(objecttype)", "--batch-all-objects").split(
        "\n"
    )
    texts = {
        "git " + line: world.git(dump, "cat-file", "-p", line.split()[0])
        for line in objects
        if "blob" in line or "commit" in line
    }
    exempt = {"secrets", "kept", "git"}
    for path in (
        p for p in world.state.rglob("*") if p.is_file() and p.relative_to(world.state).parts[0] not in exempt
    ):
        texts[str(path)] = path.read_bytes().decode(errors="replace")
    for name in world.names:
        for log in (world.root / name / "logs").iterdir():
            texts[str(log)] = log.read_text(errors="replace")
    for pid in world.pids().values():
        texts[f"argv and environment of {pid}"] = Path(f"/proc/{pid}/cmdline").read_text() + str(world.environ_of(pid))
    assert len(texts) > 20
    leaks = [where for where, text in texts.items() if any(secret in text for secret in (*secrets, host_key))]
    assert leaks == []


def _healthy(world: World, wizard: str) -> bool:
    try:
        return world.request(wizard, "/health/detailed")["status"] == "ok"
    except OSError:
        return False
