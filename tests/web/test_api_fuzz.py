"""The API under requests that nobody would write: schemathesis on its own document, with a fixed seed and few examples.

Any answer must be one that the document promises, and never a bug; a request that is not as documented must be refused.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.specs.openapi.checks import ignored_auth

from reconciler.protocols.events import Level
from reconciler.web.api import DOCUMENT, operations
from tests.web.apihouse import TOKEN, Client, living
from tests.web.house import House

EXAMPLES = 6
SEED = 20_400
HOST = {"host": "127.0.0.1"}
TOKENED = {**HOST, "authorization": f"Bearer {TOKEN}"}
READINGS = [f"/api/v1{one.path}" for one in operations() if one.body is None]
ACTIONS = [f"/api/v1{one.path}" for one in operations() if one.body is not None]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    house = House(tmp_path_factory.mktemp("house"))
    house.push()
    with living(house) as found:
        yield found


def _fuzz(client: Client, method: str, path: str) -> None:
    schema = schemathesis.openapi.from_asgi(DOCUMENT, client.app, headers=HOST)
    operation = schema[path][method]

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def answers(case: schemathesis.Case) -> None:
        response = case.call(headers=TOKENED)
        case.validate_response(response, excluded_checks=[ignored_auth])  # test_api_acting.py has that

    answers()
    bugs = [event.text for event in client.said if event.level is Level.ERROR]
    assert bugs == []


@pytest.mark.parametrize("path", READINGS)
def test_reading(client: Client, path: str) -> None:
    _fuzz(client, "GET", path)


@pytest.mark.parametrize("path", ACTIONS)
def test_acting(client: Client, path: str) -> None:
    _fuzz(client, "POST", path)


def test_after_all_that_nothing_has_changed(client: Client) -> None:
    assert client.daemon.host.ledger.records().pauses == {}
    assert client.get("/host")["settled"] is True
