"""After a start: follow as before.

A server whose relay log is kept (relay_log_recovery = OFF) applies what is in it, whether or not its source is
there, and then fetches what comes after: seen after kill -9 in the middle of receiving and of applying.
"""

import os

import engine
import steps
from server import HELD, STAY, UNFINISHED


def wake():
    """Follow again, if this server follows anybody. A copy that has just come is not ready for that."""
    server = steps.answered(60)
    source = server.source()
    if (
        source is None
        or any(map(os.path.exists, (HELD, STAY, UNFINISHED)))
        or "Yes" in (source["io"], source["sql"])
    ):
        return {}
    server.say(engine.START)
    return {}
