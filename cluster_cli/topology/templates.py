"""The commented topologies `cluster init` starts from."""

import difflib

from cluster_cli.errors import ClusterError, Exit
from cluster_cli.places import PACKAGE
from cluster_cli.schema import HEADER
from cluster_cli.topology.addresses import lab_subnet
from cluster_cli.topology.fields import is_name

FOLDER = PACKAGE / "templates" / "topologies"


def names() -> list[str]:
    """The names of all templates, in alphabetical order."""
    return sorted(path.stem for path in FOLDER.glob("*.yml"))


def text(template: str, name: str) -> str:
    """The template for a cluster of that name, with the line that turns on completion in editors.

    Raises ClusterError for a template that is not there, or a name that cannot be used.
    """
    if template not in names():
        near = difflib.get_close_matches(template, names(), n=1)
        hint = f'did you mean "{near[0]}"?' if near else f"there are: {', '.join(names())}"
        raise ClusterError(f'there is no template "{template}"', hint=hint, code=Exit.USAGE)
    try:
        is_name(name)
    except ValueError as error:
        raise ClusterError(str(error), hint="choose another name for the cluster", code=Exit.USAGE) from error
    body = (FOLDER / f"{template}.yml").read_text(encoding="utf-8")
    return f"{HEADER}\n{body.replace('{name}', name).replace('{net}', lab_net(name))}"


def lab_net(name: str) -> str:
    """The first three numbers of the network a lab of that name gets, so that two labs do not meet."""
    return str(lab_subnet(name).network_address).rpartition(".")[0]
