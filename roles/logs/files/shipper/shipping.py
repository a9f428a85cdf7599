"""Sends what a receiver keeps to one endpoint, until it is told to stop."""

import time
from dataclasses import dataclass, field

from endpoint import NotTakenError, status
from kept import Place, Stream
from lines import record

EVERY = 1.0  # seconds between two looks
RETRIES = (1, 2, 4, 8, 15, 30)  # seconds until it is tried again
SHARE, BYTES, RECORDS = 2**18, 2**20, 2000  # read of one stream at once; of all; sent at once
TOO_LARGE = 413
SAID_EVERY = 60  # seconds between two words on records that were refused


@dataclass
class Batch:
    """Records to be sent. parts: by stream; garbled: lines that are no records; all: whether there are no more."""

    parts: dict = field(default_factory=dict)
    records: list = field(default_factory=list)
    garbled: int = 0
    all: bool = True


class Shipping:
    """name: the endpoint's; protocol: the module that knows its language; say: takes a line for the journal."""

    def __init__(self, settings, endpoint, protocol, kept, account, say):
        self.name, self.settings, self.endpoint, self.protocol = settings["name"], settings, endpoint, protocol
        self.kept, self.account, self.say = kept, account, say
        self.streams, self.next, self.failures, self.said = {}, "", 0, -SAID_EVERY

    def run(self, over):
        """Send until the event `over`."""
        try:
            self.begin()
            wait = 0
            while not over.wait(wait):
                wait = self.turn()
        finally:
            self.account.save(now=True)

    def begin(self):
        """With an endpoint nobody sent to yet, from now on: what was kept before is not sent."""
        if not self.account.known:
            for name, files in self.kept.streams().items():
                self.account.places[name] = Stream().end(files, SHARE)
            self.account.save(now=True)

    def turn(self):
        """Send what there is; seconds until the next turn."""
        began, batch = time.time(), self.gather()
        try:
            self.send(batch.records)
        except NotTakenError as error:
            return self.failed(str(error))
        for name, part in batch.parts.items():
            self.account.places[name] = part.after
        self.account.sent += len(batch.records)
        self.refuse(batch.garbled, "these lines are no records")
        if self.account.error:
            self.say(f"{self.name}: it takes logs again, after {began - self.account.since:.0f} s")
        self.account.error, self.account.since, self.failures = "", 0.0, 0
        if batch.all:
            self.account.until = began
        self.account.save()
        return EVERY if batch.all else 0

    def gather(self):
        """The next batch, of as many streams as there is room for; those that had none are the first next time."""
        streams = self.kept.streams()
        self.lose(sum(place.left for name, place in self.account.places.items() if name not in streams))
        self.account.places = {name: each for name, each in self.account.places.items() if name in streams}
        names = sorted(streams)
        first = next((number for number, name in enumerate(names) if name >= self.next), 0)
        batch, length = Batch(), 0
        for name in names[first:] + names[:first]:
            if length >= BYTES or len(batch.records) >= RECORDS:
                batch.all, self.next = False, name
                break
            stream = self.streams.setdefault(name, Stream())
            part = stream.read(streams[name], self.account.places.get(name, Place()), SHARE)
            self.lose(part.lost)
            self.account.places[name] = part.before
            batch.parts[name], batch.all = part, batch.all and part.all
            found = [record(name.split("/")[0], line) for line in part.lines]
            batch.records += filter(None, found)
            batch.garbled += found.count(None)
            length += sum(map(len, part.lines))
        return batch

    def lose(self, many):
        """Count bytes that were removed unsent."""
        if many:
            self.account.lost_bytes += many
            self.say(f"{self.name}: {many} bytes of logs were removed here before they were sent")

    def send(self, records):
        """All of them, in as many requests as it takes. Raises NotTakenError."""
        for begin in range(0, len(records), RECORDS):
            self.request(records[begin : begin + RECORDS])

    def request(self, records):
        """One request; two of half the size where it is too large."""
        body = self.protocol.body(self.settings, records)
        code, text = self.endpoint.post(self.protocol.PATH, body, self.protocol.KIND)
        if code != TOO_LARGE:
            self.refuse(*self.protocol.refused(self.settings, code, text))
        elif len(records) > 1:
            self.request(records[: len(records) // 2])
            self.request(records[len(records) // 2 :])
        else:
            self.refuse(1, status(code, text))

    def refuse(self, many, why):
        """Count records it will never take."""
        self.account.refused += many
        if many and time.monotonic() - self.said >= SAID_EVERY:
            self.said = time.monotonic()
            self.say(f"{self.name}: it refused {many} records for good: {why}")

    def failed(self, why):
        """Nothing was taken, and why; seconds until it is tried again."""
        for stream in self.streams.values():
            stream.forget()
        if why != self.account.error:
            self.say(f"{self.name} ({self.settings['url']}): {why}; what it does not take is kept and sent later")
        self.account.since = self.account.since or time.time()
        self.account.error = why
        self.account.save()
        self.failures += 1
        return RETRIES[min(self.failures, len(RETRIES)) - 1]
