"""Gives copies of this node's data to backup nodes: over TLS, with certificates on both sides.

GET /state[?after=GTID], what this node is fit for, and whether one may follow it from there. GET
/copy?run=WORD[&since=LSN][&rate=MB], a copy as the engine streams it, and then GET /made?run=WORD, whether it is
whole and what it holds. GET /binlogs?after=GTID, a tar of what was written since. GET /digests, every table at one
position. It writes nothing and holds nothing of the repository.
"""

import binlogs
import copies
import digests
from giving import Giver, serve
from server import RefusedError, state

SETTINGS = "/etc/cluster/backup-source.json"


class Answer(Giver):
    """One request."""

    server_version = "backup-source"

    def give(self, path, asked):
        """Answer a backup node."""
        routes = {"/state": self.tell_state, "/copy": self.give_copy, "/made": self.tell_made,
                  "/binlogs": self.give_binlogs, "/digests": self.tell_digests}  # fmt: skip
        try:
            if path not in routes:
                self.say(404, {"why": f"there is no {path}"})
            else:
                routes[path](asked)
        except RefusedError as error:
            self.say(error.code, {"why": str(error)})

    def tell_state(self, asked):
        since = {"reaches_back": binlogs.reach_back(asked["after"])} if asked.get("after") else {}
        self.say(200, {**state(self.known), **since})

    def tell_made(self, asked):
        self.say(200, copies.made(asked.get("run", "")))

    def tell_digests(self, _asked):
        self.say(200, digests.taken())

    def give_copy(self, asked):
        since, rate = int(asked.get("since", 0)), float(asked.get("rate", 0))
        with copies.Copy(asked.get("run", ""), since, rate) as copy:
            self.pour(copy.chunks(), lambda: copy.whole)

    def give_binlogs(self, asked):
        found = binlogs.after(asked.get("after", ""))
        if found is None:
            self.say(200, {"nothing": True})
        else:
            self.pour(binlogs.packed(found), lambda: True)

    def log_request(self, code="-", size="-"):  # noqa: ARG002
        """Who asked for what, except how we are: that is asked every minute."""
        if not self.path.startswith("/state"):
            super().log_request(code)


if __name__ == "__main__":
    copies.tidied()
    serve(SETTINGS, Answer)
