"""No page shows a secret: canaries in the environment, in .env, in config.yaml and in the log."""

from __future__ import annotations

import string
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from reconciler.engine.log_secrets import masked
from tests.web.house import House
from tests.web.visitor import visiting

DECLARED = "canary-declared-5f2b"
AGENTS = "canary-agents-own-91cd"
NESTED = "canary-nested-77aa"
LOGGED = "sk-canary0123456789abcdef"
PAGES = (
    "/",
    "/plan",
    "/plan?all=1",
    "/history",
    "/history/1",
    "/history/2",
    "/ports",
    "/services",
    "/wizards/ada?lines=500",
    "/actions/plan?all=1",
    "/actions/pause?wizard=ada&all=1",
    "/actions/rollback?wizard=ada&all=1",
    "/actions/retry?wizard=ada",
)


def test_no_page_shows_a_secret(tmp_path: Path) -> None:
    house = House(tmp_path)
    house.wizards["ada"]["env"] = {"MAIL_PASSWORD": {"env": "MAIL_PASSWORD"}}
    house.environ = {"MAIL_PASSWORD": DECLARED}
    house.push()
    with house.living() as daemon, visiting(daemon) as visitor:
        visitor.login()
        key = house.key("ada")
        env, config = house.home("ada") / ".env", house.home("ada") / "config.yaml"
        env.write_text(env.read_text() + f"\nexport OTHER='{AGENTS}'\n")
        config.write_text(config.read_text() + f"providers:\n  other:\n    api_key: {NESTED}\n")
        house.environ["MAIL_PASSWORD"] = DECLARED + "-new"
        house.config("ada", skin="dark")
        house.pass_(daemon)
        log = Path(house.gateways.program("ada-body").log)
        said = [f"key {key}", f"smtp {DECLARED}", f"x {AGENTS} y", f"nested {NESTED}", f"model {LOGGED}"]
        log.write_text("\n".join([*said, "Authorization: Bearer abcdefgh12345678", "https://u:hunter2x@host/", "fine"]))

        for path in PAGES:
            answer = visitor.get(path)
            assert answer.status_code == 200, path
            for secret in (key, DECLARED, AGENTS, NESTED, LOGGED, "abcdefgh12345678", "hunter2x"):
                assert secret not in answer.text, (path, secret)
        assert "fine" in visitor.text("/wizards/ada")
        assert "providers.other.api_key" in visitor.text("/wizards/ada")


SECRET = st.text(string.ascii_letters + string.digits + "-_.", min_size=6, max_size=60)


@given(SECRET, st.text(max_size=40), st.text(max_size=40))
def test_a_known_secret_never_stays(secret: str, before: str, after: str) -> None:
    assert secret not in masked(f"{before}{secret}{after}", [secret]) or secret in "*** "


@given(st.text(string.ascii_letters + string.digits, min_size=20, max_size=60))
def test_what_looks_like_a_credential_is_masked(text: str) -> None:
    for line in (f"Authorization: Bearer {text}", f"token={text}", f'"api_key": "{text}"', f"sk-{text}"):
        assert text not in masked(line, [])
