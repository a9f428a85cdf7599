"""A MySQL server, asked as root at its own socket, and the passwords it keeps."""

import hashlib

ALPHABET = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The order in which SHA-crypt writes the bytes of its digest, three at a time.
TRIPLES = [(0, 10, 20), (21, 1, 11), (12, 22, 2), (3, 13, 23), (24, 4, 14), (15, 25, 5), (6, 16, 26), (27, 7, 17),
           (18, 28, 8), (9, 19, 29)]  # fmt: skip
MARK, SALT = b"$A$", 20


class Server:
    """The server of this node, by its own client. Statements and passwords go over standard input."""

    CLIENT = ["mysql", "--no-defaults", "--connect-timeout=3", "-BN", "--raw"]  # noqa: RUF012

    def __init__(self, module):
        self.module = module

    def heard(self, sql):
        """Rows as lists of texts; None where the server is not there or refuses."""
        rc, out, err = self.module.run_command(self.CLIENT, data=sql, handle_exceptions=False)
        return [line.split("\t") for line in out.splitlines()] if rc == 0 else None

    def ask(self, sql):
        """As `heard`; fails the task with the server's words."""
        rc, out, err = self.module.run_command(self.CLIENT, data=sql)
        if rc != 0:
            self.module.fail_json(msg=f"the server refused: {err.strip()}")
        return [line.split("\t") for line in out.splitlines()]

    def passwords(self, name):
        """Of an account that may come from anywhere: (stored, stored besides), empty when there is none."""
        rows = self.ask(
            "SELECT HEX(authentication_string), HEX(COALESCE(User_attributes->>'$.additional_password', '')) "
            f"FROM mysql.user WHERE user = {text(name)} AND host = '%' AND plugin = 'caching_sha2_password'"
        )
        return tuple(bytes.fromhex(each) for each in rows[0]) if rows else ()


def text(value):
    """A value as a literal of SQL."""
    return "'" + value.replace("\\", "\\\\").replace("'", "''") + "'"


def told(sql):
    """A statement without the password in it."""
    head, mark, rest = sql.partition(" BY '")
    return f"{head}{mark}...'{rest[rest.rindex(chr(39)) + 1 :]}" if mark else sql


def matches(stored, password):
    """Whether what the server stores is of this password.

    caching_sha2_password keeps `$A$`, thousands of rounds in hexadecimal, `$`, 20 bytes of salt, and SHA-crypt's
    digest (sql/auth/sha2_password.cc).
    """
    if not stored.startswith(MARK) or len(stored) < len(MARK) + 4 + SALT:
        return False
    rounds, rest = int(stored[3:6], 16) * 1000, stored[7:]
    return sha256_crypt(password.encode(), rest[:SALT], rounds) == rest[SALT:].decode("ascii", "replace")


def sha256_crypt(password, salt, rounds):
    """The digest of Ulrich Drepper's "Unix crypt using SHA-256 and SHA-512", with a salt of any length."""
    inner = hashlib.sha256(password + salt + password).digest()
    digest = hashlib.sha256(password + salt + stretched(inner, len(password)))
    count = len(password)
    while count:
        digest.update(inner if count & 1 else password)
        count >>= 1
    found = digest.digest()
    word = stretched(hashlib.sha256(password * len(password)).digest(), len(password))
    grain = stretched(hashlib.sha256(salt * (16 + found[0])).digest(), len(salt))
    for number in range(rounds):
        odd = number & 1
        middle = (grain if number % 3 else b"") + (word if number % 7 else b"")
        found = hashlib.sha256((word if odd else found) + middle + (found if odd else word)).digest()
    return encoded(found)


def stretched(digest, length):
    """The digest again and again, to that length."""
    return (digest * (length // len(digest) + 1))[:length]


def encoded(digest):
    """The digest in SHA-crypt's own base 64."""
    rows = [((digest[a] << 16) | (digest[b] << 8) | digest[c], 4) for a, b, c in TRIPLES]
    rows.append(((digest[31] << 8) | digest[30], 3))
    return "".join(ALPHABET[(value >> (6 * place)) & 63] for value, count in rows for place in range(count))


def let_in(who, stored, wanted):
    """The statements after which an account lets in these passwords, one or two, and no other.

    stored: what the server keeps of them (Server.passwords), empty for an account that is to be made.
    """
    how = f"{who} IDENTIFIED WITH caching_sha2_password BY"
    if not stored:
        yield f"CREATE USER {how} {text(wanted[0])} REQUIRE SSL"
        yield from (f"ALTER USER {how} {text(each)} RETAIN CURRENT PASSWORD" for each in wanted[1:2])
        return
    first, second = stored
    used = next((each for each in wanted if matches(first, each)), None)
    if used is None:
        yield f"ALTER USER {how} {text(wanted[0])}"
        used = wanted[0]
    others = [each for each in wanted if each != used][:1]
    if second and not others:
        yield f"ALTER USER {who} DISCARD OLD PASSWORD"
    for each in others:
        if not second or not matches(second, each):
            yield f"ALTER USER {how} {text(each)} RETAIN CURRENT PASSWORD"
