"""No secret leaves by the API or the metrics, wherever it got to on the host."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.web.api import operations
from reconciler.web.session import Access
from tests.web.apihouse import TOKEN
from tests.web.house import House
from tests.web.test_metrics import Scraped, scraped

VARIABLE = "CANARY_OF_THE_TESTS"
CANARY = 'canary-"quoted"-\\-7f3a'


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path)
    made.environ[VARIABLE] = CANARY
    made.wizards["ada"]["env"] = {"MY_TOKEN": {"env": VARIABLE}}
    made.push("three wizards")
    return made


def _everything(client: Scraped) -> dict[str, str]:
    """What each operation answers, for ada and the newest pass."""
    found = {}
    passes = client.get("/passes")["passes"]
    for operation in operations():
        path = operation.path.replace("{name}", "ada").replace("{id}", str(passes[0]["id"]))  # type: ignore[index]
        body = None if operation.body is None else {}
        answer = client.ask(operation.method, f"/api/v1{path}", token=TOKEN, json=body)
        assert answer.status_code in (200, 422), answer.text
        found[f"{operation.method} {path}"] = answer.text
    return {**found, "/metrics": client.text()}


def test_canaries_stay_where_they_are(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house, Access(TOKEN)) as client:
        log = Path(str(client.get("/wizards/ada/log")["path"]))
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text(f"token is {CANARY}, key is {house.key('ada')}\n")
        daemon.host.say(f"somebody wrote {CANARY}", "ada")
        env = house.home("ada") / ".env"
        env.write_text(env.read_text().replace(house.key("ada"), "x" * 40))
        daemon.pause("bo", f"pasted {CANARY} here")
        told = _everything(client)
        house.pass_(daemon)
        told |= {f"{name} later": text for name, text in _everything(client).items()}
        assert "***" in told["GET /wizards/ada/log"]
        assert "***" in told["GET /now"]
        for name, text in told.items():
            for secret in (CANARY, CANARY.replace("\\", "\\\\").replace('"', '\\"'), house.key("ada"), TOKEN):
                assert secret not in text, name


def test_a_secret_that_changes_is_shown_as_changed_alone(house: House) -> None:
    with house.living() as daemon, scraped(daemon, house, Access(TOKEN)) as client:
        house.wizards["bo"]["env"] = {"PLAIN": "open text", "MY_TOKEN": {"env": VARIABLE}}
        house.push("bo gets one")
        shown = client.post("/plan")
        fields = [f for one in shown["plan"]["changes"] for f in one["fields"]]  # type: ignore[index]
        after = {field["name"]: field["after"] for field in fields}
        assert after["MY_TOKEN"] == {"secret": True, "changed": True}
        assert after["PLAIN"] == {"value": "open text"}
