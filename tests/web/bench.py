"""How long the server takes to answer a signed delivery: `python -m tests.web.bench [DELIVERIES]`.

Prints milliseconds over one connection, one delivery after the other, with the longest real recording as the body.
"""

from __future__ import annotations

import statistics
import sys
import time

from tests.web.knock import Door, recording, signed
from tests.web.wire import connect, request, serving


def main(deliveries: int = 1000) -> None:
    body = recording("06-pull_request").body
    door = Door()
    took: list[float] = []
    with serving(door) as server, connect(server) as client:
        for number in range(deliveries):
            sent = request(body, signed(body, "pull_request", delivery=f"d-{number}"))
            began = time.perf_counter()
            client.sendall(sent)
            answer = b""
            while not answer.endswith(b"accepted"):
                answer += client.recv(65536)
            took.append((time.perf_counter() - began) * 1000)
    took.sort()
    print(f"{deliveries} deliveries of {len(body)} bytes: median {statistics.median(took):.2f} ms, ", end="")
    print(f"99th of 100 {took[int(deliveries * 0.99) - 1]:.2f} ms, longest {took[-1]:.2f} ms")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:2]))
