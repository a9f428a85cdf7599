"""Makes rsyslog's queues on the disk right before it begins, in case it was killed.

A queue is NAME.00000001 and so on, and NAME.qi, which says where rsyslog writes, and from where on it has
to send. Seen with 8.2302, when it was killed between two steps:

- NAME.qi begins in a file that was sent and removed: rsyslog forgets all that is in the queue.
- There are bytes beyond the place to write at, of a record that is not in the queue yet. It is read from the
  journal again, and what is then written over them may end in the middle: rsyslog takes the rest for a record,
  and loses the next.
- What was sent last was not acknowledged, and known in memory only. It is sent again.

Usage: log-spool FOLDER
"""

import os
import re
import sys
from pathlib import Path

AGAIN = 8  # records that are sent once more
OBJECT = b"<Obj:1:strm:"
FIELD = re.compile(rb"^\+(iQueueSize|iCurrFNum|iCurrOffs|strtOffs):2:\d+:(\d+):$", re.MULTILINE)
BEGIN, END = b"<Obj:1:msg:1:\n", b">End\n.\n"
PROPERTY = re.compile(rb"\+\w+:\d+:(\d+):")


def fields(text):
    """The numbers of a part of an index that matter here."""
    return {name: int(value) for name, value in FIELD.findall(text)}


def changed(text, **values):
    """A part of an index with other numbers."""

    def field(match):
        value = b"%d" % values.get(match[1].decode(), int(match[2]))
        return b"+%s:2:%d:%s:" % (match[1], len(value), value)

    return FIELD.sub(field, text)


def record_end(data, place):
    """Where the record ends that begins at a place; None where none does. A value's length says where it ends."""
    if not data.startswith(BEGIN, place):
        return None
    place += len(BEGIN)
    while found := PROPERTY.match(data, place):
        place = found.end() + int(found[1]) + len(b":\n")
    return place + len(END) if data.startswith(END, place) else None


def back(path, place):
    """The places of the last records before a place in a file; none where it begins within a record."""
    data, found, at = path.read_bytes()[:place], [], 0
    while at < place:
        found.append(at)
        at = record_end(data, at)
        if at is None:
            return []
    return found[-AGAIN:]


def files(index):
    """A queue's files by their numbers."""
    return {int(path.suffix[1:]): path for path in index.parent.glob(f"{index.stem}.[0-9]*")}


def cut(index, number, offset):
    """Forget what is beyond the place to write at."""
    for other, path in files(index).items():
        if other > number:
            path.unlink()
        elif other == number and path.stat().st_size > offset:
            os.truncate(path, offset)


def mend(index):
    """Make a queue right; returns what would have cost all of it, if anything."""
    text = index.read_bytes()
    head, writes, reads = text.split(OBJECT)
    written, read = fields(writes), fields(reads)
    cut(index, written[b"iCurrFNum"], written[b"iCurrOffs"])
    left, first, said = files(index), read[b"iCurrFNum"], ""
    if first in left:
        again = back(left[first], read[b"iCurrOffs"])
        offset, size = min(again, default=read[b"iCurrOffs"]), fields(head)[b"iQueueSize"] + len(again)
        head = changed(head, iQueueSize=size)
        reads = changed(reads, iCurrOffs=offset, strtOffs=offset)
    elif left:
        # What was in that file is still counted: at the end rsyslog calls it lost, and counts anew.
        said = f"{index.stem} begins in file {min(left)}: all of {first} was sent, whatever will be called lost"
        reads = changed(reads, iCurrFNum=min(left), iCurrOffs=0, strtOffs=0)
    new = index.with_suffix(".new")
    new.write_bytes(OBJECT.join((head, writes, reads)))
    new.replace(index)
    return said


def main():
    """Make all queues of a folder right."""
    for index in sorted(Path(sys.argv[1]).glob("*.qi")):
        try:
            said = mend(index)
        except (OSError, ValueError, KeyError) as error:  # rsyslog does what it can
            said = f"{index} cannot be read: {error!r}"
        if said:
            print(said, flush=True)


if __name__ == "__main__":
    main()
