"""Ports: each rule with one thing wrong, and the exact words."""

from __future__ import annotations

import pytest

from tests.spec.fleets import FLEET, TWO_HOSTS, Case, Changes, rest, service, told, wizard

TAKEN = "is already taken by"
CASES: list[Case] = [
    (
        "port of another wizard",
        {"b.yaml": wizard("bo", 8643)},
        [f"ezra.yaml:3:7: port 8643 on host vps {TAKEN} wizard bo at fleet/b.yaml:3:7 (8644 is free)"],
    ),
    (
        "port of a service",
        {"s.yaml": service("s", 8643)},
        [f"ezra.yaml:3:7: port 8643 on host vps {TAKEN} service s at fleet/s.yaml:3:7 (8644 is free)"],
    ),
    (
        "port of a Robe",
        {"b.yaml": wizard("bo", 8644, "robe: {port: 8643}")},
        [f"ezra.yaml:3:7: port 8643 on host vps {TAKEN} the Robe of bo at fleet/b.yaml:8:14 (8646 is free)"],
    ),
    (
        "Body and Robe of one wizard",
        rest("robe: {port: 8643}"),
        [f"ezra.yaml:8:14: port 8643 on host vps {TAKEN} wizard ezra at fleet/ezra.yaml:3:7 (8644 is free)"],
    ),
    ("a Robe outside the pool is fine", rest("robe: {port: 18643}"), []),
    (
        "two services",
        {"s.yaml": service("s", 3000)},
        [
            f"s.yaml:3:7: port 3000 on host vps {TAKEN} service gitea at fleet/parts.yaml:12:7 "
            "(give one of them another port)"
        ],
    ),
    (
        "reserved",
        {"ezra.yaml": wizard("ezra", 8645)},
        [
            "ezra.yaml:3:7: port 8645 is reserved: the next wizard "
            "(8643 is free, or take the reservation out of the Fleet)"
        ],
    ),
    (
        "outside the pool",
        {"ezra.yaml": wizard("ezra", 9000)},
        ["ezra.yaml:3:7: port 9000 is outside the pool 8643-8650 (8643 is free)"],
    ),
    (
        "one port on two hosts is fine",
        {
            "fleet.yaml": TWO_HOSTS,
            "ezra.yaml": wizard("ezra", 8643, "host: vps"),
            "b.yaml": wizard("bo", 8643, "host: lab"),
        },
        [],
    ),
    (
        "a service on every host",
        {"fleet.yaml": TWO_HOSTS, "ezra.yaml": wizard("ezra", 8643, "host: lab"), "s.yaml": service("s", 8643)},
        [f"ezra.yaml:3:7: port 8643 on host lab {TAKEN} service s at fleet/s.yaml:3:7 (8644 is free)"],
    ),
    (
        "two services on every host, told once",
        {"fleet.yaml": TWO_HOSTS, "ezra.yaml": wizard("ezra", 8643, "host: lab"), "s.yaml": service("s", 3000)},
        [
            f"s.yaml:3:7: port 3000 on host vps {TAKEN} service gitea at fleet/parts.yaml:12:7 "
            "(give one of them another port)"
        ],
    ),
    (
        "a service on another host is fine",
        {
            "fleet.yaml": TWO_HOSTS,
            "ezra.yaml": wizard("ezra", 8643, "host: lab"),
            "s.yaml": service("s", 8643, "host: vps"),
        },
        [],
    ),
    (
        "a full pool",
        {
            "fleet.yaml": FLEET.replace("8650", "8645"),
            "b.yaml": wizard("bo", 8644),
            "c.yaml": wizard("cy", 8644),
        },
        [
            f"c.yaml:3:7: port 8644 on host vps {TAKEN} wizard bo at fleet/b.yaml:3:7 "
            "(the pool 8643-8645 has no free port: widen it in the Fleet)"
        ],
    ),
    (
        "a pool upside down",
        {"fleet.yaml": FLEET.replace("8650", "8600")},
        [
            "ezra.yaml:3:7: port 8643 is outside the pool 8643-8600 "
            "(the pool 8643-8600 has no free port: widen it in the Fleet)",
            "fleet.yaml:7:9: the pool ends at 8600, before it begins at 8643 (swap first and last)",
        ],
    ),
    (
        "a reservation outside the pool",
        {"fleet.yaml": FLEET.replace("8645", "9000")},
        [
            "fleet.yaml:9:11: warning: the reservation of 9000 has no effect: it is outside the pool 8643-8650 "
            "(take it out, or widen the pool)"
        ],
    ),
    (
        "a reservation of no port",
        {"fleet.yaml": FLEET.replace("8645", "99999")},
        ["fleet.yaml:9:5: 99999 is not a port (use a number from 1 to 65535)"],
    ),
    (
        "a platform on a wizard's port",
        {"b.yaml": wizard("bo", 8644), **rest("config: {platforms: {webhook: {enabled: true}}}")},
        [
            "ezra.yaml:8:31: warning: the platform webhook listens on port 8644, which wizard bo takes on host vps "
            "(give it another port under config.platforms.webhook.extra.port)"
        ],
    ),
    (
        "a platform with a port of its own is fine",
        {
            "b.yaml": wizard("bo", 8644),
            **rest("config: {platforms: {webhook: {enabled: true, extra: {port: 9}}, sms: {enabled: false}}}"),
        },
        [],
    ),
]


@pytest.mark.parametrize(("changes", "expected"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_rule(changes: Changes, expected: list[str]) -> None:
    assert told(changes) == [f"fleet/{line}" for line in expected]
