"""The documentation: its links lead somewhere, its commands exist, its examples are valid."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from cluster_cli.collect import Outcome
from cluster_cli.errors import Exit
from cluster_cli.inventory import render
from cluster_cli.main import VERBS, cluster
from cluster_cli.reference_verbs import verbs_page
from cluster_cli.render.connection import Access
from cluster_cli.status.gather import describe
from cluster_cli.status.questions import questions
from cluster_cli.topology.load import parse

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TOP = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES = [*TOP, *sorted(DOCS.rglob("*.md"))]
OTHERS = [*sorted(ROOT.glob("inventories/*/README.md")), *sorted(ROOT.glob("roles/*/README.md"))]
ALL = [*PAGES, *OTHERS]

FENCE = re.compile(r"^ *```(\w*)\n(.*?)^ *```", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
CALL = re.compile(r"(?:^|[\s`($])cluster ((?:--debug )?(?:-h|--[a-z]+|[a-z]+)\b.*)")
SHELL_ENDS = {"|", "||", "&&", ";", "&", ">", "2>", "#", "--", "<"}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def blocks(path: Path, *languages: str) -> Iterator[str]:
    """The fenced blocks of a page in these languages; all when none is given."""
    for language, text in FENCE.findall(path.read_text(encoding="utf-8")):
        if not languages or language in languages:
            yield text


def prose(path: Path) -> str:
    """A page without its fenced blocks."""
    return FENCE.sub("", path.read_text(encoding="utf-8"))


def slug(heading: str) -> str:
    """The anchor a forge gives to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def links(path: Path) -> Iterator[tuple[Path, str]]:
    """The relative links of a page: the file each means, and the anchor in it."""
    for target in LINK.findall(INLINE.sub("", prose(path))):
        if "://" not in target and not target.startswith("mailto:"):
            file, _, anchor = target.partition("#")
            yield ((path.parent / file).resolve() if file else path), anchor


def calls(path: Path, *, shell_only: bool = False) -> Iterator[str]:
    """What follows the word cluster wherever the page shows a command."""
    for block in blocks(path, *(["sh"] if shell_only else [])):
        for line in block.replace("\\\n", " ").splitlines():
            yield from CALL.findall(line)
    if not shell_only:
        spans = (span for span in INLINE.findall(prose(path)) if span.startswith("cluster "))
        yield from (span.removeprefix("cluster ") for span in spans)


def words_of(call: str) -> list[str]:
    """The words of one command, up to where the shell goes on with another, or the node's own begin."""
    try:
        words = shlex.split(call, comments=False)
    except ValueError:  # a sentence with an apostrophe
        words = call.split()
    found = []
    for word in words:
        if word in SHELL_ENDS or word.startswith(("#", ">", "|")):
            break
        found.append(word.rstrip(";)`,:."))
        if word.endswith((";", ")")):
            break
    return found


def complaints(call: str) -> Iterator[str]:
    """What the command line would not understand of one command."""
    words = [word for word in words_of(call) if word != "--debug"]
    verb = words[0] if words else ""
    context = click.Context(cluster, info_name="cluster")
    command = cluster if verb.startswith("-") else cluster.get_command(context, verb)
    if command is None:
        yield f"there is no verb {verb}"
        return
    if isinstance(command, click.Group) and words[1:] and words[1] in command.commands:
        command, words = command.commands[words[1]], words[1:]
    known = {option: each for each in command.get_params(context) for option in (*each.opts, *each.secondary_opts)}
    for i, word in enumerate(words):
        option, _, value = word.partition("=")
        if not re.fullmatch(r"--?[a-z][a-z-]*", option):
            continue
        if option not in known:
            yield f"{verb} has no option {option}"
            continue
        choice = known[option].type
        value = value or (words[i + 1] if i + 1 < len(words) else "")
        if isinstance(choice, click.Choice) and value.islower() and value not in choice.choices:
            yield f"{verb} {option} does not take {value}"


@pytest.mark.parametrize("path", ALL, ids=name)
def test_links_lead_somewhere(path: Path) -> None:
    for target, anchor in links(path):
        assert target.exists(), f"{name(path)} links to {target}, which is not there"
        if anchor and target.suffix == ".md":
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(slug, headings), f"{name(path)} links to #{anchor} of {name(target)}"


@pytest.mark.parametrize("path", ALL, ids=name)
def test_commands_exist(path: Path) -> None:
    wrong = [f"cluster {call}: {text}" for call in calls(path) if known(call) for text in complaints(call)]
    wrong += [f"cluster {call}: {text}" for call in calls(path, shell_only=True) for text in complaints(call)]
    assert wrong == []


def known(call: str) -> bool:
    """Whether a text outside of shell blocks is a command at all, and not a sentence of our output."""
    return call.split()[0] in VERBS


def test_the_checks_above_can_fail() -> None:
    assert list(complaints("upp shop")) == ["there is no verb upp"]
    assert list(complaints("up shop --fast")) == ["up has no option --fast"]
    assert list(complaints("up shop --only wep -n web1")) == ["up --only does not take wep"]
    assert list(complaints("exec -n web1 -- ls -l --all | sort")) == []
    assert list(complaints("status shop -o json | jq --arg")) == []


@pytest.mark.parametrize("path", [path for path in ALL if any(blocks(path, "yaml"))], ids=name)
def test_topologies_shown_are_valid(path: Path) -> None:
    for block in blocks(path, "yaml"):
        shown = yaml.safe_load(block)
        if isinstance(shown, dict) and {"name", "nodes"} <= shown.keys():
            assert parse(block, path).name == shown["name"]


def test_make_targets_exist() -> None:
    targets = set(re.findall(r"^([a-z0-9]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for path in ALL:
        code = [*blocks(path, "sh"), *INLINE.findall(prose(path))]
        asked = {word for text in code for word in re.findall(r"(?:^|\s)make ([a-z0-9]+)\b", text)}
        assert asked <= targets, f"{name(path)}: make {asked - targets}"


def test_verbs_page_is_fresh() -> None:
    page = (DOCS / "reference" / "verbs.md").read_text(encoding="utf-8")
    assert page == verbs_page(), "run: make docs"


def test_every_verb_and_option_is_on_the_verbs_page() -> None:
    page = verbs_page()
    context = click.Context(cluster, info_name="cluster")
    for verb in VERBS:
        command = cluster.get_command(context, verb)
        assert command
        assert f"\n## {verb}\n" in page
        for option in (each for each in command.params if isinstance(each, click.Option)):
            assert option.opts[-1] in page


def test_every_page_is_found_from_the_readme() -> None:
    found, ahead = set(), [ROOT / "README.md"]
    while ahead:
        page = ahead.pop()
        if page.suffix == ".md" and page not in found and page.is_file():
            found.add(page)
            ahead += [target for target, _ in links(page)]
    assert [name(path) for path in PAGES if path not in found] == []


def test_nothing_of_our_machines_is_shown() -> None:
    for path in PAGES:
        assert not re.findall(r"/root/|/work/|/tmp/", path.read_text(encoding="utf-8")), name(path)
    for path in DOCS.rglob("*.svg"):
        assert not re.findall(r"url\(.?http|/root/|/work/", path.read_text(encoding="utf-8")), name(path)


def test_every_exit_code_is_explained() -> None:
    page = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    for code in Exit:
        assert f"| {int(code)} | {code.name.lower().replace('_', ' ')} |" in page


def test_every_field_of_status_is_explained() -> None:
    page = (DOCS / "reference" / "status.md").read_text(encoding="utf-8")
    topology = parse((ROOT / "inventories/lab/topology.yml").read_text(encoding="utf-8"))
    inventory = render(topology, Access("/t", "/s", "/k", "/r", "/l"))
    answer = {"system": Outcome(0, "0.1\n5.0\n7%\n", "")}
    found = {h.name: {key: Outcome(0, "", "") for key in questions(topology, h)} | answer for h in inventory.hosts}
    for path in fields(describe(topology, inventory, found)):
        assert re.search(rf"[`.]{re.escape(path)}`", page), f"{path} is not explained"


def fields(document: object) -> Iterator[str]:
    """The keys of a document that are names of ours, and not those of nodes, addresses or units."""
    if isinstance(document, dict):
        for key, value in document.items():
            if not isinstance(value, dict) and not re.fullmatch(r"(lb|web|ops)\d|edge|shop|[\d.]+", key):
                yield key
            yield from fields(value)


def test_every_decision_is_in_the_index() -> None:
    index = (DOCS / "adr" / "README.md").read_text(encoding="utf-8")
    numbers = []
    for path in sorted((DOCS / "adr").glob("0*.md")):
        numbers.append(int(path.name[:4]))
        title = path.read_text(encoding="utf-8").splitlines()[0]
        assert title.startswith(f"# {path.name[:4]} "), path.name
        assert f"({path.name})" in index, path.name
    assert numbers == list(range(1, len(numbers) + 1))
