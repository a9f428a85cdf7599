"""Rules on TLS at frontends: a certificate from one place, and plain HTTP where it is needed."""

from collections.abc import Iterator

from cluster_cli.topology.fields import is_address
from cluster_cli.topology.model import Frontend, Topology
from cluster_cli.topology.problems import Path, Problem, did_you_mean
from cluster_cli.topology.walks import frontends

ACME_PORT = 80  # RFC 8555 section 8.3: an HTTP-01 challenge is asked for on port 80


def frontends_answer(topology: Topology) -> Iterator[Problem]:
    """A frontend has a backend or sends clients elsewhere, and not both."""
    for path, _, frontend in frontends(topology):
        if frontend.backend is None and frontend.redirect is None:
            yield Problem(path, "has no backend", "add `backend`, or `redirect` to a frontend with tls")
        elif frontend.backend and frontend.redirect:
            what = "a frontend has either a backend or a redirect"
            yield Problem((*path, "redirect"), what, "remove one of them")


def redirects_lead_to_tls(topology: Topology) -> Iterator[Problem]:
    """A redirect goes from plain HTTP to HTTP over TLS of the same balancer."""
    for path, balancer, frontend in frontends(topology):
        if frontend.redirect is None:
            continue
        at, target = (*path, "redirect"), balancer.frontends.get(frontend.redirect)
        if target is None:
            hint = did_you_mean(frontend.redirect, balancer.frontends)
            yield Problem(at, f'there is no frontend "{frontend.redirect}"', hint or "name one with tls")
        elif target.tls is None or target.mode != "http":
            what = f"{frontend.redirect} does not speak HTTP over TLS"
            yield Problem(at, what, f"add `tls: {{}}` to {frontend.redirect}, in mode http")
        elif frontend.tls or frontend.mode != "http":
            yield Problem(at, "only plain HTTP can be redirected", "remove `tls`, and use mode http")


def own_certificates_are_whole(topology: Topology) -> Iterator[Problem]:
    """An own certificate comes with its key, and instead of any other."""
    for path, _, frontend in frontends(topology):
        if frontend.tls is None:
            continue
        given = (frontend.tls.certificate, frontend.tls.key)
        if bool(given[0]) != bool(given[1]):
            lacking = "key" if given[0] else "certificate"
            yield Problem((*path, "tls"), f"has no {lacking}", f"add `{lacking}`, or leave both away")
        elif all(given) and frontend.tls.acme:
            what = "a certificate is either your own or from ACME"
            yield Problem((*path, "tls", "acme"), what, "remove one of them")


def acme_can_be_used(topology: Topology) -> Iterator[Problem]:
    """ACME needs a service, names it can certify, and plain HTTP on port 80 for its question."""
    for path, balancer, frontend in frontends(topology):
        if frontend.tls is None or not frontend.tls.acme:
            continue
        at = (*path, "tls", "acme")
        if topology.certificates.acme is None:
            hint = "add `certificates: {acme: {directory: https://...}}`"
            yield Problem(at, "there is no ACME service below certificates", hint)
        yield from names_for_acme((*path, "tls"), frontend)
        if not any(answers_acme(front, frontend) for front in balancer.frontends.values()):
            what = "the ACME service asks on port 80 over plain HTTP, where nothing of this balancer answers"
            yield Problem(at, what, f"add `plain: {{bind: 80, redirect: {path[-1]}}}` to its frontends")


def names_for_acme(path: Path, frontend: Frontend) -> Iterator[Problem]:
    """Public names only."""
    names = frontend.tls.names if frontend.tls else ()
    if not names:
        yield Problem(path, "ACME certifies names, and there are none", "add `names: [www.example.com]`")
    for i, name in enumerate(names):
        if is_address(name) or "." not in name:
            what = f"{name} is no public name, so ACME does not certify it"
            yield Problem((*path, "names", i), what, "remove it, or use the cluster's own authority")


def answers_acme(front: Frontend, secure: Frontend) -> bool:
    """Whether a frontend takes plain HTTP on port 80, on the address of the one with TLS."""
    plain = front.bind == ACME_PORT and front.mode == "http" and front.tls is None
    return plain and front.address in (None, secure.address)


def names_are_told_apart(topology: Topology) -> Iterator[Problem]:
    """A name stands once among those of a certificate."""
    for path, _, frontend in frontends(topology):
        names = frontend.tls.names if frontend.tls else ()
        for i, name in enumerate(names):
            if name.lower() in (other.lower() for other in names[:i]):
                yield Problem((*path, "tls", "names", i), f"{name} stands here twice", "remove one of them")


RULES = (
    frontends_answer,
    redirects_lead_to_tls,
    own_certificates_are_whole,
    acme_can_be_used,
    names_are_told_apart,
)
