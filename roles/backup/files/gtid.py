"""Positions of a database, in the words of its own engine.

MariaDB: one GTID a replication domain, DOMAIN-SERVER-SEQUENCE (its documentation). MySQL: the set of all that was
written (gtid_sets.py), which alone has colons; all its nodes write is in one.
"""

import gtid_sets


def is_set(*texts):
    """Whether this is MySQL's way to tell it."""
    return any(":" in text for text in texts)


def parsed(text):
    """{domain: (server, sequence)} of a position; the highest sequence counts where a domain is named twice."""
    found = {}
    for word in filter(None, (each.strip() for each in text.split(","))):
        domain, server, sequence = map(int, word.split("-"))
        if sequence >= found.get(domain, (0, -1))[1]:
            found[domain] = (server, sequence)
    return found


def at(text, sequence):
    """A position of one domain, at another sequence."""
    domain, server, _ = text.split("-")
    return f"{domain}-{server}-{sequence}"


def only(text, domain):
    """What a position or a past says of one domain. What a node wrote by itself has another, and is its own."""
    if is_set(text):
        return gtid_sets.union(text, "")
    words = (each.strip() for each in text.split(",") if each.strip())
    return ",".join(each for each in words if int(each.split("-")[0]) == domain)


def others(text, domain):
    """What it says of all other domains."""
    words = (each.strip() for each in text.split(",") if each.strip())
    return ",".join(each for each in words if int(each.split("-")[0]) != domain)


def reaches(position, goal):
    """Whether who is at `position` has everything up to `goal`."""
    if is_set(position, goal):
        return gtid_sets.covers(position, goal)
    here = parsed(position)
    return all(here.get(domain, (0, 0))[1] >= sequence for domain, (_, sequence) in parsed(goal).items())


def parted(fit, everybody, goal):
    """Whether a database went on without something of what was written up to `goal`.

    fit, everybody: positions of the nodes that are fit to tell, and of all. MariaDB gives the numbers anew: who
    has them has other transactions. Of MySQL nobody has what is lost, and somebody has what came after.
    """
    if is_set(goal, *everybody):
        nobody = not any(reaches(each, goal) for each in everybody)
        return nobody and any(not reaches(goal, each) for each in fit)
    return any(reaches(each, goal) for each in fit)


def further(position, other):
    """The position of who has everything up to both."""
    if is_set(position, other):
        return gtid_sets.union(position, other)
    here, there = parsed(position), parsed(other)
    both = {
        domain: max(here.get(domain, (0, -1)), there.get(domain, (0, -1)), key=lambda each: each[1])
        for domain in {*here, *there}
    }
    return ",".join(f"{domain}-{server}-{sequence}" for domain, (server, sequence) in sorted(both.items()))


def knows(history, position):
    """Whether a past (@@gtid_binlog_state: one GTID for each domain and server) has exactly this in it.

    A node that lost what no replica had acknowledged has the number, but given by another server.
    """
    if is_set(history, position):
        return gtid_sets.covers(history, position)
    past = {tuple(map(int, word.strip().split("-")))[:2]: int(word.strip().split("-")[2])
            for word in history.split(",") if word.strip()}  # fmt: skip
    return all(
        past.get((domain, server), -1) >= sequence for domain, (server, sequence) in parsed(position).items()
    )
