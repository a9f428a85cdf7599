"""A repository that was brought from elsewhere: it becomes ours, and what is in it waits to be restored.

Until then nothing of that is fetched: what is there now is empty, and no copy of it may come after those before.
"""

import os
import pwd
import stat
from contextlib import suppress

from settings import HOME, BusyError

WAITING = f"{HOME}/waiting"


def take_over(known, account):
    """Have repository and notes belong to our account; for root. Where they do already, nothing is done."""
    owner = pwd.getpwnam(account)
    mine = [(WAITING, "")] if known.get("s3") else [(known["store"], "config"), (WAITING, "")]
    for top, sign in mine:
        with suppress(FileNotFoundError):
            if os.lstat(os.path.join(top, sign)).st_uid != owner.pw_uid:
                give(top, owner)


def give(top, owner):
    """Change the owner of all that is in a folder, itself last. What has a second name elsewhere is left alone."""
    for folder, _, names in os.walk(top, topdown=False):
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        for name in names:
            place = os.path.join(folder, name)
            found = os.lstat(place)
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                os.chown(place, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def waits(name):
    """Whether a database or a set of files waits to be restored."""
    return os.path.exists(os.path.join(WAITING, name))


def refuse_waiting(name):
    """Raise BusyError while it does."""
    if waits(name):
        raise BusyError(f"{name} waits to be restored: end what was begun, cluster up --restore-from")


def restored(name):
    """It goes on from here."""
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(WAITING, name))
