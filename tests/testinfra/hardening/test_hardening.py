"""Kernel, accounts and updates are as the hardening wants them, and redundant nodes update in turns."""

import subprocess
from datetime import UTC, datetime, timedelta
from itertools import combinations

import pytest

from cluster_cli.ssh import argv
from cluster_cli.topology.updates import redundant

OURS = "/etc/sysctl.d/80-cluster-hardening.conf"
FOLDERS = "/etc/sysctl.d /run/sysctl.d /usr/lib/sysctl.d"
LATER = f"ls {FOLDERS} 2>/dev/null | sort -u | awk '$0 > \"80-cluster-hardening.conf\"'"
TIMER = "apt-daily-upgrade.timer"
COLLECT = {
    # setting, value wanted, value there is: one line for each interface
    "sysctl": f"""sed -n 's/^\\([^#=]*[^ =]\\) *= */\\1 /p' {OURS} | while read -r key value; do
        for path in $(echo "/proc/sys/$key" | tr . /); do echo "$path $value $(cat "$path")"; done; done""",
    "set by others": f"""for name in $({LATER}); do for folder in {FOLDERS}; do
        sed -n 's/^-\\{{0,1\\}}\\([a-z][^=]*[^ =]\\) *=.*/\\1/p' "$folder/$name" 2>/dev/null; done; done""",
    "core dumps": "systemctl show --property=DefaultLimitCORE --value",
    "empty passwords": "awk -F: '$2 == \"\" {print $1}' /etc/shadow",
    "roots": "awk -F: '$3 == 0 {print $1}' /etc/passwd",
    "open files": "find /etc /usr/local -xdev -type f -perm -0002",
    "closed": "stat --format='%a %n' /etc/sudoers.d /etc/cron.daily",
    "su": "grep -c '^auth.*pam_wheel.so use_uid group=sudo$' /etc/pam.d/su",
    "passwords": "cat /etc/pam.d/common-password",
    "modules": "modprobe --showconfig 2>/dev/null | awk '$1 == \"install\" {print $2}'",
    "origins": "apt-config dump --format '%f %v%n' Unattended-Upgrade::Origins-Pattern",
    "updates": "apt-config dump --format '%v%n' APT::Periodic::Unattended-Upgrade",
    "timer": f"systemctl show {TIMER} -p ActiveState,UnitFileState,RandomizedDelayUSec,Persistent",
    # as seconds, as the node's clock shows it, and how long they may take
    "next": f"""date --date="$(systemctl show {TIMER} -P NextElapseUSecRealtime)" '+%s %H:%M';
        systemctl show apt-daily-upgrade.service -P TimeoutStartUSec""",
    "outdated": "/usr/local/lib/cluster/restart-outdated list",
    "apparmor": """cat /sys/module/apparmor/parameters/enabled; systemd-detect-virt --container;
        aa-status --enforced""",
}


def shell_of_a_person(node):
    """What a login over SSH is greeted with, and the limits its shell has."""
    words = argv(node, "LogLevel=INFO", "ControlPath=none", "ControlMaster=no")
    words = [*words, "exec sh -lc 'umask; ulimit -Hc; echo $TMOUT'"]
    return subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)


ASK = {"login": shell_of_a_person}


def test_the_kernel_runs_with_the_settings(node, observed):
    theirs = {*observed["set by others"].stdout.split(), *node.vars["base_sysctl"]}
    rows = [line.split() for line in observed["sysctl"].stdout.splitlines()]
    wrong = [row for row in rows if row[1:2] != row[2:] and row[0][10:].replace("/", ".") not in theirs]
    assert rows
    assert wrong == []


def test_nothing_is_dumped(observed):
    assert observed["core dumps"].stdout.strip() == "0", "of services"


def test_nobody_has_an_empty_password_or_is_a_second_root(observed):
    assert observed["empty passwords"].stdout.split() == [], "lock them: passwd --lock NAME"
    assert observed["roots"].stdout.split() == ["root"]


def test_nobody_but_root_writes_configuration(observed):
    assert observed["open files"].stdout.split() == []


def test_what_was_too_open_is_closed(observed):
    wanted = {"/etc/sudoers.d": "750", "/etc/cron.daily": "700"}
    found = dict(reversed(line.split()) for line in observed["closed"].stdout.splitlines())
    assert found.items() <= wanted.items()


def test_only_administrators_become_others(observed):
    assert observed["su"].stdout.strip() == "1"


def test_a_new_password_is_looked_at(observed):
    assert "pam_passwdqc.so" in observed["passwords"].stdout


def test_what_nobody_needs_cannot_be_loaded(observed):
    if not observed["modules"].stdout:
        pytest.skip("no modprobe on this node: in a container the host loads modules")
    assert {"usb_storage", "dccp"} <= {name.replace("-", "_") for name in observed["modules"].stdout.split()}


def test_a_login_is_warned_and_limited(node, asked):
    first = node.vars["hardening_banner"].splitlines()[0]
    assert first in asked["login"].stderr
    umask, core, idle = asked["login"].stdout.split()
    assert (umask, core) == ("0022" if node.vars["ansible_user"] == "root" else "0027", "0")
    assert int(idle) > 0


def test_only_security_updates_come_by_themselves(node, observed):
    if not node.vars["hardening_updates"]["enabled"]:
        assert observed["updates"].stdout.strip() == "0"
        return
    lines = [line for line in observed["origins"].stdout.splitlines() if "origin=" in line]
    assert lines
    assert [line for line in lines if "security" not in line.lower()] == []


def test_they_come_at_the_nodes_own_time(node, observed):
    if not node.vars["hardening_updates"]["enabled"]:
        pytest.skip("the topology switches updates off")
    timer = dict(line.split("=", 1) for line in observed["timer"].stdout.splitlines())
    assert timer == {
        "ActiveState": "active",
        "UnitFileState": "enabled",
        "RandomizedDelayUSec": "0",
        "Persistent": "no",
    }
    assert observed["next"].stdout.split()[1] == node.vars["hardening_updates"]["start"]


def test_what_runs_with_old_libraries_can_be_found(node, observed):
    if not node.vars["hardening_updates"]["enabled"]:
        pytest.skip("the topology switches updates off")
    assert observed["outdated"].rc == 0, observed["outdated"].stderr


def test_redundant_nodes_update_in_turns(pytestconfig, observed_on):
    topology = pytestconfig.cluster_workspace.topology
    if not topology.hardening.updates.enabled:
        pytest.skip("the topology switches updates off")
    for group in redundant(topology):
        for one, other in combinations(group, 2):
            assert not at_once(observed_on(one), observed_on(other)), f"{one} and {other}"


def test_apparmor_confines_where_the_kernel_has_it(observed):
    enabled, *rest = observed["apparmor"].stdout.split() or ["N"]
    if enabled != "Y" or "none" not in rest:
        pytest.skip("AppArmor is the host's in a container, or this kernel runs without it")
    assert observed["apparmor"].rc == 0, "aa-status finds no profile that is enforced"


def beginning(observed):
    """When the timer elapses next."""
    return datetime.fromtimestamp(int(observed["next"].stdout.split()[0]), UTC)


def at_once(one, other):
    """Whether two nodes may be at their updates at the same time of day."""
    day = timedelta(days=1)
    gap = (beginning(one) - beginning(other)) % day
    return gap < lasting(other) or (day - gap) % day < lasting(one)


def lasting(observed):
    """How long a node's updates may take, from systemd's words such as `1h 30min`."""
    units = {"d": "days", "h": "hours", "min": "minutes", "s": "seconds"}
    found = timedelta()
    for word in observed["next"].stdout.split()[2:]:
        number, unit = word.rstrip("dhmins"), word.lstrip("0123456789")
        found += timedelta(**{units[unit]: int(number)})
    return found
