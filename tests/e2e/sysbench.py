"""sysbench against a database's address: a client none of us wrote, run on a node."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .conftest import Stack

FOLDER = "/root/sysbench"  # it takes its certificates from the directory it stands in, by fixed names
CERTIFICATES = "/etc/cluster/certificates"
SECOND = re.compile(r"^([\d.]+) \[ \d+s \] .*? tps: ([\d.]+)", re.MULTILINE)
# sysbench ends when it loses its connection, so it is begun again, as a service would be; each line with its time.
LOOP = """cd {folder}; rm -f over; end=$((SECONDS + {seconds}))
while [ $SECONDS -lt $end ] && [ ! -e over ]; do
  {sysbench} --time=$((end - SECONDS)) run; sleep 0.2
done 2>&1 | while read -r line; do echo "$(date +%s.%N) $line"; done"""


@dataclass(frozen=True)
class Target:
    """What it runs against, and where.

    node: it runs there; holder: a node of the database, whose certificate it shows: any of the cluster's would do.
    """

    stack: Stack
    node: str
    holder: str
    database: str
    address: str
    port: int
    password: str

    def words(self) -> str:
        """The command without its verb."""
        return (
            f"sysbench oltp_read_write --db-driver=mysql --mysql-host={self.address} --mysql-port={self.port} "
            f"--mysql-user=shop --mysql-password={self.password} --mysql-db=shop --mysql-ssl=on --tables=2 "
            "--table-size=1000 --threads=4 --report-interval=1"
        )


@dataclass
class Bench:
    """A run under way.

    seconds: once it has ended, the transactions of each second from `began` (since 1970) on.
    """

    target: Target
    process: subprocess.Popen[str]
    seconds: dict[int, float]
    began: float = 0.0

    def stop(self) -> None:
        """End it before its time."""
        self.target.stack.on(self.target.node, f"touch {FOLDER}/over; pkill -x sysbench || true")

    def wait(self, limit: float) -> None:
        """Wait until it ends by itself."""
        said, _ = self.process.communicate(timeout=limit)
        found = [(float(moment), float(tps)) for moment, tps in SECOND.findall(said)]
        assert found, said[-2000:]
        self.began = found[0][0]
        for moment, tps in found:
            self.seconds[int(moment - self.began)] = tps

    def between(self, begin: float, end: float) -> list[float]:
        """The transactions of each second that lies whole between two moments (since 1970)."""
        return [tps for second, tps in self.seconds.items() if begin <= self.began + second - 1 < end - 1]


def install(target: Target) -> None:
    """Have sysbench and its tables."""
    stack, folder = target.stack, f"{CERTIFICATES}/database-{target.database}"
    stack.on(target.node, "command -v sysbench || { apt-get update -q; apt-get install -qy sysbench; }", 180)
    for source, name in (
        (f"{folder}/key.pem", "client-key.pem"),
        (f"{folder}/cert.pem", "client-cert.pem"),
        (f"{CERTIFICATES}/ca.pem", "cacert.pem"),
    ):
        text = stack.on(target.holder, f"cat {source}")
        kept = f"mkdir -p {FOLDER}; umask 077; cat > {FOLDER}/{name}"
        stack.lab.exec(target.node, ["sh", "-c", kept], stdin=text)
    stack.on(target.node, f"cd {FOLDER} && {target.words()} prepare", 120)


@contextmanager
def running(target: Target, seconds: int) -> Iterator[Bench]:
    """Four threads of transactions for some seconds; ended with the block at the latest."""
    command = LOOP.format(folder=FOLDER, seconds=seconds, sysbench=target.words())
    lab = target.stack.lab
    argv = lab.engine.argv(
        "exec", f"{lab.name}-{target.node}", "timeout", str(seconds + 60), "bash", "-c", command
    )
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        bench = Bench(target, process, {})
        try:
            yield bench
        finally:
            bench.stop()
            process.kill()
