"""What `up` does with each node, from its labels alone."""

from ipaddress import IPv4Address, IPv4Network

import pytest

from cluster_cli.errors import ClusterError
from cluster_cli.lab import plan
from cluster_cli.lab.engine import DEAD, Container
from cluster_cli.lab.plan import LabNode, Step

SUBNET = IPv4Network("10.89.9.0/24")


def container(name="n1", state="running", address="10.89.9.11", image="i:1", topology="/t", networks=("net",)):
    labels = {plan.NODE: name, plan.ADDRESS: address, plan.IMAGE: image, plan.TOPOLOGY: topology}
    return Container(f"lab-{name}", state, labels, networks)


def node(name="n1", address="10.89.9.11"):
    return LabNode(name, IPv4Address(address))


@pytest.mark.parametrize(
    ("there", "step"),
    [
        (None, Step.CREATE),
        (container(), Step.KEEP),
        (container(image="i:0"), Step.KEEP),
        (container(state="paused"), Step.UNPAUSE),
        (container(state="exited"), Step.START),
        (container(state="created"), Step.START),
        (container(state="exited", image="i:0"), Step.RECREATE),
        (container(state="exited", networks=()), Step.RECREATE),
        (container(state=DEAD), Step.RECREATE),
    ],
)
def test_step(there, step):
    assert plan.step_for(there, "i:1", ["net"]) is step


def test_a_dead_node_cut_off_one_of_its_networks_is_made_anew():
    assert plan.step_for(container(state="exited"), "i:1", ["net", "service"]) is Step.RECREATE


def test_a_moved_node_is_told_with_both_addresses():
    with pytest.raises(ClusterError) as caught:
        plan.refuse_moves([node(address="10.89.9.12")], {"n1": container()})
    assert caught.value.why == "n1 has 10.89.9.11, shall have 10.89.9.12"
    assert "cluster down" in caught.value.hint


def test_a_node_does_not_join_or_leave_a_network_while_it_exists():
    joins = LabNode("n1", IPv4Address("10.89.9.11"), {"service": IPv4Address("10.89.8.11")})
    with pytest.raises(ClusterError) as caught:
        plan.refuse_moves([joins], {"n1": container()})
    assert caught.value.why == "n1 has no address on the service network, shall have 10.89.8.11"
    there = container()
    there.labels[plan.address_label("service")] = "10.89.8.11"
    plan.refuse_moves([joins], {"n1": there})
    with pytest.raises(ClusterError) as caught:
        plan.refuse_moves([node()], {"n1": there})
    assert caught.value.why == "n1 has 10.89.8.11 on the service network, shall have none"


def test_an_address_held_by_a_node_no_longer_wanted():
    with pytest.raises(ClusterError) as caught:
        plan.refuse_moves([node("n2")], {"n1": container()})
    assert caught.value.where == "n1"
    assert "shall be n2's" in caught.value.why


def test_nodes_that_stay_are_no_move():
    plan.refuse_moves([node(), node("n2", "10.89.9.12")], {"n1": container()})


@pytest.mark.parametrize("address", ["10.89.9.0", "10.89.9.1", "10.89.9.255", "10.90.0.1"])
def test_addresses_no_node_can_have(address):
    with pytest.raises(ClusterError, match="is no address for a node"):
        plan.refuse_addresses([node(address=address)], {"cluster": SUBNET})


def test_an_address_is_judged_by_its_own_network():
    subnets = {"cluster": SUBNET, "service": IPv4Network("10.89.8.0/24")}
    plan.refuse_addresses(
        [LabNode("n1", IPv4Address("10.89.9.11"), {"service": IPv4Address("10.89.8.11")})], subnets
    )
    with pytest.raises(ClusterError, match=r"10\.89\.9\.12 is no address for a node of 10\.89\.8\.0/24"):
        plan.refuse_addresses(
            [LabNode("n1", IPv4Address("10.89.9.11"), {"service": IPv4Address("10.89.9.12")})], subnets
        )


def test_a_lab_of_another_topology_is_in_the_way_only_while_it_runs():
    dead, alive = container(state="exited", topology="/other"), container(topology="/other")
    assert plan.foreign([dead, container()], "/t") == [dead]
    plan.refuse_foreign("lab", [dead])
    with pytest.raises(ClusterError) as caught:
        plan.refuse_foreign("lab", [dead, alive])
    assert "`cluster down /other` first" in caught.value.hint
