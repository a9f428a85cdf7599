"""The JSON Schema of the topology, from the same models that check it: completion and hover for editors."""

from typing import Any

from cluster_cli.topology.fields import duration_text
from cluster_cli.topology.model import Topology

FILE_NAME = "topology.schema.json"
HEADER = f"# yaml-language-server: $schema={FILE_NAME}"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> dict[str, Any]:
    """The schema (draft 2020-12) of a topology file. It knows each field, not the rules across fields."""
    found = Topology.model_json_schema()
    for model in (found, *found["$defs"].values()):
        for name, field in model.get("properties", {}).items():
            field["title"] = name
            tidy(field)
            if "description" not in field:  # pydantic leaves it out where it is that of the model
                field["description"] = found["$defs"][field["$ref"].rpartition("/")[2]]["description"]
    return {"$schema": DIALECT, **found, "title": "Topology of a cluster"}


def tidy(field: dict[str, Any]) -> None:
    """Durations as text, no default where it is only "nothing" or "empty", no keys of another form."""
    if "patternProperties" in field:
        field["additionalProperties"] = False
    if "default" not in field:
        return
    if field["default"] in (None, [], {}):
        del field["default"]
    elif field.get("type") == "string" and isinstance(field["default"], int):
        field["default"] = duration_text(field["default"])
