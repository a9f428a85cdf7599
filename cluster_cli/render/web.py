"""Variables of role web."""

from pathlib import Path
from typing import Any

from cluster_cli.render.connection import Access
from cluster_cli.topology.files import beside
from cluster_cli.topology.model import Topology


def web_vars(topology: Topology, access: Access, name: str) -> dict[str, Any]:
    """The web services of a node; empty when it has none."""
    services = {key: web for key, web in topology.web.items() if name in web.nodes}
    if not services:
        return {}
    return {
        "web_engine": next(iter(services.values())).engine,
        "web_node_name": name,
        "web_sites": [
            {
                "name": key,
                "port": web.port,
                "health_path": web.health_path,
                "site": str(beside(Path(access.topology), web.site)) if web.site else "",
                "upstream": web.upstream or "",
            }
            for key, web in services.items()
        ],
    }
