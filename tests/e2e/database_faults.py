"""What is done to a database while clients write, whatever its mode: each function is a fault and its end."""

import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from .command import cluster, wait_for
from .data_tier import SEED, Database
from .ledger import Ledger

AWAY_SECONDS = 20
BACK_SECONDS = 60
CATCH_UP_SECONDS = 180  # of a node that returns while the others are written to, maybe by a heavy batch
GOES_ON_SECONDS = 60
AT_ONCE, DRAWN = "at once", "in an order drawn from the seed"
WRITERS_TURN = ("the writer first", "the writer last")
ORDERS = (AT_ONCE, *WRITERS_TURN, DRAWN)
BETWEEN_SECONDS = 8  # two nodes that are powered on one after the other
# The data directory may be a mount point, so it is copied, not moved. One of its own has lost+found.
MOVE = (
    "systemctl stop {unit}; cp -a /var/lib/mysql /var/lib/mysql.big; "
    "mount -t tmpfs -o size=$(( $(du -sm /var/lib/mysql | cut -f1) + 512 ))m none /var/lib/mysql; "
    "chown mysql: /var/lib/mysql; "
    "mkdir -m 700 /var/lib/mysql/lost+found; "
    "cp -a /var/lib/mysql.big/. /var/lib/mysql/; systemctl start {unit}; {look}"
)
MOVE_BACK = (
    "rm -rf /var/lib/mysql/filler /var/lib/mysql/lost+found /var/lib/mysql.big; systemctl stop {unit}; "
    "cp -a /var/lib/mysql /var/lib/mysql.big; umount /var/lib/mysql; "
    "find /var/lib/mysql -mindepth 1 -delete; cp -a /var/lib/mysql.big/. /var/lib/mysql/; "
    "rm -rf /var/lib/mysql.big; systemctl start {unit}; {look}"
)
LOOK = "systemctl try-restart 'cluster-doorbell*' 'cluster-room*'"  # a unit sees the mounts of when it began
Fault = Callable[[Ledger], object]
CUT = "nft add table inet drill; nft 'add chain inet drill {0} {{ type filter hook {0} priority -300; }}'; "
DROP = "nft add rule inet drill {0} ip {1} '{{ {2} }}' drop"
MEND = "nft delete table inet drill"


def goes_on(database: Database, ledger: Ledger) -> None:
    """Wait until writes are acknowledged again, well past those under way; an operator may have to act.

    He is refused while the primary does not yet show that anything is wrong with it.
    """
    if not database.mode.elects:
        folder, name = database.stack.folder, database.mode.database
        database.insist("failover", name, "--yes", "-C", folder, seconds=GOES_ON_SECONDS)
    ledger.wait_for(200, GOES_ON_SECONDS)


def comes_back(database: Database, node: str) -> float:
    """Wait until a node takes part again; an operator may have to act. Returns the seconds it took."""
    began = time.monotonic()
    if not database.mode.elects:
        wait_for(f"{node} to be taken back", lambda: rejoined(database, node), CATCH_UP_SECONDS, every=1)
    wait_for(f"{node} to be back", lambda: database.fit(node), CATCH_UP_SECONDS, every=0.5)
    return time.monotonic() - began


def rejoined(database: Database, node: str) -> bool:
    """Whether a node follows the primary, as an operator has it: a failover stopped its server.

    Asked for in any case: a primary the others have left still lets read who wants to.
    """
    done = cluster("rejoin", node, "--yes", "-C", database.stack.folder, timeout=600)
    return done.code == 0 or "already" in done.err


def node_killed(database: Database, back: list[float]) -> Fault:
    """The power of the writer's node is cut, and given back once another one took over. back: seconds it took."""

    def fault(ledger: Ledger) -> None:
        writer = database.writer()
        database.stack.lab.kill(writer)
        goes_on(database, ledger)
        assert database.writer() != writer
        database.stack.lab.start(writer)
        back.append(comes_back(database, writer))

    return fault


def server_killed(database: Database) -> Fault:
    """The writer's server is killed; systemd starts it again, and where nobody is elected `up` lets it go on."""

    def fault(ledger: Ledger) -> None:
        writer = database.writer()
        database.stack.on(writer, "kill -KILL $(pidof mariadbd mysqld)")
        if not database.mode.elects:
            wait_for("the server to answer", lambda: database.asked(writer, "SELECT 1"), BACK_SECONDS, every=0.5)
            done = cluster("up", database.stack.folder, "--only", "database", timeout=600)
            assert done.code == 0, done
        ledger.wait_for(200, GOES_ON_SECONDS)

    return fault


def powered_on(database: Database, order: str, writer: str, lost: str) -> None:
    """Power the nodes on again after all were lost, in one of ORDERS, but for one that is lost for good."""
    nodes = [node for node in database.nodes if node != lost]
    if order == AT_ONCE:
        with ThreadPoolExecutor() as pool:  # each may wait at its boot for the others
            list(pool.map(database.stack.lab.start, reversed(nodes)))
        return
    random.Random(f"{SEED} {database.mode.name} {lost}").shuffle(nodes)
    if order in WRITERS_TURN:
        nodes.sort(key=lambda node: (node == writer) != (order == WRITERS_TURN[0]))
    print(f"back one after the other: {', '.join(nodes)}")
    for node in nodes:
        database.stack.lab.start(node)
        time.sleep(BETWEEN_SECONDS)


def frozen(database: Database) -> Fault:
    """The writer's server stands still, and goes on as if nothing had been."""

    def fault(ledger: Ledger) -> None:
        writer = database.writer()
        database.stack.on(writer, "kill -STOP $(pidof mariadbd mysqld)")
        try:
            goes_on(database, ledger)
            ledger.run(AWAY_SECONDS)
        finally:
            database.stack.on(writer, "kill -CONT $(pidof mariadbd mysqld) || true")
        comes_back(database, writer)

    return fault


def cut_off(database: Database) -> Fault:
    """The writer's link is cut, and healed."""

    def fault(ledger: Ledger) -> None:
        writer = database.writer()
        database.stack.lab.link(writer, up=False)
        try:
            goes_on(database, ledger)
            ledger.run(AWAY_SECONDS)
        finally:
            database.stack.lab.link(writer, up=True)
        comes_back(database, writer)

    return fault


def deaf(database: Database, hook: str) -> Fault:
    """The writer hears nothing of the other nodes (hook `input`), or they nothing of it (`output`); healed later.

    Its clients still reach it.
    """

    def fault(ledger: Ledger) -> None:
        writer = database.writer()
        hosts = database.stack.workspace.inventory
        others = ", ".join(hosts.host(node).address for node in database.others(writer))
        side = "saddr" if hook == "input" else "daddr"
        database.stack.on(writer, CUT.format(hook) + DROP.format(hook, side, others))
        try:
            goes_on(database, ledger)
            ledger.run(AWAY_SECONDS)
        finally:
            database.stack.on(writer, MEND)
        comes_back(database, writer)

    return fault


def two_in_a_row(database: Database) -> Fault:
    """The node that took over is killed as well; where a majority decides, before the first one is back."""

    def fault(ledger: Ledger) -> None:
        first = database.writer()
        database.stack.lab.kill(first)
        goes_on(database, ledger)
        if not database.mode.elects:
            database.stack.lab.start(first)
            comes_back(database, first)
        second = database.writer()
        database.stack.lab.kill(second)
        if database.mode.elects:
            ledger.run(5)
            database.stack.lab.start(first)
        else:
            goes_on(database, ledger)
        database.stack.lab.start(second)
        if database.mode.elects and not database.mode.begins:
            database.insist("recover", database.mode.database, "-C", database.stack.folder)
        ledger.wait_for(200, 2 * GOES_ON_SECONDS)
        comes_back(database, second)

    return fault


@contextmanager
def small_disk(database: Database) -> Iterator[str]:
    """A node with its data on a small disk, so that filling it harms nobody else; it takes the writes."""
    database.settle()
    before = database.writer()
    node, unit = database.others(before)[0], database.mode.unit
    try:
        database.stack.on(node, MOVE.format(unit=unit, look=LOOK), 120)
        database.settle()
        database.verb("switchover", "--to", node)
        yield node
        if not database.mode.elects and database.writer() == node:
            database.verb("switchover", "--to", before)  # or nobody takes writes when its server starts again
    finally:
        database.stack.on(node, MOVE_BACK.format(unit=unit, look=LOOK), 120)
    comes_back(database, node)


def disk_full(database: Database, node: str) -> Fault:
    """The small disk of the writer is filled by somebody, and emptied later."""

    def fault(ledger: Ledger) -> None:
        assert database.writer() == node
        database.stack.on(node, "head -c 4G /dev/zero > /var/lib/mysql/filler 2>/dev/null || true")
        if database.mode.elects:
            goes_on(database, ledger)
        ledger.run(AWAY_SECONDS)
        database.stack.on(node, "rm -f /var/lib/mysql/filler")

    return fault


def old_data(database: Database) -> Fault:
    """A node that is not the writer comes back with the data it had some time ago."""

    def fault(ledger: Ledger) -> None:
        node, unit = database.others(database.writer())[0], database.mode.unit
        keep = f"systemctl stop {unit}; cp -a /var/lib/mysql /var/lib/mysql.old; systemctl start {unit}"
        database.stack.on(node, keep, 120)
        wait_for(f"{node} to be back", lambda: database.fit(node), BACK_SECONDS, every=0.5)
        ledger.wait_for(2000, GOES_ON_SECONDS)
        back = "find /var/lib/mysql -mindepth 1 -delete; cp -a /var/lib/mysql.old/. /var/lib/mysql/"
        done = "rm -rf /var/lib/mysql.old"
        database.stack.on(node, f"systemctl kill -s KILL {unit}; systemctl stop {unit}; {back}; {done}", 120)
        database.stack.on(node, f"systemctl reset-failed {unit}; systemctl start --no-block {unit}")
        comes_back(database, node)
        ledger.wait_for(200, GOES_ON_SECONDS)

    return fault
