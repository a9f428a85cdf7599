"""The reference pages under docs/reference, and the dashboards of role grafana, made from the code.

`python -m cluster_cli.reference` rewrites them; a test says when that was forgotten.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from cluster_cli import schema
from cluster_cli.dashboards import DASHBOARDS
from cluster_cli.dashboards.grafana_json import to_json
from cluster_cli.places import PACKAGE
from cluster_cli.reference_verbs import verbs_page

FOLDER = PACKAGE.parent / "docs" / "reference"
DASHBOARD_FOLDER = PACKAGE.parent / "roles" / "grafana" / "files" / "dashboards"
NOTE = "<!-- Made by `python -m cluster_cli.reference` from the models. Do not edit. -->"
INTRO = """\
One YAML file says what the cluster is. It is checked strictly: an unknown key, a wrong type, a node that is
not there, an address outside its network are errors, and all of them are shown at once, each with its line
and column, before any machine is touched (`cluster validate`).

For completion and hover text in an editor, begin the file with
`{header}` and put
[{file}]({file}) beside it. `<name>` stands for a name you choose, `[]` for each entry of a list.

Names have lower-case letters, digits and "-", begin with a letter and have at most 40 characters.
Durations are a number with `ms`, `s`, `m`, `h` or `d`, such as `500ms` or `2s`."""
EXAMPLES = {  # one a section, each part of one valid topology (a test puts them together)
    "name": "name: shop",
    "provider": "provider: existing",
    "network": "network: {subnet: 10.0.0.0/24}",
    "networks": "networks: {management: {subnet: 10.0.1.0/24}, storage: {subnet: 10.0.3.0/24}}",
    "ssh": "ssh: {user: admin, jump: ops@bastion.example.com}",
    "lab": "lab: {image: registry.example.com/debian:12}",
    "nodes": """\
nodes:
  lb1: {address: 10.0.0.11, site: rack-a}
  lb2: {address: 10.0.0.12, ssh: {port: 2222}}
  web1: {address: 10.0.0.21}
  web2:
    address: 10.0.0.22
    weight: 2
    addresses: {management: 10.0.1.22, storage: 10.0.3.22}
    interfaces:
      bond0: {bond: [eno1, eno2], network: cluster}
      bond0.20: {vlan: 20, link: bond0, network: storage}
    routes: [{to: 172.16.0.0/12, via: 10.0.0.1}]""",
    "system": "system: {timezone: Europe/Athens, packages: [tcpdump], sysctl: {net.core.somaxconn: 4096}}",
    "time": "time: {servers: [lb1, lb2], upstream: [ntp.example.com]}",
    "load_balancers": """\
load_balancers:
  edge:
    nodes: [lb1, lb2]
    virtual_ips:
      - {address: 10.0.0.100, prefer: lb1}
    frontends:
      shop: {bind: 80, backend: shop}
    backends:
      shop: {nodes: [web1, web2], port: 80, balance: leastconn, sticky: cookie, check: {path: /healthz}}""",
    "web": "web:\n  shop: {nodes: [web1, web2], engine: nginx}",
    "databases": """\
databases:
  main:
    nodes: [web1, lb1, lb2]
    through: edge
    schemas: [shop]
    accounts: {shop: {schemas: [shop]}}""",
    "backup": 'backup: {nodes: [web2], schedule: {full: "Sun 01:00", binlogs: 1m}, keep: {binlogs: 14d}}',
    "monitoring": """\
monitoring:
  nodes: [lb1, lb2]
  retention: 30d
  receivers:
    pager: {webhook: {url: https://pager.example.com/hook, token: pager_token}, severities: [critical]}
    people: {email: {to: ops@example.com, sender: cluster@example.com, server: mail.example.com}}
  thresholds: {disk_percent: 80}
  grafana: {nodes: [lb1]}""",
    "firewall": "firewall: {operators: [10.0.0.0/24, 192.0.2.0/28], open: [{port: 9000, nodes: [web1]}]}",
    "certificates": "certificates: {life: 60d, acme: {directory: https://acme.example.com/directory}}",
    "hardening": 'hardening: {banner: Authorized use only., updates: {start: "03:00", span: 2h}}',
    "access": "access: {life: 8h, operators: {alice: {role: admin}, bob: {role: read-only}}}",
    "audit": "audit: {collectors: [web2]}",
    "logs": """\
logs:
  nodes: [web1, web2]
  keep: 30d
  keep_size: 20g
  ship: {search: {elasticsearch: "https://search.example.com:9200", user: cluster, password: search_password}}""",
}

Field = dict[str, Any]
Row = tuple[str, str, str, str]


def topology_page() -> str:
    """The page on the topology file: every field with its type, default and description, by section."""
    whole = schema.schema()
    parts = ["# The topology file", NOTE, INTRO.format(header=schema.HEADER, file=schema.FILE_NAME)]
    for name, field in whole["properties"].items():
        parts += section(whole, name, field)
    return "\n\n".join(parts) + "\n"


def section(whole: Field, name: str, field: Field) -> Iterator[str]:
    """One top-level key: what it is, an example, its fields."""
    needed = " Required." if name in whole["required"] else ""
    yield f"## {name}"
    yield field["description"] + needed
    yield f"```yaml\n{EXAMPLES[name]}\n```"
    yield table(list(rows(whole, name, field, needed=bool(needed))))


def table(found: list[Row]) -> str:
    """Rows as a Markdown table."""
    head = "| Field | Type | Default | What it is |\n|---|---|---|---|"
    return "\n".join([head, *("| " + " | ".join(row) + " |" for row in found)])


def rows(whole: Field, path: str, field: Field, *, needed: bool) -> Iterator[Row]:
    """The row of a field, or those of the fields inside of it."""
    path, inner = inside(whole, path, field)
    if "properties" not in inner:
        default = "required" if needed else code(inner.get("default", field.get("default")))
        yield f"`{path}`", cell(kind(inner)), default, cell(field["description"])
        return
    for name, child in inner["properties"].items():
        yield from rows(whole, f"{path}.{name}", child, needed=name in inner.get("required", ()))


def inside(whole: Field, path: str, field: Field) -> tuple[str, Field]:
    """The model a field holds, through maps, lists and alternatives with nothing; or the field itself."""
    if "$ref" in field:
        return path, whole["$defs"][field["$ref"].rpartition("/")[2]]
    if "anyOf" in field and {"type": "null"} in field["anyOf"]:
        return inside(whole, path, next(part for part in field["anyOf"] if part != {"type": "null"}))
    if "$ref" in str(values := map_values(field)):
        return inside(whole, f"{path}.<name>", values)
    if "$ref" in str(field.get("items")):
        return inside(whole, f"{path}[]", field["items"])
    return path, field


def map_values(field: Field) -> Field:
    """What a map's values are; empty when it is no map."""
    found: list[Field] = list(field.get("patternProperties", {}).values())
    return found[0] if found else field.get("additionalProperties") or {}


def kind(field: Field) -> str:
    """A field's type in words."""
    if "enum" in field:
        return " or ".join(code(choice) for choice in field["enum"])
    if "anyOf" in field:
        return " or ".join(kind(part) for part in field["anyOf"])
    if field.get("type") == "array":
        return f"list of: {kind(field['items'])}"
    if field.get("type") == "object":
        return f"map to: {kind(map_values(field))}"
    if "$comment" in field:
        words = str(field["$comment"]).removeprefix("a ").removeprefix("usable ")
        return words.partition(" (")[0]
    if field.get("type") == "integer":
        ends = [field[end] for end in ("minimum", "maximum") if end in field]
        return " to ".join(["number", *map(str, ends)]).replace("number to", "number from") if ends else "number"
    names = {
        "boolean": "true or false",
        "ipv4": "IPv4 address",
        "ipv4network": "network, such as 10.0.0.0/24",
    }
    return names.get(str(field.get("format") or field.get("type")), "text")


def code(value: Any) -> str:
    """A value as it is written in the file."""
    return "" if value is None else f"`{value if isinstance(value, str) else json.dumps(value)}`"


def cell(text: str) -> str:
    """Text that may stand in a table's cell."""
    return text.replace("|", "\\|").replace("<", "&lt;")


def schema_file() -> str:
    """The JSON Schema as it is committed."""
    return json.dumps(schema.schema(), indent=2, ensure_ascii=False) + "\n"


PAGES: dict[str, Callable[[], str]] = {
    "topology.md": topology_page,
    schema.FILE_NAME: schema_file,
    "verbs.md": verbs_page,
}


def write_all(folder: Path = FOLDER) -> None:
    """Write every page into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (folder / name).write_text(page(), encoding="utf-8")


def dashboard_files() -> dict[str, str]:
    """Every dashboard as Grafana's JSON, by the name of its file."""
    return {f"{each.name}.json": json.dumps(to_json(each), indent=1) + "\n" for each in DASHBOARDS}


def write_dashboards(folder: Path = DASHBOARD_FOLDER) -> None:
    """Write every dashboard into `folder`, and take away those there are no more."""
    folder.mkdir(parents=True, exist_ok=True)
    known = dashboard_files()
    for path in folder.glob("*.json"):
        if path.name not in known:
            path.unlink()
    for name, text in known.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write_all()
    write_dashboards()
