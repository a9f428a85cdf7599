"""A heavy batch beside the ledger: large transactions that keep the nodes busy applying."""

import threading
from collections.abc import Callable
from contextlib import closing, suppress

import pymysql

ROWS = 2000  # a transaction
STATEMENT = "INSERT INTO batch (text) VALUES " + ", ".join(["(REPEAT('x', 200))"] * ROWS)
PAUSE = 0.2


class Batch:
    """Writes large transactions until it is left; what fails is tried again over a new connection."""

    def __init__(self, connect: Callable[[], pymysql.Connection]) -> None:
        self._connect, self._over = connect, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Batch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(30)

    def _run(self) -> None:
        while not self._over.is_set():
            with suppress(pymysql.MySQLError, OSError), closing(self._connect()) as connection:
                while not self._over.wait(PAUSE):
                    with connection.cursor() as cursor:
                        cursor.execute(STATEMENT)
            self._over.wait(PAUSE)
