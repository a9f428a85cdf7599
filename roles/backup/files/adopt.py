"""A repository that was brought from elsewhere: it becomes ours, and its databases wait to be restored from it.

Until then nothing is fetched of them: what runs now is empty, and no copy of that may come after those of before.
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
    for top, sign in ((known["store"], "config"), (WAITING, "")):
        with suppress(FileNotFoundError):
            if os.lstat(os.path.join(top, sign)).st_uid != owner.pw_uid:
                give(top, owner)


def give(top, owner):
    """Change the owner of all that is in a folder. What has a second name elsewhere is left alone."""
    for folder, _, names in os.walk(top):
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        for name in names:
            place = os.path.join(folder, name)
            found = os.lstat(place)
            if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
                os.chown(place, owner.pw_uid, owner.pw_gid, follow_symlinks=False)


def refuse_waiting(database):
    """Raise BusyError while a database waits to be restored."""
    if os.path.exists(os.path.join(WAITING, database)):
        raise BusyError(f"{database} waits to be restored: cluster restore {database} --to cluster")


def restored(database):
    """It goes on from here."""
    with suppress(FileNotFoundError):
        os.unlink(os.path.join(WAITING, database))
