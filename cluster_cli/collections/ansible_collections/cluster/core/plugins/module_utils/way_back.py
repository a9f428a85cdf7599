"""The way back from rules that shut us out: the node itself puts the old ones back, unless somebody comes in.

A timer of systemd is started before the new rules are loaded. It puts back the text of the rules that ran before,
unless its token has been taken away until then. So it does not matter what dies: our process here, the control
machine, the network. A reboot loads what lies on the disk, which is replaced only when somebody came in.
"""

import os
import re

from ansible_collections.cluster.core.plugins.module_utils import guard

FOLDER = "/run/cluster/firewall"
LOCK = os.path.join(FOLDER, "lock")
BEFORE = os.path.join(FOLDER, "before.nft")
ARMED = os.path.join(FOLDER, "armed")
SCRIPT = os.path.join(FOLDER, "go-back")
UNIT = "cluster-firewall-way-back"
TABLE = ["inet", "cluster"]
EMPTY = "table inet cluster\ndelete table inet cluster\n"
GO_BACK = f"""# usage: sh go-back TOKEN
exec 9>{LOCK}
flock 9
[ "$(cat {ARMED} 2>/dev/null)" = "$1" ] || exit 0
nft -f {BEFORE} || nft delete table {" ".join(TABLE)}
rm {ARMED}
echo 'nobody came in over the new rules in time: the old ones are back'
"""


def armed():
    """The token of the timer that will put the old rules back; empty when there is none."""
    return guard.read(ARMED)


def running(module):
    """The table that runs, without counts and callers; empty when there is none."""
    rc, out, err = module.run_command(["nft", "-s", "-t", "list", "table", *TABLE])
    return without_needless_sets(out) if rc == 0 else ""


def without_needless_sets(listing):
    """A listing of nft's in its second form: a set of one range is listed as the range once it was loaded anew.

    How many are in a set, which newer versions add as a comment, is no part of the rules.
    """
    return re.sub(r"\t# count \d+$", "", re.sub(r"\{ ([0-9./-]+) \}", r"\1", listing), flags=re.MULTILINE)


def arm(module, seconds):
    """Keep the rules that run, and start the timer that puts them back; returns its token.

    Where an earlier run left a timer, its rules from before are kept: those that run now were never confirmed.
    """
    earlier = armed()
    if not earlier:
        guard.write(BEFORE, EMPTY + running(module))
    token = guard.new_token()
    guard.write(SCRIPT, GO_BACK)
    guard.start(module, f"{UNIT}-{token}", seconds, SCRIPT, token)
    guard.write(ARMED, token)
    if earlier:
        guard.stop(module, f"{UNIT}-{earlier}")
    return token


def disarm(module):
    """The rules stay as they are."""
    token = armed()
    if token:
        os.unlink(ARMED)
        guard.stop(module, f"{UNIT}-{token}")
