"""The arbiter votes, and holds nothing."""

COLLECT = {
    "service": "systemctl is-active garb; systemctl is-enabled garb",
    "links": "ss -Hnt state established '( sport = :4567 or dport = :4567 )'",
    "account": "ps -o user= -C garbd",
}


def test_it_runs_and_starts_at_boot(observed):
    assert observed["service"].stdout.split() == ["active", "enabled"]


def test_it_is_linked_to_every_other_member(node, observed):
    others = set(node.vars["garbd_members"]) - {node.vars["garbd_address"]}
    assert {address for address in others if address in observed["links"].stdout} == others


def test_it_is_nobody_on_this_node(observed):
    assert observed["account"].stdout.split() not in (["root"], [])
