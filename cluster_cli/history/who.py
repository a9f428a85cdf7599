"""Who is at the keyboard, from where: by what the kernel knows, not by what the environment claims."""

import os
import platform
import pwd
from pathlib import Path

NOBODY = 4_294_967_295  # loginuid of a process nobody logged in for, proc(5)


def who() -> dict[str, str]:
    """The account, the machine, and where the person came from.

    who: account@machine. login: the account that logged in before sudo or su, where the kernel keeps it, else
    what sudo says. from: the address an SSH session came from. terminal: its name.
    """
    found = {
        "who": f"{account(os.getuid())}@{platform.node()}",
        "login": login(),
        "from": os.environ.get("SSH_CONNECTION", "").split(" ")[0],
        "terminal": terminal(),
    }
    return {key: value for key, value in found.items() if value}


def account(uid: int) -> str:
    """The account's name, or its number when it has none."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def login() -> str:
    """Who logged in; empty when that is the account itself."""
    try:
        uid = int(Path("/proc/self/loginuid").read_text())
    except (OSError, ValueError):
        uid = NOBODY
    name = account(uid) if uid != NOBODY else os.environ.get("SUDO_USER", "")
    return "" if name == account(os.getuid()) else name


def terminal() -> str:
    """The terminal's name; empty when there is none."""
    try:
        return os.ttyname(0)
    except OSError:
        return ""
