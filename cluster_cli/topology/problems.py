"""One problem of a topology, and pydantic's errors in plain words."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pydantic_core import ErrorDetails

from cluster_cli.topology.fields import shown

Path = tuple[str | int, ...]

KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_parsing_size": "a whole number",
    "int_from_float": "a whole number",
    "finite_number": "a whole number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list, as in [a, b]",
    "dict_type": "a map of keys",
    "model_type": "a map of keys",
    "model_attributes_type": "a map of keys",
}
ADDRESSES = {
    "ip_v4_address": "is not an IPv4 address (four numbers up to 255, such as 10.0.0.11)",
    "ip_v4_interface": "is not an IPv4 address with its prefix (such as 192.0.2.5/24)",
    "ip_v4_network": "is not an IPv4 network (its first address and a prefix, such as 10.0.0.0/24)",
}
LIMITS = {"ge": "at least", "gt": "more than", "le": "at most", "lt": "less than"}


@dataclass(frozen=True)
class Problem:
    """What is wrong at a path of the topology, and what to do about it."""

    path: Path
    message: str
    hint: str = ""

    def __str__(self) -> str:
        """As `path: message (hint)`."""
        dotted = ".".join(label(step) for step in self.path)
        return (f"{dotted}: " if dotted else "") + self.message + (f" ({self.hint})" if self.hint else "")


def label(step: str | int) -> str:
    """One step of a path as it may stand in a message."""
    text = str(step)
    return text if text.isprintable() and 0 < len(text) <= 40 else shown(text)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The hint for a word nobody knows: the nearest known one, or all of them when they are few."""
    choices = [str(choice) for choice in known]
    near = difflib.get_close_matches(word[:80], choices, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    few = ", ".join(sorted(choices)[:12]) + (", ..." if len(choices) > 12 else "")
    return f"known here: {few}" if choices else ""


def explain(detail: ErrorDetails, path: Path, known: Iterable[str]) -> Problem:
    """One pydantic error as a Problem. path: where it stands; known: the keys allowed there."""
    kind, value = detail["type"], detail.get("input")
    context: dict[str, Any] = detail.get("ctx", {})
    if kind == "extra_forbidden":
        return Problem(path, "unknown key", did_you_mean(str(path[-1]), known))
    if kind == "missing":
        return Problem(path, "is required but missing", "add it")
    if kind in KINDS:
        return Problem(path, f"must be {KINDS[kind]}, not {shown(value)}", remedy(kind, value))
    if kind in ADDRESSES:
        return Problem(path, f"{shown(value)} {ADDRESSES[kind]}")
    if kind == "literal_error":
        choices = str(context["expected"]).replace(" or ", ", ").replace("'", "").split(", ")
        near = did_you_mean(str(value), choices)
        hint = near if near.startswith("did you") else ""
        return Problem(path, f"{shown(value)} is not one of {', '.join(choices)}", hint)
    if kind == "too_short":
        return Problem(path, "must not be empty", "name at least one")
    if kind == "too_long":
        return Problem(
            path, f"has too many entries: {context['actual_length']}", f"at most {context['max_length']}"
        )
    if kind == "value_error":
        return Problem(path, str(context["error"]))
    limit = next((f"{word} {context[key]}" for key, word in LIMITS.items() if key in context), "something else")
    return Problem(path, f"must be {limit}, not {shown(value)}")


def remedy(kind: str, value: Any) -> str:
    """How to write what was meant, where that is plain to see."""
    if kind == "tuple_type" and isinstance(value, str) and value.isprintable():
        return f"write [{label(value)}]"
    if kind == "tuple_type" and isinstance(value, dict):
        return "begin each entry with a dash"
    if kind == "string_type" and isinstance(value, int | float):
        return "quote it to make it text"
    if kind == "int_type" and isinstance(value, str) and value.strip().isdecimal():
        return "remove the quotes"
    if KINDS[kind] == "a map of keys" and value is None:
        return "write {} when there is nothing to set, or remove it"
    if KINDS[kind] == "a map of keys":
        return "write key: value, one a line"
    return ""
