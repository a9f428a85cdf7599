"""The report of a run: one dict for scripts, one self-contained HTML page for colleagues."""

from cluster_cli.report.build import Endpoint, build, versions
from cluster_cli.report.html import to_html

__all__ = ["Endpoint", "build", "to_html", "versions"]
