"""Positions of a MariaDB database: one GTID a replication domain, DOMAIN-SERVER-SEQUENCE (its documentation)."""


def parsed(text):
    """{domain: (server, sequence)} of a position; the highest sequence counts where a domain is named twice."""
    found = {}
    for word in filter(None, (each.strip() for each in text.split(","))):
        domain, server, sequence = map(int, word.split("-"))
        if sequence >= found.get(domain, (0, -1))[1]:
            found[domain] = (server, sequence)
    return found


def only(text, domain):
    """What a position or a past says of one domain. What a node wrote by itself has another, and is its own."""
    words = (each.strip() for each in text.split(",") if each.strip())
    return ",".join(each for each in words if int(each.split("-")[0]) == domain)


def others(text, domain):
    """What it says of all other domains."""
    words = (each.strip() for each in text.split(",") if each.strip())
    return ",".join(each for each in words if int(each.split("-")[0]) != domain)


def reaches(position, goal):
    """Whether who is at `position` has everything up to `goal`."""
    here = parsed(position)
    return all(here.get(domain, (0, 0))[1] >= sequence for domain, (_, sequence) in parsed(goal).items())


def knows(history, position):
    """Whether a past (@@gtid_binlog_state: one GTID for each domain and server) has exactly this in it.

    A node that lost what no replica had acknowledged has the number, but given by another server.
    """
    past = {tuple(map(int, word.strip().split("-")))[:2]: int(word.strip().split("-")[2])
            for word in history.split(",") if word.strip()}  # fmt: skip
    return all(
        past.get((domain, server), -1) >= sequence for domain, (server, sequence) in parsed(position).items()
    )
