"""Topologies that several proofs look at."""

BOTH_ENGINES = """\
provider: podman
nodes: {lb1: {}, lb2: {}, web1: {}}
time: {servers: [lb2, web1]}
load_balancers:
  edge: {nodes: [lb1], frontends: {shop: {bind: 80, backend: shop}}, backends: {shop: {nodes: [web1], port: 80}}}
  inner:
    engine: nginx
    nodes: [lb2]
    frontends: {shop: {bind: 80, backend: shop}}
    backends: {shop: {nodes: [web1], port: 80}}
web: {shop: {nodes: [web1]}}
"""


def both_engines(name: str, subnet: str) -> str:
    """A haproxy and an nginx balancer before one web server, and two time servers."""
    return f"name: {name}\nnetwork: {{subnet: {subnet}}}\n{BOTH_ENGINES}"
