"""Gives files of this node to backup nodes: over TLS, with certificates on both sides.

GET /files?set=NAME, a tar of the paths that the topology names so. What broke off has no end, so the other side
knows. It writes nothing and holds nothing of the repository.
"""

import json
import os
import ssl
import subprocess
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SETTINGS = "/etc/cluster/backup-files.json"
CHUNK = 1 << 20
# The same files give the same bytes; with numbers for names, which the node they come back to may not know.
TAR = [
    "tar", "--create", "--format=posix",
    "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
    "--sort=name", "--one-file-system", "--numeric-owner", "--xattrs", "--acls", "--sparse",
    "--warning=no-file-changed", "--warning=no-file-removed",
    "--warning=no-file-ignored", "--directory=/", "--file=-", "--",
]  # fmt: skip
GOOD = (0, 1)  # 1: a file was changed while it was read, which files of a running service may be


class Answer(BaseHTTPRequestHandler):
    """One request."""

    protocol_version, server_version, sys_version = "HTTP/1.1", "backup-files", ""
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
        paths = self.known["sets"].get(dict(urllib.parse.parse_qsl(where.query)).get("set", ""))
        if not set(names(self.connection.getpeercert())) & set(self.known["askers"]):
            self.say(403, {"why": "this certificate is not one of a backup node"})
        elif where.path != "/files" or paths is None:
            self.say(404, {"why": "no files are given under that name"})
        elif missing := [path for path in paths if not os.path.lexists(path)]:
            self.say(409, {"why": f"there is no {missing[0]}"})
        else:
            self.pour(paths)

    def pour(self, paths):
        """A stream of unknown length, with its end only where tar says that it was all."""
        self.send_response(200)
        self.send_header("Content-Type", "application/x-tar")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        with subprocess.Popen([*TAR, *(path[1:] for path in paths)], stdout=subprocess.PIPE) as tar:
            try:
                while chunk := tar.stdout.read(CHUNK):
                    self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n")
            except BaseException:
                tar.kill()
                raise
        if tar.returncode in GOOD:
            self.wfile.write(b"0\r\n\r\n")
        else:
            print(f"tar of {' '.join(paths)} ended with {tar.returncode}", file=sys.stderr)

    def say(self, code, what):
        """A document."""
        text = json.dumps(what).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


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
