#!/usr/bin/python3
"""A stand-in for Grafana's program, for tests only: Grafana itself cannot be fetched where they run.

It takes from the files of role grafana what Grafana takes (its documentation, "Configure Grafana", "Provision
Grafana"), as the same account, from the same places: address and certificate, `$__file{}`, the password of the
very first start, the data sources with their certificates, the dashboards. What Grafana makes of them on a
screen it cannot tell.

Usage: grafana server --config=FILE
       grafana cli --homepath DIR --config FILE admin reset-admin-password --password-from-stdin
"""

import base64
import configparser
import json
import re
import ssl
import sys
import tempfile
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def expanded(value):
    """A text with files put in for `$__file{PATH}`, without blanks around them."""
    return re.sub(r"\$__file\{([^}]+)\}", lambda found: Path(found[1]).read_text().strip(), value)


class Settings:
    """grafana.ini, and the little database beside it."""

    def __init__(self, path):
        parser = configparser.RawConfigParser(strict=True)
        parser.read_string(Path(path).read_text())
        self.known = {
            name: {key: expanded(value) for key, value in parser.items(name)} for name in parser.sections()
        }
        self.database = Path(self.known["paths"]["data"]) / "grafana.db"
        if not self.known["security"]["secret_key"]:
            sys.exit("there is no secret key")

    def password(self, new=None):
        """That of admin; `new` takes its place."""
        if new or not self.database.exists():
            self.database.write_text(json.dumps({"admin": new or self.known["security"]["admin_password"]}))
        return json.loads(self.database.read_text())["admin"]

    def provisioned(self, kind):
        """What the file of a kind of provisioning says."""
        return json.loads((Path(self.known["paths"]["provisioning"]) / kind / "cluster.yaml").read_text())

    def sources(self):
        """The data sources by their uid."""
        return {each["uid"]: each for each in self.provisioned("datasources")["datasources"]}

    def dashboards(self):
        """The dashboards by their uid."""
        folders = (each["options"]["path"] for each in self.provisioned("dashboards")["providers"])
        found = (json.loads(path.read_text()) for folder in folders for path in Path(folder).glob("*.json"))
        return {each["uid"]: each for each in found}


def through(source, path):
    """What a data source answers, asked with the certificate it was given."""
    texts = {name: expanded(value) for name, value in source["secureJsonData"].items()}
    context = ssl.create_default_context(cadata=texts["tlsCACert"])
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as both:
        both.write(texts["tlsClientKey"] + "\n" + texts["tlsClientCert"] + "\n")
        both.flush()
        context.load_cert_chain(both.name)
    return urllib.request.urlopen(source["url"] + path, timeout=5, context=context).read()


class Server(BaseHTTPRequestHandler):
    """The few pages that are asked for."""

    settings = None

    def do_GET(self):
        allowed = self.settings.password()
        said = "Basic " + base64.b64encode(f"admin:{allowed}".encode()).decode()
        if self.path == "/api/health":
            self.answer(200, b'{"database": "ok", "version": "stand-in"}')
        elif self.headers["Authorization"] != said:
            self.answer(401, b'{"message": "Unauthorized"}')
        else:
            self.let_in()

    def let_in(self):
        """A page for who has shown the password."""
        if self.path == "/api/user":
            self.answer(200, b'{"id": 1, "login": "admin"}')
        elif found := re.fullmatch(r"/api/datasources/proxy/uid/([^/]+)(/api/.*)", self.path):
            self.answer(200, through(self.settings.sources()[found[1]], found[2]))
        elif found := re.fullmatch(r"/api/dashboards/uid/(.+)", self.path):
            dashboard = self.settings.dashboards().get(found[1])
            self.answer(200 if dashboard else 404, json.dumps({"dashboard": dashboard}).encode())
        else:
            self.answer(404, b"{}")

    def answer(self, status, body):
        """A whole answer."""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def serve(settings):
    """Until the end."""
    settings.password()
    where = settings.known["server"]
    Server.settings = settings
    server = ThreadingHTTPServer((where["http_addr"], int(where["http_port"])), Server)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(where["cert_file"], where["cert_key"])
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    server.serve_forever()


if __name__ == "__main__":
    if sys.argv[1] == "server":
        serve(Settings(sys.argv[2].removeprefix("--config=")))
    elif sys.argv[-2:] == ["reset-admin-password", "--password-from-stdin"]:
        Settings(sys.argv[sys.argv.index("--config") + 1]).password(sys.stdin.readline().rstrip("\n"))
    else:
        sys.exit(f"unknown: {sys.argv[1:]}")
