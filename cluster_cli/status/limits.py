"""From where on something is a problem, for `status`, which asks nodes, and the page, which asks their metrics."""

DISK_FULL_PERCENT = 90
MAX_OFFSET_SECONDS = 0.1
LOGS_BEHIND_SECONDS = 30  # an endpoint that lacks the logs of less was restarted, for instance
WARN_DAYS, WARN_SHARE = 14, 6  # a certificate: this many days before its end, or in the last sixth of a short life
