"""An endpoint that takes logs as Elasticsearch or Loki do, for tests; neither is packaged. It is strict.

Usage: log_endpoints.py KIND ADDRESS PORT FOLDER AUTHORIZATION [CERTIFICATE KEY]

KIND: elasticsearch or loki. FOLDER: keeps what was taken in KIND.json (one record a line), and in KIND.again what
came once more. AUTHORIZATION: a file with the header that lets in; empty: everybody. The protocols:
Elasticsearch's documentation, "Bulk API"; Loki's, "Loki HTTP API" and "Request validation and rate limits".
"""

import json
import re
import ssl
import sys
import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

HOUR = 3600 * 10**9  # how far behind its newest line a stream of Loki's takes others, in nanoseconds
INDEX = re.compile(r"[a-z0-9][a-z0-9_.-]*")
LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
Answer = tuple[int, str]


class MalformedError(Exception):
    """What is wrong with a request."""


class Store:
    """Records that were taken, each once, also those of an earlier process."""

    def __init__(self, folder: Path, kind: str) -> None:
        self.path, self.again, self.lock = folder / f"{kind}.json", folder / f"{kind}.again", threading.Lock()
        self.rows = [json.loads(line) for line in self.path.read_text().splitlines()] if self.path.exists() else []
        self.keys = {row["key"] for row in self.rows}

    def take(self, key: str, row: dict[str, Any]) -> bool:
        """Keep one; whether it is new."""
        new = key not in self.keys
        self.keys.add(key)
        with (self.path if new else self.again).open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": key, **row}) + "\n")
        return new


class Elasticsearch:
    """The bulk API."""

    path, kind = "/_bulk", "application/x-ndjson"

    def __init__(self, store: Store) -> None:
        self.store = store

    def take(self, body: str, _: dict[str, str]) -> Answer:
        """Each record by its index and id."""
        if not body.endswith("\n"):
            raise MalformedError("The bulk request must be terminated by a newline [\\n]")
        rows = [json.loads(line) for line in body.splitlines()]
        items = [self.one(action, source) for action, source in zip(rows[::2], rows[1::2], strict=True)]
        errors = any("error" in item["create"] for item in items)
        return 200, json.dumps({"took": 1, "errors": errors, "items": items})

    def one(self, action: dict[str, Any], source: dict[str, Any]) -> dict[str, Any]:
        """What becomes of a record."""
        if list(action) != ["create"] or set(action["create"]) != {"_index", "_id"}:
            raise MalformedError(f"Malformed action/metadata line {action}")
        index, name = action["create"]["_index"], action["create"]["_id"]
        if not INDEX.fullmatch(index) or not 0 < len(name) <= 512:
            raise MalformedError(f"invalid_index_name_exception: {index}, {name}")
        row = {"_index": index, "_id": name}
        if "unparsable" in source["message"]:
            reason = {"type": "document_parsing_exception", "reason": "failed to parse"}
            return {"create": {**row, "status": 400, "error": reason}}
        datetime.fromisoformat(source["@timestamp"])
        if self.store.take(f"{index}/{name}", source):
            return {"create": {**row, "status": 201, "result": "created"}}
        reason = {"type": "version_conflict_engine_exception", "reason": "document already exists"}
        return {"create": {**row, "status": 409, "error": reason}}


class Loki:
    """The push API. A stream takes nothing that is more than an hour older than its newest line."""

    path, kind = "/loki/api/v1/push", "application/json"

    def __init__(self, store: Store) -> None:
        self.store, self.newest = store, dict[str, int]()

    def take(self, body: str, headers: dict[str, str]) -> Answer:
        """Each line by its labels, time and text."""
        if not headers.get("x-scope-orgid"):
            return 401, "no org id"
        ignored, many = 0, 0
        for stream in json.loads(body)["streams"]:
            labels, values = stream["stream"], stream["values"]
            if not labels or not all(LABEL.fullmatch(name) and isinstance(labels[name], str) for name in labels):
                raise MalformedError(f"error parsing labels {labels}")
            many += len(values)
            ignored += sum(not self.one(json.dumps(labels, sort_keys=True), labels, *each) for each in values)
        if ignored:
            why = (
                "entry with timestamp X ignored, reason: 'entry too far behind, oldest acceptable timestamp is: Y'"
            )
            return 400, f"{why},\nuser 'fake', total ignored: {ignored} out of {many} for stream: Z"
        return 204, ""

    def one(self, key: str, labels: dict[str, str], at: str, line: str) -> bool:
        """Whether a line is taken."""
        if not re.fullmatch(r"\d{19}", at):
            raise MalformedError(f"{at} is no time in nanoseconds")
        newest = self.newest.get(key, 0)
        if int(at) < newest - HOUR:
            return False
        self.newest[key] = max(newest, int(at))
        self.store.take(f"{key} {at} {line}", {**labels, "at": at, "message": line})
        return True


def handler(endpoint: Elasticsearch | Loki, lock: threading.Lock, authorization: Path) -> type:
    """What answers requests."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = 60

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            wanted = authorization.read_text().strip()
            if wanted and headers.get("authorization") != wanted:
                self.answer(401, '{"error": {"type": "security_exception"}, "status": 401}')
            elif self.path != endpoint.path:
                self.answer(404, "404 page not found")
            elif headers.get("content-type") != endpoint.kind:
                self.answer(406, f"Content-Type {headers.get('content-type')} is not supported")
            else:
                self.answer(*self.taken(body, headers))

        def taken(self, body: str, headers: dict[str, str]) -> Answer:
            try:
                with lock:
                    return endpoint.take(body, headers)
            except (MalformedError, ValueError, KeyError, TypeError, AttributeError) as error:
                return 400, json.dumps({"error": {"type": "illegal_argument_exception", "reason": repr(error)}})

        def answer(self, code: int, text: str) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(text.encode())))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            """Nothing."""

    return Handler


def serving(
    kind: str, address: str, port: int, folder: Path, authorization: Path, *tls: str
) -> ThreadingHTTPServer:
    """The server, which listens; tls: certificate and key."""
    store = Store(folder, kind)
    endpoint = Elasticsearch(store) if kind == "elasticsearch" else Loki(store)
    server = ThreadingHTTPServer((address, port), handler(endpoint, store.lock, authorization))
    server.daemon_threads = True
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    return server


if __name__ == "__main__":
    what, where, number, place, header, *pair = sys.argv[1:]
    serving(what, where, int(number), Path(place), Path(header), *pair).serve_forever()
