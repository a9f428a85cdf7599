"""Databases of Prometheus among the files that are given: whether what was read of one is as a crash leaves it.

Blocks never change, and the log and the chunks of the last hours are only added to, which Prometheus's start puts
right. What a compaction takes away meanwhile would be in neither place: it tells by what is there before and after
(Prometheus's manual, "Storage", and its tsdb/docs/format).
"""

import glob
import os


def marks(paths):
    """What a compaction changes, of every database at the paths and one folder below: blocks, and first files."""
    found = set()
    for place in (place for path in paths for place in (path, *glob.glob(f"{glob.escape(path)}/*"))):
        chunks, log = os.path.join(place, "chunks_head"), os.path.join(place, "wal")
        if os.path.isdir(chunks) and os.path.isdir(log):
            found.update(glob.glob(f"{glob.escape(place)}/*/meta.json"))
            found.update(glob.glob(f"{glob.escape(log)}/checkpoint.*"))
            first = (sorted(glob.glob(f"{glob.escape(folder)}/[0-9]*"))[:1] for folder in (chunks, log))
            found.update(*first)
    return found
