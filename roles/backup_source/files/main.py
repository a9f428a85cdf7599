"""Gives copies of this node's MariaDB data to backup nodes: over TLS, with certificates on both sides.

GET /state, what this node is fit for. GET /copy?run=WORD[&since=LSN][&rate=MB], a copy as mariabackup streams it,
and then GET /made?run=WORD, whether it is whole and what it holds. GET /binlogs?after=GTID, a tar of what was
written since. GET /digests, every table at one position. It writes nothing and holds nothing of the repository.
"""

import json
import ssl
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import binlogs
import copies
import digests
from server import RefusedError, state

SETTINGS = "/etc/cluster/backup-source.json"
CHUNK = 1 << 20


class Answer(BaseHTTPRequestHandler):
    """One request."""

    protocol_version, server_version, sys_version = "HTTP/1.1", "backup-source", ""
    timeout = 300  # seconds without a word from the other side
    known = {}

    def setup(self):
        """Shake hands here, in a thread of its own, so that nobody holds up the others."""
        self.request.settimeout(10)
        self.request.do_handshake()
        super().setup()

    def do_GET(self):
        """Answer, if it is a backup node that asks."""
        where = urllib.parse.urlsplit(self.path)
        asked = dict(urllib.parse.parse_qsl(where.query))
        routes = {"/state": self.tell_state, "/copy": self.give_copy, "/made": self.tell_made,
                  "/binlogs": self.give_binlogs, "/digests": self.tell_digests}  # fmt: skip
        try:
            if not set(names(self.connection.getpeercert())) & set(self.known["askers"]):
                self.say(403, {"why": "this certificate is not one of a backup node"})
            elif where.path not in routes:
                self.say(404, {"why": f"there is no {where.path}"})
            else:
                routes[where.path](asked)
        except RefusedError as error:
            self.say(error.code, {"why": str(error)})

    def tell_state(self, _asked):
        self.say(200, state(self.known))

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

    def pour(self, chunks, whole):
        """A stream of unknown length. What broke off has no end, so the other side knows."""
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        for chunk in chunks:
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
        if whole():
            self.wfile.write(b"0\r\n\r\n")

    def say(self, code, what):
        """A document."""
        text = json.dumps(what).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_request(self, code="-", size="-"):  # noqa: ARG002
        """Who asked for what, except how we are: that is asked every minute."""
        if not self.path.startswith("/state"):
            super().log_request(code)


def names(certificate):
    """The names in a certificate."""
    return [value for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS"]


def context(known):
    """TLS that lets in who has a certificate of the cluster's authority. Read anew by a restart."""
    found = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=known["authority"])
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.verify_mode = ssl.CERT_REQUIRED
    found.load_cert_chain(f"{known['certificate']}/cert.pem", f"{known['certificate']}/key.pem")
    return found


class Server(ThreadingHTTPServer):
    """It tells of a failed handshake in one line."""

    daemon_threads = True

    def handle_error(self, _request, client_address):
        print(f"{client_address[0]}: {sys.exc_info()[1]}", file=sys.stderr)


def main():
    """Serve for ever."""
    with open(SETTINGS, encoding="utf-8") as handle:
        Answer.known = json.load(handle)
    server = Server((Answer.known["address"], Answer.known["port"]), Answer)
    server.socket = context(Answer.known).wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.serve_forever()


if __name__ == "__main__":
    main()
