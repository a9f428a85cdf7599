"""Rules on logs: an endpoint is one, can be told who we are, and is not told so in plain text."""

from collections.abc import Iterator
from urllib.parse import SplitResult, urlsplit

from cluster_cli.topology.logs import Endpoint, mebibytes
from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Path, Problem

LEAST = 64  # MiB
ONLY = {"index": "elasticsearch", "api_key": "elasticsearch", "tenant": "loki"}  # what one kind has only
WAYS = ("password", "api_key", "token")


def endpoints(topology: Topology) -> Iterator[tuple[Path, Endpoint]]:
    """Every endpoint logs are sent to, with its path."""
    for name, endpoint in topology.logs.ship.items() if topology.logs else ():
        yield ("logs", "ship", name), endpoint


def an_endpoint_is_of_one_kind(topology: Topology) -> Iterator[Problem]:
    """Elasticsearch or Loki: two are two endpoints."""
    for path, each in endpoints(topology):
        if (each.elasticsearch is None) == (each.loki is None):
            what = "is neither elasticsearch nor loki" if each.loki is None else "is elasticsearch and loki"
            yield Problem(path, what, "give it the address of one of them: `elasticsearch` or `loki`")
            continue
        for field, kind in ONLY.items():
            if getattr(each, field) and each.kind != kind:
                yield Problem((*path, field), f"{each.kind} has none", f"remove `{field}`")


def an_address_is_no_more_than_that(topology: Topology) -> Iterator[Problem]:
    """Who we are is a secret, and the protocol has paths of its own."""
    for path, each in endpoints(topology):
        at, url = (*path, each.kind), urlsplit(each.url)
        if "@" in url.netloc:
            what = "a password stands in the address"
            yield Problem(at, what, "give it `user`, and as `password` the name of a secret")
        elif each.url and not leads_somewhere(url):
            yield Problem(
                at, f"{each.url} has no host, or no such port", "such as https://search.example.com:9200"
            )
        elif url.query or url.fragment:
            yield Problem(at, "has more than a path", 'remove what begins with "?" or "#"')


def leads_somewhere(url: SplitResult) -> bool:
    """Whether an address has a host, and a port that may be one."""
    try:
        return bool(url.hostname) and url.port != 0
    except ValueError:  # it is no number, or too high
        return False


def it_lets_us_in_one_way(topology: Topology) -> Iterator[Problem]:
    """User and password belong together, and exclude a key and a token."""
    for path, each in endpoints(topology):
        given = [way for way in WAYS if getattr(each, way)]
        if (each.user is None) != (each.password is None):
            lacking = "user" if each.password else "password"
            yield Problem(path, f"has no {lacking}", f"add `{lacking}`, or leave both away")
        elif each.user and ":" in each.user:
            yield Problem((*path, "user"), 'has a ":"', "HTTP has no such users (RFC 7617)")
        elif len(given) > 1:
            yield Problem(path, f"is let in by {' and '.join(given)}", "keep one of them")


def secrets_go_over_tls(topology: Topology) -> Iterator[Problem]:
    """Whoever hears a password may use it."""
    for path, each in endpoints(topology):
        if each.url.startswith("http://") and (each.secret or each.ca):
            what = "the secret would go over the network in plain text" if each.secret else "has no certificate"
            hint = "make it https://" if each.secret else "make it https://, or remove `ca`"
            yield Problem((*path, each.kind), what, hint)


def something_can_be_kept(topology: Topology) -> Iterator[Problem]:
    """A bound a few services reach in an hour keeps nothing anybody looks for."""
    size = topology.logs.keep_size if topology.logs else None
    if size and mebibytes(size) < LEAST:
        yield Problem(("logs", "keep_size"), f"{size} is too little to keep logs", f"make it {LEAST}m at least")


RULES = (
    an_endpoint_is_of_one_kind,
    an_address_is_no_more_than_that,
    it_lets_us_in_one_way,
    secrets_go_over_tls,
    something_can_be_kept,
)
