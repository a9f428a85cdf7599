"""What copies of all data have in common, however an engine makes them: one at a time, none waits for ever."""

import fcntl
import os

import clone
import steps
from server import RefusedError, refuse_held
from telling import RUN, told

LOCK = os.path.join(RUN, "copy.lock")


def give(node):
    """Give all data of this node to another one that takes it."""
    held = steps.hold()
    try:
        return clone.give(node)
    finally:
        if held:
            steps.promote()


def receive(donor, source):
    """Take a copy from a donor, put it in place of what is here, and follow the source."""
    refuse_held()
    os.makedirs(RUN, exist_ok=True)
    with open(LOCK, "w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise RefusedError(f"it is being given a copy already: {told()}") from error
        return clone.take(donor, source)
