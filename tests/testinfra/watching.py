"""How programs that tell metrics are asked: with the node's certificate, and by somebody who has none."""

# Usage: ... PROGRAM ADDRESS PORT PATH ...: prints what a stranger meets, then the page of each path.
ASKING = """
import ssl, sys, urllib.request
AUTHORITY, FOLDER = "/etc/cluster/certificates/ca.pem", "/etc/cluster/certificates/monitoring"
def get(path, shown):
    context = ssl.create_default_context(cafile=AUTHORITY)
    if shown:
        context.load_cert_chain(FOLDER + "/cert.pem", FOLDER + "/key.pem")
    handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
    url = f"https://{sys.argv[1]}:{sys.argv[2]}{path}"
    return urllib.request.build_opener(*handlers).open(url, timeout=20).read().decode()
try:
    get("/metrics", False)
    print("answered")
except OSError as error:
    print("silent" if isinstance(getattr(error, "reason", error), TimeoutError) else "refused")
for path in sys.argv[3:]:
    print(get(path, True))
"""


def ask(prefix: str, *paths: str):  # noqa: ANN201
    """A function for COLLECT: the command by which the node asks its own program at the address others use."""

    def command(node) -> str:  # noqa: ANN001
        words = [node.vars[f"{prefix}_address"], str(node.vars[f"{prefix}_port"]), *paths]
        quoted = " ".join(f"'{word}'" for word in words)
        return f"python3 -I -c '{ASKING}' {quoted}"

    return command


def stranger(outcome) -> str:  # noqa: ANN001
    """What somebody without a certificate met: answered, refused, or silent when nothing came in time."""
    return outcome.stdout.split("\n", 1)[0]


def pages(outcome) -> list[str]:  # noqa: ANN001
    """The lines of what was told to who has one."""
    assert outcome.rc == 0, outcome.stderr[-1000:]
    return outcome.stdout.split("\n")[1:]


def values(outcome, metric: str) -> dict[str, float]:  # noqa: ANN001
    """A metric by its labels, as they are written."""
    rows = (row.rsplit(" ", 1) for row in pages(outcome) if row.startswith(metric))
    return {
        labels.removeprefix(metric): float(value) for labels, value in rows if labels[len(metric) :][:1] in "{"
    }
