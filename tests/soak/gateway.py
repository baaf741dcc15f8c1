"""A stand-in for a Hermes gateway that is installed as a codebase from Git, so that a pass takes a second and not ten.

It reads its own config.yaml and .env at start, writes its heartbeat, and answers /health/detailed and /v1/models.
"""

import json
import os
import signal
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

HOME = Path(os.environ["HERMES_HOME"])


def setting(name: str, mark: str) -> dict[str, str]:
    lines = (line.partition(mark) for line in (HOME / name).read_text().splitlines())
    return {key.strip(): value.partition(" #")[0].strip().strip("'\"") for key, _, value in lines if value}


def beat() -> None:
    (HOME / "state").mkdir(exist_ok=True)
    while True:
        (HOME / "state" / "gateway.heartbeat").write_text(str(time.time()))
        time.sleep(10)


def main() -> None:
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
    config, env = setting("config.yaml", ":"), setting(".env", "=")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if self.headers.get("Authorization") != f"Bearer {env['API_SERVER_KEY']}":
                self.send_error(401)
                return
            found = {"status": "ok", "pid": os.getpid(), "readiness": {"checks": {}}}
            if self.path == "/v1/models":
                found = {"object": "list", "data": [{"id": config["model_name"]}]}
            body = json.dumps(found).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    threading.Thread(target=beat, daemon=True).start()
    ThreadingHTTPServer(("127.0.0.1", int(config["port"])), Handler).serve_forever()
