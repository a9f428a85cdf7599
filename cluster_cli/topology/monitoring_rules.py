"""Rules on monitoring: an alert can reach somebody, and is not raised by one look that failed."""

from collections.abc import Iterator
from typing import get_args

from cluster_cli.topology.model import Topology
from cluster_cli.topology.monitoring import Receiver, Severity
from cluster_cli.topology.problems import Path, Problem, did_you_mean


def receivers(topology: Topology) -> Iterator[tuple[Path, Receiver]]:
    """Every receiver with its path."""
    for name, receiver in topology.monitoring.receivers.items() if topology.monitoring else ():
        yield ("monitoring", "receivers", name), receiver


def a_receiver_is_one_way(topology: Topology) -> Iterator[Problem]:
    """A receiver is a webhook or a mailbox: two are two receivers."""
    for path, receiver in receivers(topology):
        if (receiver.webhook is None) == (receiver.email is None):
            what = "is a webhook and a mailbox" if receiver.webhook else "is neither a webhook nor a mailbox"
            yield Problem(path, what, "give it either `webhook` or `email`")


def a_webhook_has_one_address(topology: Topology) -> Iterator[Problem]:
    """The address stands in the file, or is a secret."""
    for path, receiver in receivers(topology):
        hook = receiver.webhook
        if hook and (hook.url is None) == (hook.url_secret is None):
            what = "has two addresses" if hook.url else "has no address"
            yield Problem((*path, "webhook"), what, "give it either `url` or `url_secret`")


def a_mailbox_is_logged_in_to_safely(topology: Topology) -> Iterator[Problem]:
    """User and password belong together, and go over TLS."""
    for path, receiver in receivers(topology):
        email = receiver.email
        if email and (email.user is None) != (email.password is None):
            lacking = "user" if email.password else "password"
            yield Problem((*path, "email"), f"has no {lacking}", f"add `{lacking}`, or leave both away")
        elif email and email.password and not email.tls:
            what = "the password would go over the network in plain text"
            yield Problem((*path, "email", "tls"), what, "remove `tls: false`")


def every_alert_goes_somewhere(topology: Topology) -> Iterator[Problem]:
    """Where somebody is told of alerts, somebody is told of each."""
    told = [severity for _, receiver in receivers(topology) for severity in receiver.severities]
    for severity in get_args(Severity) if told else ():
        if severity not in told:
            what = f"nobody is told of alerts that are {severity}"
            yield Problem(("monitoring", "receivers"), what, "add it to the `severities` of one of them")


def one_look_is_no_alert(topology: Topology) -> Iterator[Problem]:
    """A packet is lost now and then."""
    monitoring = topology.monitoring
    if monitoring and monitoring.patience < 2 * monitoring.interval:
        what = "one look that failed would be an alert"
        yield Problem(("monitoring", "patience"), what, "make it twice the interval at least")


def grafana_comes_from_somewhere(topology: Topology) -> Iterator[Problem]:
    """The repository it names is there, and is used on its nodes."""
    grafana, known = topology.monitoring and topology.monitoring.grafana, topology.system.repositories
    if not grafana or not grafana.repository:
        return
    path = ("monitoring", "grafana", "repository")
    if grafana.repository not in known:
        what = f'there is no repository "{grafana.repository}"'
        yield Problem(path, what, did_you_mean(grafana.repository, known) or "add it to `system.repositories`")
    elif known[grafana.repository].nodes is not None:
        what = "it is Grafana's, so it is used on the nodes that serve Grafana"
        hint = "remove them, or leave `monitoring.grafana.repository` away: Grafana comes from any there is"
        yield Problem(("system", "repositories", grafana.repository, "nodes"), what, hint)


RULES = (
    a_receiver_is_one_way,
    a_webhook_has_one_address,
    a_mailbox_is_logged_in_to_safely,
    every_alert_goes_somewhere,
    one_look_is_no_alert,
    grafana_comes_from_somewhere,
)
