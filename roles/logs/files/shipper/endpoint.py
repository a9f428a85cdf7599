"""Where logs are sent to, over HTTP: how it is reached, and what it means when it is not."""

import base64
import http.client
import socket
import ssl
import urllib.parse

SECONDS = 30  # an answer may take
LONGEST = 16 * 2**20  # bytes of an answer that are read
SHOWN = 200  # letters of it that are told
PORTS = {"https": 443, "http": 80}
MEANS = {
    401: "it does not know us: the password, key or token is wrong",
    403: "it does not let us write",
    429: "it has too much to do",
}


class NotTakenError(Exception):
    """The endpoint did not take all of what was sent, and why. It is sent again."""


def authorization(kind, user, secret):
    """The header by which an endpoint knows us (RFC 7617, RFC 6750; API keys as Elasticsearch has them)."""
    if kind == "basic":
        return {"Authorization": "Basic " + base64.b64encode(f"{user}:{secret}".encode()).decode()}
    return {"Authorization": f"{kind} {secret}"} if kind else {}


def because(error):
    """What is wrong, for a person."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"it speaks no TLS that we speak: {error.reason}"
    if isinstance(error, socket.gaierror):
        return "its name leads nowhere"
    if isinstance(error, TimeoutError):
        return f"it does not answer within {SECONDS} s"
    if isinstance(error, ConnectionRefusedError):
        return "nothing listens there"
    return str(getattr(error, "strerror", None) or error) or type(error).__name__


def status(code, text):
    """What an answer means that is no success."""
    said = " ".join(text.split())[:SHOWN]
    return f"{MEANS.get(code, 'it answers')} ({code}{': ' + said if said else ''})"


class Endpoint:
    """One, with the connection to it. settings: url, ca, authorization, user; headers: others it wants."""

    def __init__(self, settings, secret, headers):
        url = urllib.parse.urlsplit(settings["url"])
        self.place = url.hostname, url.port or PORTS[url.scheme]
        self.path = url.path.rstrip("/")
        self.headers = authorization(settings["authorization"], settings["user"], secret) | headers
        self.context = ssl.create_default_context(cafile=settings["ca"] or None) if url.scheme == "https" else None
        self.connection = None

    def post(self, path, body, kind):
        """The status and the text it answers. Raises NotTakenError when there is no answer."""
        used_before = self.connection is not None
        try:
            return self.ask(path, body, kind)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            if not used_before or not isinstance(error, (ConnectionError, http.client.BadStatusLine)):
                raise NotTakenError(because(error)) from error
        return self.post(path, body, kind)  # it had closed a connection that was not in use

    def ask(self, path, body, kind):
        """One request and its answer."""
        if self.connection is None:
            self.connection = self.connected()
        headers = self.headers | {"Content-Type": kind}
        self.connection.request("POST", self.path + path, body, headers)
        answer = self.connection.getresponse()
        text = answer.read(LONGEST)
        if not answer.isclosed():
            self.close()  # there is more of it than anybody wants
        return answer.status, text.decode("utf-8", "replace")

    def connected(self):
        """A connection that is not made yet."""
        if self.context:
            return http.client.HTTPSConnection(*self.place, timeout=SECONDS, context=self.context)
        return http.client.HTTPConnection(*self.place, timeout=SECONDS)

    def close(self):
        """End the connection."""
        if self.connection:
            self.connection.close()
        self.connection = None
