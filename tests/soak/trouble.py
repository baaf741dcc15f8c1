"""What happens to a host in its life: each takes the house, its daemon and the dice, and gives the daemon that runs
then.

Pushes change what Git wants; the others are what people, agents and the kernel do without asking.
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable

from tests.e2e.forged import DaemonProcess
from tests.soak.house import House, pick

Trouble = Callable[[House, DaemonProcess, random.Random], DaemonProcess]


def push_key(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    """A key that a gateway reads at its start: a restart."""
    value = dice.randrange(1000)
    house.edit(f"{pick(dice, house)}.yaml", lambda doc: doc.update(config={"display": {"width": value}}))
    house.push(f"width {value}")
    return daemon


def push_model(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    model = dice.choice(["small", "large"])
    house.edit(f"{pick(dice, house)}.yaml", lambda doc: doc.update(model=model))
    house.push(f"model {model}")
    return daemon


def push_soul(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    text = f"someone with number {dice.randrange(1000)}"
    house.edit(f"{pick(dice, house)}.yaml", lambda doc: doc.update(soul={"charter": {"identity": text}}))
    house.push(text)
    return daemon


def push_ports(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    """Two wizards swap their ports."""
    one, other = dice.sample(house.names, 2)
    first, second = house.port(one), house.port(other)
    house.edit(f"{one}.yaml", lambda doc: doc.update(port=second))
    house.edit(f"{other}.yaml", lambda doc: doc.update(port=first))
    house.push(f"{one} and {other} swap ports")
    return daemon


def push_rest(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    """A wizard is to rest, or to run again."""
    name = pick(dice, house)

    def change(doc: dict) -> None:
        if doc.pop("desired", None) is None:
            doc["desired"] = "dead"

    house.edit(f"{name}.yaml", change)
    house.push(f"{name} rests or wakes")
    return daemon


def push_in_a_hurry(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    """Three commits, the middle one broken, each before the one before can be through."""
    push_key(house, daemon, dice)
    name = pick(dice, house)
    house.edit(f"{name}.yaml", lambda doc: doc.update(codebase="nobody"))
    house.push("broken")
    house.edit(f"{name}.yaml", lambda doc: doc.update(codebase="hermes-agent"))
    return push_model(house, daemon, dice)


def edit_soul(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    (house.home(pick(dice, house)) / "SOUL.md").write_text("I was here")
    return daemon


def edit_config(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    path = house.home(pick(dice, house)) / "config.yaml"
    path.write_text(path.read_text().replace("model_name:", "model_name: hacked #"))
    return daemon


def remove_file(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    name = pick(dice, house)
    dice.choice([house.root / name / "start-gateway.sh", house.home(name) / "SOUL.md"]).unlink(missing_ok=True)
    return daemon


def change_mode(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    (house.home(pick(dice, house)) / ".env").chmod(0o644)
    return daemon


def kill_gateway(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    for pid in house.gateways(pick(dice, house)):
        os.kill(pid, signal.SIGKILL)
    return daemon


def kill_daemon(house: House, daemon: DaemonProcess, dice: random.Random) -> DaemonProcess:
    daemon.signal(dice.choice([signal.SIGKILL, signal.SIGTERM]))
    daemon.process.wait(30)
    return house.start_daemon()


PUSHES: tuple[Trouble, ...] = (push_key, push_model, push_soul, push_ports, push_rest, push_in_a_hurry)
BY_HAND: tuple[Trouble, ...] = (edit_soul, edit_config, remove_file, change_mode, kill_gateway)
LATER: tuple[Trouble, ...] = (*PUSHES, *BY_HAND)
TROUBLES: tuple[Trouble, ...] = (*LATER, *LATER, kill_daemon)
