"""The nodes of a database, asked over TLS for how they are and for copies."""

import http.client
import json
import ssl
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import gtid
from settings import RefusedError

# To ask: a node gives with what its database leaves of the processors, and a busy one leaves little.
ASK_SECONDS, COPY_SECONDS, HOURS = 30.0, 600.0, 6 * 3600.0
CHUNK = 1 << 20


class SourceError(RefusedError):
    """A node that does not do as it is asked. code: of HTTP, 0 where it does not answer."""

    def __init__(self, why, code=0):
        super().__init__(why)
        self.code = code


class Source:
    """One node of a database."""

    def __init__(self, known, node):
        self.known, self.name, self.address = known, node["name"], node["address"]

    def ask(self, path, seconds=ASK_SECONDS, **words):
        """A document. Raises SourceError."""
        answer = self.get(path, seconds, words)
        try:
            return json.loads(answer.read())
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise SourceError(f"{self.name}: {error}") from error

    def stream(self, path, **words):
        """The chunks of a stream. Raises SourceError when it breaks off."""
        answer = self.get(path, COPY_SECONDS, words)
        if answer.getheader("Content-Type") == "application/json":
            return None  # there is nothing to give
        return self.chunks(answer)

    def chunks(self, answer):
        """What comes, until it says that it is all: each in the place of the one before."""
        place = memoryview(bytearray(CHUNK))
        try:
            while count := answer.readinto(place):
                yield place[:count]
        except (OSError, http.client.HTTPException) as error:
            raise SourceError(f"what {self.name} gave broke off: {error}") from error

    def get(self, path, seconds, words):
        """The answer to one question."""
        connection = http.client.HTTPSConnection(
            self.address, self.known["port"], timeout=seconds, context=context(self.known)
        )
        try:
            connection.request("GET", f"{path}?{urllib.parse.urlencode(words)}")
            answer = connection.getresponse()
            if answer.status != 200:
                said = json.loads(answer.read() or b"{}").get("why", answer.reason)
                raise SourceError(f"{self.name}: {said}", answer.status)
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise SourceError(f"{self.name} does not answer: {error}") from error
        return answer


def context(known):
    """TLS that trusts the cluster's authority, and says who we are. The address must stand in the certificate."""
    found = ssl.create_default_context(cafile=known["authority"])
    found.minimum_version = ssl.TLSVersion.TLSv1_2
    found.load_cert_chain(f"{known['certificate']}/cert.pem", f"{known['certificate']}/key.pem")
    return found


def states(known, database, after=""):
    """({source: what it says of itself}, [why another one does not answer]) of all nodes, asked at once.

    after: a position; then each says whether its logs reach back to there.
    """
    sources = [Source(known, node) for node in database["nodes"]]
    found, silent = {}, []
    with ThreadPoolExecutor(len(sources)) as pool:
        for source, answer in zip(
            sources, pool.map(partial(state_of, domain=database["domain"], after=after), sources), strict=True
        ):
            if isinstance(answer, SourceError):
                silent.append(str(answer))
            else:
                found[source] = answer
    return found, silent


def state_of(source, domain, after=""):
    """What it says of itself and of what all nodes share, or why it says nothing."""
    try:
        found = source.ask("/state", **({"after": after} if after else {}))
        return {**found, **{name: gtid.only(found[name], domain) for name in ("position", "history")}}
    except SourceError as error:
        return error


def ranked(found):
    """Those whose rows are new enough, the ones that carry least first: no primary while there is a replica."""
    fit = [source for source, state in found.items() if state["fit"]]
    return sorted(fit, key=lambda source: (found[source]["primary"], found[source]["clients"], source.name))


def goes_on_from(found, position):
    """Those of the ranked that have everything up to a position, and the same past."""
    return [
        source
        for source in ranked(found)
        if gtid.reaches(found[source]["position"], position) and gtid.knows(found[source]["history"], position)
    ]
