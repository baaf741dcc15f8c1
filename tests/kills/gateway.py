"""A tiny stand-in for a Hermes gateway, for hosts that are killed hundreds of times: `gateway.py VERSION gateway run`.

It reads its own config.yaml and .env at start, keeps its memory in state.db, and answers /health/detailed, /v1/models
and /v1/runs on its port. Versions: "good-*" works; "ill-*" writes into its database and its home, and never becomes
healthy; "crash-*" writes the same and ends at once. The variable TEMPER in its .env does the same as a version.
Standard library only, and little of it: it must start in a tenth of a second.
"""

import json
import os
import signal
import socket
import sqlite3
import sys
from pathlib import Path

HOME = Path(os.environ["HERMES_HOME"])


def main(version: str) -> None:
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    signal.signal(signal.SIGTERM, lambda *_: os._exit(1))
    config = setting("config.yaml", ":")
    env = setting(".env", "=")
    temper = env.get("TEMPER", version).partition("-")[0]
    memory = remember(version, temper)
    if temper == "crash":
        memory.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        os._exit(3)
    with memory, socket.create_server(("127.0.0.1", int(config["port"]))) as server:
        if temper == "ill":
            (HOME.parent / "doomed").write_text(str(os.getpid()))
        while True:
            connection, _ = server.accept()
            with connection:
                answer(connection, config["model_name"], env["API_SERVER_KEY"], temper)


def setting(name: str, mark: str) -> dict[str, str]:
    """The last part of each key with its value: enough for the few that are needed."""
    lines = (line.partition(mark) for line in (HOME / name).read_text().splitlines())
    return {key.strip(): value.strip().strip("'\"") for key, _, value in lines if value}


def remember(version: str, temper: str) -> sqlite3.Connection:
    """Opens the database as this version does: another version's is migrated in place. It stays open, and what was
    written last lies in its journal, as with the real one, which is killed as well."""
    memory = sqlite3.connect(HOME / "state.db")
    memory.execute("PRAGMA journal_mode=WAL")
    with memory:
        memory.execute("CREATE TABLE IF NOT EXISTS message (id INTEGER PRIMARY KEY, text TEXT)")
        memory.execute("CREATE TABLE IF NOT EXISTS schema (version TEXT PRIMARY KEY)")
        if memory.execute("SELECT count(*) FROM schema WHERE version = ?", (version,)).fetchone() == (0,):
            memory.execute("DELETE FROM schema")
            memory.execute("INSERT INTO schema VALUES (?)", (version,))
            memory.execute("INSERT INTO message (text) VALUES (?)", (f"migrated to {version}",))
    if temper != "good":
        (HOME / "memories").mkdir(exist_ok=True)
        (HOME / "memories" / "DURING.md").write_text("written while it was not well\n")
    return memory


def answer(connection: socket.socket, name: str, key: str, temper: str) -> None:
    request = b""
    while b"\r\n\r\n" not in request:
        part = connection.recv(65536)
        if not part:
            return
        request += part
    path = request.split()[1].decode()
    body: object
    if f"Authorization: Bearer {key}".encode() not in request:
        status, body = "401 Unauthorized", {"error": "this is not my key"}
    elif path == "/health/detailed":
        status, body = "200 OK", {"status": "ok" if temper == "good" else "ill", "pid": os.getpid(), "version": "0"}
    elif path == "/v1/models":
        status, body = "200 OK", {"data": [{"id": name}]}
    elif path == "/v1/runs":
        status, body = "202 Accepted", {"run_id": "run-1", "status": "started"}
    else:
        status, body = "404 Not Found", {}
    data = json.dumps(body).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    connection.sendall(head.encode() + data)


if __name__ == "__main__":
    main(sys.argv[1])
