"""A STAND-IN for a language model's endpoint, so that the demo needs no key and no network.

It speaks as much of the OpenAI protocol as Hermes asks for and answers every message with a fixed sentence and the
message itself. No model is behind it. It is started by the demo as a process of its own and is known to nothing else.

    python -m reconciler.demo.model_endpoint PORT
"""

from __future__ import annotations

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODELS = {"object": "list", "data": [{"id": "stand-in", "object": "model", "owned_by": "demo"}]}


class StandIn(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._send(json.dumps(MODELS).encode(), "application/json")

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = json.loads(self.rfile.read(length) or b"{}")
        reply = self.answer(request)
        if request.get("stream"):
            self._send(_stream(request, reply), "text/event-stream")
        else:
            self._send(json.dumps(_completion(request, reply)).encode(), "application/json")

    def answer(self, request: dict[str, object]) -> str:
        """What the "model" says."""
        model = request.get("model")
        return f"[the demo's stand-in for {model}; no real model answers here] You said: {_said(request)[:300]}"

    def log_message(self, *args: object) -> None:
        """Silent: prompts are nobody's business."""

    def _send(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _said(request: dict[str, object]) -> str:
    """The last message of the user."""
    messages = request.get("messages")
    listed = messages if isinstance(messages, list) else []
    said = [m.get("content") for m in listed if isinstance(m, dict) and m.get("role") == "user"]
    return said[-1] if said and isinstance(said[-1], str) else json.dumps(said[-1:])


def _completion(request: dict[str, object], reply: str) -> dict[str, object]:
    return {
        "id": "demo",
        "object": "chat.completion",
        "created": 1,
        "model": request.get("model"),
        "choices": [{"index": 0, "message": {"role": "assistant", "content": reply}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def _stream(request: dict[str, object], reply: str) -> bytes:
    deltas: list[tuple[dict[str, str], str | None]] = [({"role": "assistant", "content": reply}, None), ({}, "stop")]
    chunks = [
        {
            "id": "demo",
            "object": "chat.completion.chunk",
            "created": 1,
            "model": request.get("model"),
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        }
        for delta, finish in deltas
    ]
    return b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in chunks) + b"data: [DONE]\n\n"


def main() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), StandIn)
    server.daemon_threads = True
    server.serve_forever()


if __name__ == "__main__":
    main()
