#!/usr/bin/python3 -I
"""cluster-operate: restart, reload and drain services of the cluster on this node. For operators, through sudo.

  cluster-operate reload SERVICE             read its configuration anew; clients notice nothing
  cluster-operate restart SERVICE            stop and start it
  cluster-operate drain BACKEND/SERVER       haproxy sends it no new clients, until `ready` or its next reload
  cluster-operate ready BACKEND/SERVER       and again

A configuration that does not pass its own checker keeps the service as it is. Who did what is written to the
system's log. What may be named stands in /etc/cluster/services.json; cluster-observe looks without changing.
"""

import os
import sys
import syslog

OBSERVE = "/usr/local/sbin/cluster-observe"


def look():
    """cluster-observe as a module: isolated Python has no other way to reach it."""
    from importlib.machinery import SourceFileLoader
    from importlib.util import module_from_spec, spec_from_loader

    sys.dont_write_bytecode = True
    loader = SourceFileLoader("cluster_observe", OBSERVE)
    spec = spec_from_loader("cluster_observe", loader)
    module = module_from_spec(spec)
    loader.exec_module(module)
    return module


def change(observe, action, services, name):
    """Check the configuration, then do it; the exit code of what failed first."""
    unit = observe.service(name, services)
    if services[unit] and observe.run(*services[unit]) != 0:
        raise observe.RefusedError(f"the configuration of {unit} does not pass its check; it was not touched")
    return observe.run("systemctl", "--no-ask-password", action, f"{unit}.service")


def set_state(observe, state, services, place):
    """Tell haproxy the state of one server that it knows."""
    observe.service("haproxy", services)
    there = {f"{row['pxname']}/{row['svname']}" for row in observe.servers()}
    if place not in there:
        raise observe.RefusedError(f"haproxy has no {place!r}; there are {', '.join(sorted(there))}")
    said = observe.ask_haproxy(f"set server {place} state {state}").strip()
    if said:
        raise observe.RefusedError(f"haproxy said: {said}")
    return 0


def main(words):
    observe = look()
    verbs = {
        "reload": lambda services, name: change(observe, "reload", services, name),
        "restart": lambda services, name: change(observe, "restart", services, name),
        "drain": lambda services, place: set_state(observe, "drain", services, place),
        "ready": lambda services, place: set_state(observe, "ready", services, place),
    }
    code = observe.main(words, verbs, __doc__)
    note(words, code)
    return code


def note(words, code):
    """Leave a record among the logins, where it is gathered."""
    who = os.environ.get("SUDO_USER", "root")
    asked = "".join(letter if letter.isprintable() else "?" for letter in " ".join(words))[:200]
    syslog.openlog("cluster-operate", syslog.LOG_PID, syslog.LOG_AUTHPRIV)
    syslog.syslog(syslog.LOG_NOTICE, f"{who}: {asked}: exit {code}")


if __name__ == "__main__":
    if os.geteuid() != 0:
        sys.exit(f"run it through sudo: sudo {sys.argv[0]}")
    sys.exit(main(sys.argv[1:]))
