"""What security costs: a cold `up` with all of it on, beside one with all of it off, taken in turns.

Against what a cold `up` took before there was any of it (docs/explanation/figures.md), all of it adds less than a
quarter. Here it is held against today's code with everything switched off, which is faster than that was.
"""

import json
import os
from pathlib import Path
from statistics import median
from typing import Any

import yaml

from tests.e2e.command import CHECKOUT
from tests.e2e.conftest import running

PAIRS = int(os.environ.get("CLUSTER_COST_PAIRS", "2"))
BOUND = 1.85  # 1.66 measured: seven nodes share two cores, and verification has twice as much to look at


def lab(name: str, third: int) -> dict[str, Any]:
    """The README's lab under another name."""
    text = (CHECKOUT / "inventories/lab/topology.yml").read_text()
    found: dict[str, Any] = yaml.safe_load(text.replace("10.89.40.", f"10.89.{third}."))
    return found | {"name": name}


def with_everything(tree: dict[str, Any]) -> dict[str, Any]:
    """Also what the lab leaves away: operators, and their records gathered."""
    people = {"alice": {"role": "admin"}, "bob": {"role": "operator"}, "carol": {"role": "read-only"}}
    return tree | {"access": {"operators": people}, "audit": {"collectors": tree["time"]["servers"]}}


def with_nothing(tree: dict[str, Any]) -> dict[str, Any]:
    """No firewall, no hardening, no TLS, nobody let in or recorded."""
    for balancer in tree["load_balancers"].values():
        balancer["frontends"] = {key: front for key, front in balancer["frontends"].items() if "tls" not in front}
    return tree | {"firewall": {"enabled": False}, "hardening": {"enabled": False}}


def test_what_all_of_it_costs(tmp_path: Path) -> None:
    seconds: dict[str, list[float]] = {"off": [], "on": []}
    for number in range(PAIRS):
        for kind, dress in (("off", with_nothing), ("on", with_everything)):
            tree = dress(lab(f"cost-{kind}", 66))
            with running(tmp_path / f"{kind}{number}", yaml.safe_dump(tree, sort_keys=False)) as stack:
                done = stack.first.json
            seconds[kind].append(done["seconds"])
            stages = {stage["name"]: round(stage["seconds"], 1) for stage in done["stages"]}
            print(f"security {kind}: {done['seconds']:.1f} s {json.dumps(stages)}")
    ratio = median(seconds["on"]) / median(seconds["off"])
    print(f"cold up, security on / off, medians of {PAIRS}: {ratio:.2f}")
    assert ratio < BOUND, seconds
