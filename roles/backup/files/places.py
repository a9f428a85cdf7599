"""Where the repository is, a directory or a bucket of an S3 store; what restic is told and what is asked first."""

import os

from s3 import Bucket


class Folder:
    """A directory of this node, or a mount there. known: the settings."""

    words, environment = (), {}
    lost = "is it mounted?"

    def __init__(self, known):
        self.path = known["store"]

    def has_repository(self):
        """Whether there is one."""
        return os.path.exists(os.path.join(self.path, "config"))

    def takes(self):
        """Nothing can be told of what a directory takes that restic does not tell."""


def place(known):
    """Where the repository is."""
    return Bucket(known["store"], known["s3"]) if known.get("s3") else Folder(known)
