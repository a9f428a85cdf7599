"""Rules on package repositories."""

from collections.abc import Iterator

from cluster_cli.topology.model import Topology
from cluster_cli.topology.problems import Problem


def folders_have_no_components(topology: Topology) -> Iterator[Problem]:
    """A repository without suites has no components either (sources.list(5))."""
    for name, repository in topology.system.repositories.items():
        if repository.is_flat and repository.components:
            what = f'"{repository.suite}" is a folder, which has no components'
            yield Problem(("system", "repositories", name, "components"), what, "remove them")


def repositories_differ(topology: Topology) -> Iterator[Problem]:
    """Each stands there once: APT takes the key of one of two for both, or refuses them."""
    seen: dict[tuple[str, str], str] = {}
    for name, repository in topology.system.repositories.items():
        key = repository.uri.rstrip("/"), repository.suite
        if key in seen:
            what = f"it is the same as {seen[key]}: {repository.uri} {repository.suite}"
            hint = "remove one of them; components and nodes can be listed in the other"
            yield Problem(("system", "repositories", name), what, hint)
        seen.setdefault(key, name)


RULES = (folders_have_no_components, repositories_differ)
