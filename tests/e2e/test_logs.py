"""Logs: every line reaches every receiver, whatever happens to receivers, senders and disks meanwhile."""

import json
import re
import threading
import time
from collections.abc import Iterator

import pytest

from .command import cluster, start, wait_for
from .conftest import Stack, running
from .data_tier import DRILL, only_in_drills

TOPOLOGY = """\
name: e2e-logs
provider: podman
network: {subnet: 10.89.88.0/24}
nodes: {a: {}, b: {}, c: {}}
web: {shop: {nodes: [c]}}
logs: {nodes: [a, b], queue: 64m}
"""
AWAY = 60 if DRILL else 20  # seconds a receiver is stopped
A_SECOND = 200  # numbered lines
ARRIVE = 90  # seconds
# Logs numbered lines: MARK, how many, how many a second. It runs as a unit, so that its service has a name.
# They have several lengths: a shorter one that is written over a longer one, after a kill, leaves a rest of it.
STREAM = """
import sys, time
mark, many, rate = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
began = time.monotonic()
for number in range(1, many + 1):
    print(mark, number, number * 37 % 200 * ".", flush=True)
    time.sleep(max(0.0, began + number / rate - time.monotonic()))
"""


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two receivers, and a web server besides."""
    with running(tmp_path_factory.mktemp("logs"), TOPOLOGY) as found:
        yield found


def stream(lab: Stack, mark: str, many: int, rate: float = A_SECOND) -> None:
    """Have numbered lines logged on c, by a unit that ends when all are."""
    words = f"systemd-run --quiet --collect --unit numbers python3 -c '{STREAM}' {mark} {many} {rate}"
    lab.on("c", words)


def streaming(lab: Stack) -> bool:
    return lab.on("c", "systemctl is-active numbers || true").strip() in ("active", "activating")


def kept(lab: Stack, receiver: str, mark: str) -> set[int]:
    """The numbers a receiver has."""
    text = lab.on(
        receiver, f"cat /var/log/cluster/logs/c/numbers.log* 2>/dev/null | grep -o '{mark} [0-9]*' || true"
    )
    return {int(line.split()[1]) for line in text.splitlines()}


def all_arrive(lab: Stack, receiver: str, mark: str, many: int, but: int = 0) -> set[int]:
    """Wait until a receiver has every line, but so many; returns those that it lacks."""
    wanted = set(range(1, many + 1))

    def missing() -> set[int]:
        return wanted - kept(lab, receiver, mark)

    began = time.monotonic()
    while lost := missing():
        some = sorted(lost)[:5]
        if len(lost) <= but and time.monotonic() - began > ARRIVE / 3:
            break
        assert time.monotonic() - began < ARRIVE, f"{receiver} lacks {len(lost)} of {many} lines, such as {some}"
        time.sleep(1)
    return lost


def test_no_line_is_lost_while_receivers_and_senders_fail(lab: Stack) -> None:
    """The sender is killed; then one receiver is stopped for a while, and the other one killed meanwhile."""
    mark, many = f"mark{time.time_ns()}", A_SECOND * (AWAY + 20)
    stream(lab, mark, many)
    wait_for("the first lines", lambda: kept(lab, "a", mark), 20)
    lab.on("c", "systemctl kill --signal=KILL cluster-log-sender")
    before = max(kept(lab, "a", mark))
    wait_for("lines of the next sender", lambda: max(kept(lab, "a", mark)) > before + A_SECOND, 30, every=0.5)
    lab.on("a", "systemctl stop cluster-log-receiver")
    stopped = time.monotonic()
    lab.on("b", "pkill -KILL -x -u cluster-log-receiver rsyslogd")

    def the_other_one_gives_them() -> bool:
        done = cluster("logs", "-C", lab.folder, "-s", "numbers", "-o", "json", "--since", "-1min")
        assert "# a gives no logs" in done.err, done
        return mark in done.out and "# b gives no logs" not in done.err

    wait_for("the other receiver", the_other_one_gives_them, 15, every=0.5)
    wait_for("the receiver to have been away", lambda: time.monotonic() - stopped > AWAY, AWAY + 5, every=0.5)
    assert max(kept(lab, "a", mark)) < many, "it was away for nothing"
    lab.on("a", "systemctl start cluster-log-receiver")
    wait_for("the last line", lambda: not streaming(lab), 60, every=0.5)
    for receiver in ("a", "b"):
        all_arrive(lab, receiver, mark, many)


KILLED = """for number in $(seq {0}); do {1}; sleep 2.$((RANDOM % 10)); done"""
KILLS = 24
COMES_AND_GOES = """for number in {1..9}; do
    systemctl stop cluster-log-receiver; sleep 4; systemctl start cluster-log-receiver; sleep 3
done"""


@only_in_drills
@pytest.mark.parametrize(
    ("node", "kill", "a_kill"),
    [
        ("c", "systemctl kill --signal=KILL cluster-log-sender", 0),
        # what a sender has on its way is acknowledged, or sent again; seldom neither (1 of 14,000 in 24 kills)
        ("b", "pkill -KILL -x -u cluster-log-receiver rsyslogd", 1),
    ],
    ids=["sender", "receiver"],
)
def test_many_kills(lab: Stack, node: str, kill: str, a_kill: int) -> None:
    """Whoever is killed all the time loses nothing of what it sends, or at most what is on its way to it."""
    mark, many = f"mark{time.time_ns()}", A_SECOND * 3 * KILLS
    stream(lab, mark, many)
    lab.on(node, f"bash -c '{KILLED.format(KILLS, kill)}'", 4 * KILLS)
    wait_for("the last line", lambda: not streaming(lab), 60, every=0.5)
    for receiver in ("a", "b"):
        lost = all_arrive(lab, receiver, mark, many, but=a_kill * KILLS if receiver == node else 0)
        print(f"{KILLS} kills on {node}: {receiver} lacks {len(lost)} of {many} lines")


@only_in_drills
def test_many_kills_of_a_sender_while_a_receiver_comes_and_goes(lab: Stack) -> None:
    """What is in a queue, and what was sent and not acknowledged, outlives a kill."""
    mark, many = f"mark{time.time_ns()}", A_SECOND * 3 * KILLS
    stream(lab, mark, many)
    lab.on("a", f"systemd-run --quiet --collect --unit comes-and-goes bash -c '{COMES_AND_GOES}'")
    lab.on("c", f"bash -c '{KILLED.format(KILLS, 'systemctl kill --signal=KILL cluster-log-sender')}'", 4 * KILLS)
    wait_for("the last line", lambda: not streaming(lab), 60, every=0.5)
    for receiver in ("a", "b"):
        all_arrive(lab, receiver, mark, many)


@only_in_drills
def test_a_full_disk_of_a_receiver_loses_nothing(lab: Stack) -> None:
    """A small disk for what it keeps, filled by somebody; the other receiver goes on."""
    mark, many = f"mark{time.time_ns()}", 3000
    lab.on("a", "systemctl stop cluster-log-receiver")
    lab.on("a", "mount -t tmpfs -o size=32m none /var/log/cluster && systemctl start cluster-log-receiver")
    try:
        lab.on("a", "dd if=/dev/zero of=/var/log/cluster/filler bs=1M count=31 status=none || true")
        problem = "a: cluster-log-receiver is full"
        wait_for("the status to say so", lambda: problem in lab.status()["problems"], 20, every=0.5)
        stream(lab, mark, many, 1000)
        all_arrive(lab, "b", mark, many)
        assert not kept(lab, "a", mark)
        lab.on("a", "rm /var/log/cluster/filler")
        all_arrive(lab, "a", mark, many)
    finally:
        lab.on(
            "a",
            "systemctl stop cluster-log-receiver; umount /var/log/cluster; systemctl start cluster-log-receiver",
        )
    lab.settle()


def test_logs_are_merged_and_chosen(lab: Stack) -> None:
    mark = f"mark{time.time_ns()}"
    for node in ("c", "a", "b"):
        lab.on(node, f"logger -p daemon.warning -t shop '{mark} of {node}'")
    lab.on("c", f"logger -p authpriv.notice -t sshd '{mark} secret'")

    def shown(*words: str) -> list[dict[str, str]]:
        done = cluster("logs", "-C", lab.folder, "-o", "json", *words)
        assert done.code == 0, done
        return [row for line in done.out.splitlines() if mark in (row := json.loads(line))["message"]]

    wait_for("all four", lambda: len(shown()) == 4, 20, every=0.5)
    rows = shown("--since", "-5min", "--until", "now")
    assert [row["node"] for row in rows] == ["c", "a", "b", "c"]
    assert [row["at"] for row in rows] == sorted(row["at"] for row in rows)
    assert (rows[0]["severity"], rows[0]["speaker"], rows[0]["uid"]) == ("warning", "shop", "0")
    assert [row["message"] for row in shown("--security")] == [f"{mark} secret"]
    assert [row["node"] for row in shown("-n", "a")] == ["a"]
    assert shown("-s", "no-such-unit") == []
    refused = cluster("logs", "-C", lab.folder, "--since", "soon")
    assert refused.code == 2, refused
    assert "is not a time" in refused.err


def test_rotated_files_are_shown_too(lab: Stack) -> None:
    mark = f"mark{time.time_ns()}"
    asked = ("logs", "-C", lab.folder, "-n", "c", "-s", "other")
    lab.on("c", f"logger -t shop '{mark} before'")
    wait_for("the first", lambda: f"{mark} before" in cluster(*asked).out, 20, every=0.5)
    lab.on("a", "logrotate --force --state /run/rotated /etc/logrotate.d/cluster-logs")
    lab.on("c", f"logger -t shop '{mark} after'")
    wait_for("the second", lambda: f"{mark} after" in cluster(*asked).out, 20, every=0.5)
    assert f"{mark} before" in cluster(*asked).out
    files = lab.on("a", f"grep -l {mark} /var/log/cluster/logs/c/*").split()
    assert len(files) == 2, files


def test_pages_that_were_asked_for_are_in_the_web_servers_log(lab: Stack) -> None:
    """What nginx writes to a file of its own comes as well; a killed sender does not send it all again."""
    mark, many, again = f"mark{time.time_ns()}", 50, 20
    get = (
        "import urllib.request as r\nfor n in range({}, {}):\n"
        f"  try: r.urlopen('http://127.0.0.1/{mark}/' + str(n) + '/')\n  except OSError: pass"
    )

    def came() -> list[str]:
        return re.findall(rf"{mark}/(\d+)/ HTTP/1.1\" \d", lab.on("a", "cat /var/log/cluster/logs/c/nginx.log"))

    lab.on("c", f'python3 -c "{get.format(0, many)}"')
    wait_for("the requests", lambda: len(came()) >= many, 20, every=0.5)
    lab.on("c", "systemctl kill --signal=KILL cluster-log-sender")
    lab.on("c", f'python3 -c "{get.format(many, many + 1)}"')
    wait_for("what was asked for then", lambda: str(many) in came(), 30, every=0.5)
    assert set(came()) == set(map(str, range(many + 1)))
    assert len(came()) <= many + 1 + again, came()
    assert mark in cluster("logs", "-C", lab.folder, "-s", "nginx", "-n", "c").out


def test_what_comes_is_followed(lab: Stack) -> None:
    early, late = (f"mark{time.time_ns()}-{when}" for when in ("early", "late"))
    lab.on("c", f"logger -t shop {early}")
    process = start("logs", "-C", lab.folder, "-f", "-n", "c", "-s", "other")
    end = threading.Timer(60, process.terminate)
    end.start()
    try:
        assert process.stdout
        assert any(early in line for line in process.stdout), "it shows the last ones first"
        lab.on("c", f"logger -t shop {late}")
        assert any(late in line for line in process.stdout), "and then what comes"
    finally:
        end.cancel()
        process.terminate()
        process.wait(10)


@only_in_drills
def test_a_renewed_certificate_is_used(lab: Stack) -> None:
    ask = f"import ssl; print(ssl.get_server_certificate(('{lab.workspace.host('a').address}', 2514)))"
    before = lab.on("c", f'python3 -c "{ask}"')
    done = cluster("certs", "renew", "-C", lab.folder, "--force")
    assert done.code == 0, done
    assert lab.on("c", f'python3 -c "{ask}"') != before
    mark = f"mark{time.time_ns()}"
    stream(lab, mark, 10)
    for receiver in ("a", "b"):
        all_arrive(lab, receiver, mark, 10)
