"""Colour for the terminal, unless NO_COLOR asks for none (no-color.org)."""

import os
from typing import Any

import click


def paint(text: str, **style: Any) -> str:
    """The text in a style of click.style; as it is when NO_COLOR is set. Pipes get no codes from click.echo."""
    return text if os.environ.get("NO_COLOR") else click.style(text, **style)
