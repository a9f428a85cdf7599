"""Folders that other accounts go through, whatever umask the login gave us (pam_umask: that of login.defs)."""

import os


def make(path):
    """Have the folder and all above it; those that are there stay as they are."""
    if not path or os.path.isdir(path):
        return
    make(os.path.dirname(path))
    os.mkdir(path)
    os.chmod(path, 0o755)
