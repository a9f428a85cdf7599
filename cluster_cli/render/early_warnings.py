"""Rules that tell of what is not wrong yet: what runs out by the line it follows, and what is unlike other days.

A line alone is no reason for an alert. What is left must be less than half, and less than there ever was on the
day before, by a tenth: so what comes and goes, by day or by rotation, is not told of. What has no such past is not
told of either.
"""

from collections.abc import Iterator

from cluster_cli.render.probes import own_requests
from cluster_cli.render.rule import MILLISECONDS, SOON, Alert, Record, urgent, window
from cluster_cli.topology.databases import Database
from cluster_cli.topology.model import Topology
from cluster_cli.topology.monitoring import Monitoring

DAY, HOUR, HALF_HOUR, MINUTE = 86400, 3600, 1800, 60
PAST = 4  # the line is laid through the last quarter of the time it is followed for
QUICK = 6  # what clients hold changes faster than what disks hold
HALF, NEW_LOW = 50, 0.9
WEEK, ENOUGH = 7, 6  # earlier days that are looked at, and how many of them must be known: a weekend among them
UNUSUAL = 4  # standard deviations
LEAST_SPREAD = 0.1  # of what is usual: days that are all alike leave no room at all
TWICE = 2
LEAST_REQUESTS = 1  # a second; less is chance
TENTH = 10  # of a limit; what is below is no matter


def runs_out(left: str, total: str, seconds: int, *, step: int = 0) -> str:
    """That what is left is gone in so many seconds, by the line through its last quarter of that time.

    left, total: PromQL. step: seconds between the values of `left` where that is an expression, and no metric.
    """
    past, before = seconds // PAST, max(seconds, DAY)
    span = f"[{past}s:{step}s]" if step else f"[{past}s]"
    lowest = f"min_over_time({left}[{before}s:{10 * MINUTE}s] offset {past}s)"
    return (
        f"predict_linear({left}{span}, {seconds}) < 0"
        f" and min_over_time({left}{span}) < {NEW_LOW} * {lowest}"
        f" and 100 * {left} / {total} < {HALF}"
    )


def running_out(topology: Topology, monitoring: Monitoring) -> Iterator[Alert]:
    """What will be gone soon if it goes on as it does."""
    soon, ahead = SOON * urgent(monitoring), monitoring.thresholds.ahead // MILLISECONDS
    slow, quick = ahead, ahead // QUICK
    slow_words, quick_words = (f"{seconds / HOUR:g} h" for seconds in (slow, quick))
    yield Alert(
        "DiskFillsSoon",
        runs_out("node_filesystem_avail_bytes", "node_filesystem_size_bytes", slow),
        "warning",
        f"<mountpoint> of <instance> will be full in {slow_words} if this goes on",
        soon,
    )
    yield Alert(
        "InodesFillSoon",
        runs_out("node_filesystem_files_free", "node_filesystem_files", slow),
        "warning",
        f"<mountpoint> of <instance> will have no inodes left in {slow_words} if this goes on",
        soon,
    )
    if topology.databases:
        most = "mysql_global_variables_max_connections"
        yield Alert(
            "DatabaseConnectionsEndSoon",
            runs_out(f"({most} - mysql_global_status_threads_connected)", most, quick, step=MINUTE),
            "warning",
            f"the database server of <instance> will have no connections left in {quick_words} if this goes on",
            soon,
        )
    if any(each.engine == "haproxy" for each in topology.load_balancers.values()):
        most = "haproxy_frontend_limit_sessions"
        yield Alert(
            "FrontendSessionsEndSoon",
            runs_out(f"({most} - haproxy_frontend_current_sessions)", most, quick, step=MINUTE),
            "warning",
            f"frontend <proxy> of <instance> will have no sessions left in {quick_words} if this goes on",
            soon,
        )
    drifts = [drifting(*each, slow) for each in topology.databases.items() if each[1].mode == "replication"]
    if drifts:
        yield Alert(
            "ReplicationDrifting",
            " or ".join(drifts),
            "warning",
            "<instance> is <duration> behind the primary of database <database>, more and more, and too far "
            f"in {slow_words} if this goes on",
            soon,
        )


def drifting(name: str, database: Database, seconds: int) -> str:
    """That a replica of this database is not too far behind yet, falls behind all the time, and will be."""
    others = f',instance!~"{"|".join(database.delayed)}"' if database.delayed else ""  # those go up and down
    lag, past = f'cluster_database_lag_seconds{{database="{name}"{others}}}', seconds // PAST
    most = max(1, database.max_lag // MILLISECONDS)
    return (
        f"{lag} <= {most} and predict_linear({lag}[{past}s], {seconds}) > {most}"
        f" and min_over_time({lag}[{past // QUICK}s]) > {max(1, most / TENTH):g} and {lag} offset {past}s >= 0"
    )


def unlike_other_days(topology: Topology, monitoring: Monitoring) -> Iterator[Alert | Record]:
    """Traffic and answers that are not what they were at this hour of the last seven days."""
    if not any(each.engine == "haproxy" for each in topology.load_balancers.values()):
        return
    rate, soon, limit = window(monitoring), SOON * urgent(monitoring), monitoring.thresholds.latency / MILLISECONDS
    asked = f"sum by (proxy) (rate(haproxy_backend_http_requests_total[{rate}]))"
    yield Record("proxy:requests:rate", asked)
    yield from compared("proxy:requests")
    slow = f"max by (proxy) (avg_over_time(haproxy_backend_response_time_average_seconds[{rate}]))"
    yield Record("proxy:latency:rate", f"{slow} and proxy:requests:rate > {own_requests(topology):g}")
    yield from compared("proxy:latency")
    times = "proxy:requests:rate / proxy:requests:usual"
    yield Alert(
        "TrafficUnusual",
        f"({times} > {TWICE} or {times} < {1 / TWICE}) and abs(proxy:requests:zscore) > {UNUSUAL}"
        f" and proxy:requests:usual > {LEAST_REQUESTS}",
        "warning",
        "backend <proxy> gets <value> times the requests it got at this hour on other days",
        soon,
    )
    yield Alert(
        "AnswersSlower",
        f"proxy:latency:rate > {limit / TENTH:g} <= {limit:g} and proxy:latency:zscore > {UNUSUAL}"
        f" and proxy:latency:rate > {TWICE} * proxy:latency:usual",
        "warning",
        "servers of backend <proxy> take <duration> to answer, far more than at this hour on other days",
        soon,
    )


def compared(figure: str) -> Iterator[Record]:
    """What a figure was at this hour of earlier days, and how far from that it is now.

    The z-score is the distance to their mean, in their standard deviations (of the population).
    """
    hour, earlier, usual, spread = (f"{figure}:{what}" for what in ("hour", "earlier", "usual", "spread"))
    days = (
        f'label_replace({hour} offset {day * DAY - HALF_HOUR}s, "day", "{day}", "", "")'
        for day in range(1, WEEK + 1)
    )
    least = f"{LEAST_SPREAD} * {usual}"
    yield Record(hour, f"avg_over_time({figure}:rate[1h])")
    yield Record(earlier, " or ".join(days))
    yield Record(usual, f"avg by (proxy) ({earlier}) and count by (proxy) ({earlier}) >= {ENOUGH}")
    yield Record(spread, f"stddev by (proxy) ({earlier})")
    yield Record(f"{figure}:zscore", f"({figure}:rate - {usual}) / ({spread} > {least} or {least})")
