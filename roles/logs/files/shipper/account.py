"""How far an endpoint has everything, and what it did not get; kept across restarts."""

import json
import os
import time
from contextlib import suppress

from kept import Place

SAVED_EVERY = 5  # seconds; what was sent since is sent again after a crash, and is there already
COUNTS = ("sent", "refused", "lost_bytes")


class Account:
    """path: where it is kept. until: all that was received before this time was sent, in seconds since the epoch.

    sent, refused: records; lost_bytes: of lines that were removed here before they were sent. error: why nothing
    is taken now, empty when it is; since: when that began. known: whether it was kept before.
    """

    def __init__(self, path):
        self.path, self.places, self.saved = path, {}, 0.0
        self.until = time.time()
        self.error, self.since = "", 0.0
        self.sent = self.refused = self.lost_bytes = 0
        self.known = os.path.exists(path)
        with suppress(FileNotFoundError, ValueError, TypeError, KeyError):
            self.load()

    def load(self):
        """As it was kept. ValueError, TypeError, KeyError: it cannot be read, and all there is is sent again."""
        with open(self.path, encoding="utf-8") as file:
            found = json.load(file)
        self.places = {name: Place(*place) for name, place in found["places"].items()}
        self.until = float(found["until"])
        for name in COUNTS:
            setattr(self, name, int(found[name]))

    def save(self, *, now=False):
        """Keep it, if it is time to."""
        if not now and time.monotonic() - self.saved < SAVED_EVERY:
            return
        self.saved = time.monotonic()
        places = {name: [place.first, place.at, place.size] for name, place in self.places.items()}
        row = {"places": places, "until": self.until, **{name: getattr(self, name) for name in COUNTS}}
        with open(f"{self.path}.new", "w", encoding="utf-8") as file:
            json.dump(row, file)
            file.flush()
            os.fsync(file.fileno())
        os.rename(f"{self.path}.new", self.path)

    def told(self):
        """What others are told of it."""
        counts = {name: getattr(self, name) for name in COUNTS}
        return {"until": self.until, "error": self.error, "since": self.since, **counts}
