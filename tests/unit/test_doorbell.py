"""What a node of a database says it is fit for."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PATH = Path(__file__).parents[2] / "roles/galera/files/doorbell.py"
SYNCED = {
    "wsrep_cluster_status": "Primary",
    "wsrep_local_state": "4",
    "wsrep_ready": "ON",
    "wsrep_local_recv_queue": "0",
    "read_only": "0",
}


@pytest.fixture(scope="module")
def doorbell() -> ModuleType:
    spec = importlib.util.spec_from_file_location("doorbell", PATH)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("change", "write", "read"),
    [
        ({}, True, True),
        ({"read_only": "1"}, False, True),  # fenced
        ({"wsrep_local_recv_queue": "101"}, True, False),  # far behind
        ({"wsrep_local_state": "2"}, True, False),  # gives a copy to another one
        ({"wsrep_local_state": "1"}, False, False),  # joins
        ({"wsrep_cluster_status": "non-Primary"}, False, False),  # with the minority
        ({"wsrep_ready": "OFF"}, False, False),
    ],
)
def test_it_is_fit_for_what_its_state_allows(
    doorbell: ModuleType, change: dict[str, str], write: bool, read: bool
) -> None:
    assert doorbell.fit("/write", SYNCED | change) is write
    assert doorbell.fit("/read", SYNCED | change) is read


def test_a_silent_server_and_another_path_are_fit_for_nothing(doorbell: ModuleType) -> None:
    assert not doorbell.fit("/write", {})
    assert not doorbell.fit("/", SYNCED)
