"""How a node gives to backup nodes, and to nobody else: over TLS, with certificates on both sides.

Role backup_files has this file, too.
"""

import json
import ssl
import sys
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Giver(BaseHTTPRequestHandler):
    """One request. A program of ours says in `give(path, asked)` what there is; asked: the words of the query."""

    protocol_version, sys_version = "HTTP/1.1", ""
    timeout = 300  # seconds without a word from the other side
    disable_nagle_algorithm = True  # a chunk's length is sent by itself
    known = {}

    def setup(self):
        """Shake hands here, in a thread of its own, so that nobody holds up the others."""
        self.request.settimeout(10)
        self.request.do_handshake()
        super().setup()

    def do_GET(self):
        """Answer, if it is a backup node that asks."""
        where = urllib.parse.urlsplit(self.path)
        if not set(names(self.connection.getpeercert())) & set(self.known["askers"]):
            self.say(403, {"why": "this certificate is not one of a backup node"})
        else:
            self.give(where.path, dict(urllib.parse.parse_qsl(where.query)))

    def pour(self, chunks, whole):
        """A stream of unknown length. What broke off has no end, so the other side knows."""
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self.close_connection = True
        ended = ""  # the line end of the chunk before
        for chunk in chunks:
            self.wfile.write(f"{ended}{len(chunk):x}\r\n".encode())
            self.wfile.write(chunk)
            ended = "\r\n"
        if whole():
            self.wfile.write(f"{ended}0\r\n\r\n".encode())

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


def serve(settings, giver):
    """Serve for ever. settings: the file of them; giver: the class that answers."""
    with open(settings, encoding="utf-8") as handle:
        giver.known = json.load(handle)
    server = Server((giver.known["address"], giver.known["port"]), giver)
    server.socket = context(giver.known).wrap_socket(
        server.socket, server_side=True, do_handshake_on_connect=False
    )
    server.serve_forever()
