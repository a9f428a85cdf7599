"""sysbench against a database's address: a client none of us wrote, run on a balancer's node."""

import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from .data_tier import Database

FOLDER = "/root/sysbench"  # it takes its certificates from the directory it stands in, by fixed names
CERTIFICATES = "/etc/cluster/certificates"
SECOND = re.compile(r"^([\d.]+) \[ \d+s \] .*? tps: ([\d.]+)", re.MULTILINE)
# sysbench ends when it loses its connection, so it is begun again, as a service would be; each line with its time.
LOOP = """cd {folder}; end=$((SECONDS + {seconds}))
while [ $SECONDS -lt $end ]; do
  {sysbench} --time=$((end - SECONDS)) run; sleep 0.2
done 2>&1 | while read -r line; do echo "$(date +%s.%N) $line"; done"""


@dataclass
class Bench:
    """A run under way. Each second's transactions, from its begin on, are in `seconds` once it has ended."""

    process: subprocess.Popen[str]
    seconds: dict[int, float]

    def wait(self, limit: float) -> None:
        """Wait until it ends by itself."""
        said, _ = self.process.communicate(timeout=limit)
        found = [(float(moment), float(tps)) for moment, tps in SECOND.findall(said)]
        assert found, said[-2000:]
        for moment, tps in found:
            self.seconds[int(moment - found[0][0])] = tps


def install(database: Database, node: str) -> None:
    """Have sysbench and its tables. Its certificate is that of a database node: any of the cluster's would do."""
    lab = database.stack.lab
    database.stack.on(node, "command -v sysbench || { apt-get update -q; apt-get install -qy sysbench; }", 180)
    holder = database.nodes[0]
    for source, target in (
        (f"{CERTIFICATES}/database-{database.mode.database}/key.pem", "client-key.pem"),
        (f"{CERTIFICATES}/database-{database.mode.database}/cert.pem", "client-cert.pem"),
        (f"{CERTIFICATES}/ca.pem", "cacert.pem"),
    ):
        text = database.stack.on(holder, f"cat {source}")
        lab.exec(node, ["sh", "-c", f"mkdir -p {FOLDER}; umask 077; cat > {FOLDER}/{target}"], stdin=text)
    database.stack.on(node, f"cd {FOLDER} && {words(database)} prepare", 120)


def words(database: Database) -> str:
    """The command without its verb."""
    return (
        f"sysbench oltp_read_write --db-driver=mysql --mysql-host={database.address} --mysql-port={database.port} "
        f"--mysql-user=shop --mysql-password={database.password} --mysql-db=shop --mysql-ssl=on --tables=2 "
        "--table-size=1000 --threads=4 --report-interval=1"
    )


@contextmanager
def running(database: Database, node: str, seconds: int) -> Iterator[Bench]:
    """Four threads of transactions for some seconds; ended with the block at the latest."""
    command = LOOP.format(folder=FOLDER, seconds=seconds, sysbench=words(database))
    container = f"{database.stack.lab.name}-{node}"
    argv = database.stack.lab.engine.argv("exec", container, "timeout", str(seconds + 60), "bash", "-c", command)
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        try:
            yield Bench(process, {})
        finally:
            process.kill()
