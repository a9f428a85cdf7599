"""A node tells how it is to those who show a certificate of the cluster, and to nobody else."""

import sandbox
import watching

# What the program finds now: what it told may be of before something was put right.
FILES = 'import runpy; look = runpy.run_path("/usr/local/lib/cluster/metrics.py")["file_rows"]; '
COLLECT = {
    "files": f'python3 -I -c \'{FILES}print(*look("/var/lib/cluster/files.json"), sep="\\n")\'',
    "sandbox": sandbox.ask("prometheus-node-exporter"),
    "own sandbox": sandbox.ask("cluster-metrics"),
    "service": "systemctl is-active prometheus-node-exporter cluster-metrics; "
    "systemctl is-enabled prometheus-node-exporter cluster-metrics",
    "told": watching.ask("node_exporter", "/metrics"),
    "memory": "for unit in cluster-metrics prometheus-node-exporter; do "
    "cat /dev/null $(grep -l /$unit[.]service$ /proc/[0-9]*/cgroup 2>/dev/null | sed s/cgroup/smaps_rollup/) "
    "2>/dev/null | awk '/^Pss:/ {held += $2} END {print held + 0}'; done",
    "now": "date +%s",
}
MEGABYTES = 40


def test_they_run_and_start_at_boot(observed):
    assert observed["service"].stdout.split() == ["active"] * 2 + ["enabled"] * 2


def test_a_stranger_is_refused(observed):
    assert watching.stranger(observed["told"]) == "refused"


def test_it_tells_of_the_machine(observed):
    assert watching.values(observed["told"], "node_filesystem_avail_bytes")
    assert [row for row in watching.pages(observed["told"]) if row.startswith("node_memory_MemAvailable_bytes ")]


def test_it_tells_whether_each_unit_runs(node, observed):
    told = watching.values(observed["told"], "cluster_unit_active")
    for unit in node.vars["node_exporter_units"]:
        assert [labels for labels in told if f'unit="{unit["name"]}"' in labels], unit


def test_it_tells_how_the_clock_is(node, observed):
    if node.vars["node_exporter_clock"]:
        assert set(watching.values(observed["told"], "cluster_clock_synchronised")) == {""}


def test_it_tells_which_addresses_it_holds(node, observed):
    told = watching.values(observed["told"], "cluster_virtual_ip_held")
    assert len(told) == len(node.vars["node_exporter_virtual_ips"])


def test_files_are_as_they_were_left(observed):
    assert watching.values(observed["told"], "cluster_files_changed")
    assert observed["files"].stdout.splitlines() == ["('files_changed', {}, 0)"], observed["files"]


def test_it_tells_until_when_certificates_count(observed):
    now = float(observed["now"].stdout)
    until = watching.values(observed["told"], "cluster_certificate_not_after_seconds")
    assert '{certificate="monitoring"}' in until
    assert min(until.values()) > now


def test_it_tells_what_a_database_is_fit_for(node, observed):
    told = watching.values(observed["told"], "cluster_database_readable")
    assert len(told) == len(node.vars["node_exporter_databases"])


def test_what_it_tells_of_services_is_fresh(node, observed):
    written = watching.values(observed["told"], "node_textfile_mtime_seconds")
    age = float(observed["now"].stdout) - max(written.values())
    assert age < 30 + 2 * node.vars["node_exporter_interval_seconds"]


def test_it_takes_little(observed):
    """Each with all it started; what is shared counts once for all who share it (proc(5))."""
    kilobytes = [int(row) for row in observed["memory"].stdout.splitlines()]
    assert len(kilobytes) == 2
    assert all(kilobytes)
    assert sum(kilobytes) < MEGABYTES * 1024, kilobytes


def test_who_breaks_in_finds_little(observed):
    assert sandbox.exposure(observed["sandbox"]) < 3
    assert sandbox.exposure(observed["own sandbox"]) < 4
