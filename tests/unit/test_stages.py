"""The stage list is the plan; the playbooks must agree with it."""

from pathlib import Path

import yaml

from cluster_cli.ansible_events import stage_of
from cluster_cli.stages import STAGES, stages_for

PLAYBOOKS = Path(__file__).parents[2] / "playbooks"


def test_site_imports_the_stages_in_order() -> None:
    site = yaml.safe_load((PLAYBOOKS / "site.yml").read_text())
    assert [entry["ansible.builtin.import_playbook"] for entry in site] == [stage.playbook for stage in STAGES]


def test_every_play_is_recognised_and_applies_the_roles_of_its_stage() -> None:
    for stage in STAGES:
        plays = yaml.safe_load((PLAYBOOKS / stage.playbook).read_text())
        roles = [role["role"] if isinstance(role, dict) else role for play in plays for role in play["roles"]]
        assert tuple(roles) == stage.roles
        for play in plays:
            assert stage_of(play["name"]) == stage, play["name"]
            assert "tasks" not in play


def test_only_stages_with_nodes_are_run() -> None:
    assert [stage.name for stage in stages_for({"base", "web"})] == ["base", "web"]
    assert [stage.name for stage in stages_for({"base", "web"}, only=("web", "ntp"))] == ["web"]
