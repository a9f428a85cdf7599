"""Who follows whom, on this node: replication STEP [WORD ...]. The answer is JSON, or exit code 1 and a reason.

look; start; make; account; promote [AFTER [SECONDS]]; apply UP_TO; close; cut; open; stop_receiving; follow NODE;
delay; hold; release; halt; healthy; wake; give NODE; receive DONOR SOURCE; progress.
"""

import json
import sys

import pymysql
from server import RefusedError, look


def act(step, words):
    """Do one step."""
    if step == "look":
        return look()
    if step in ("give", "receive", "progress"):
        import copies

        return {"give": copies.give, "receive": copies.receive, "progress": copies.told}[step](*words)
    import steps
    import wake

    known = {
        "start": steps.start,
        "make": steps.make,
        "account": steps.account,
        "promote": steps.promote,
        "apply": steps.apply_all,
        "close": steps.close,
        "cut": steps.cut,
        "open": steps.open_again,
        "stop_receiving": steps.receive_no_more,
        "follow": steps.follow,
        "delay": steps.delay,
        "hold": steps.hold_applying,
        "release": steps.release,
        "halt": steps.halt,
        "healthy": steps.healthy,
        "wake": wake.wake,
    }
    return known[step](*words)


if __name__ == "__main__":
    try:
        print(json.dumps(act(sys.argv[1], sys.argv[2:]) or {}))
    except (IndexError, KeyError):
        sys.exit(__doc__)
    except RefusedError as refusal:
        sys.exit(str(refusal))
    except pymysql.MySQLError as error:
        sys.exit(f"its server: {error.args[-1]}")
