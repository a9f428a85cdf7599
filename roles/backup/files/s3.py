"""A bucket of an S3 store, asked by a request of our own before restic is.

restic waits a minute for a store that refuses, and does not say what is wrong in words for a person.
"""

import configparser
import hashlib
import hmac
import http.client
import re
import socket
import ssl
import time
from email.utils import parsedate_to_datetime
from functools import cache, cached_property
from urllib.parse import quote, urlsplit

from settings import RefusedError

SECONDS = 20.0  # for an answer
SKEW = 15 * 60  # seconds a clock may be off (Amazon S3, "RequestTimeTooSkewed")
PROBE = "probe"  # an object beside restic's own, to see whether the store takes anything
OK, NOT_FOUND, TOO_LARGE, BROKEN, FULL = 200, 404, 413, 500, 507
NOWHERE = "us-east-1"  # what a request is signed for where no region is known
MISSING = {"NoSuchKey", ""}  # of an answer "not found": HEAD and some stores say no more
# Codes of the answer (Amazon S3 API reference, "Error responses"; XMinio...: MinIO, QuotaExceeded: Ceph).
CODES = {
    "InvalidAccessKeyId": "it does not know the access key id",
    "SignatureDoesNotMatch": "the secret access key does not belong to the access key id",
    "AccessDenied": "the access key may not {verb} in bucket {bucket}",
    "AllAccessDisabled": "the access key may not {verb} in bucket {bucket}",
    "NoSuchBucket": "there is no bucket {bucket}: make it first",
    "PermanentRedirect": "bucket {bucket} is at another endpoint{at}",
    "AuthorizationHeaderMalformed": "bucket {bucket} is in another region{at}",
    "EntityTooLarge": "bucket {bucket} takes nothing more: it has a quota, and is full",
    "QuotaExceeded": "bucket {bucket} takes nothing more: it has a quota, and is full",
    "XMinioAdminBucketQuotaExceeded": "bucket {bucket} takes nothing more: it has a quota, and is full",
    "XMinioStorageFull": "the store has no room left",
    "MethodNotAllowed": "it takes nothing: it is read-only",
}
# What restic says when the store fails under way.
WORDS = {
    "Access Denied": "the S3 store refuses it",
    "maximum allowed object size": "the bucket takes nothing more: it has a quota, and is full",
    "uota exceeded": "the bucket takes nothing more: it has a quota, and is full",
    "exceeds quota": "the bucket takes nothing more: it has a quota, and is full",
    "connection refused": "the S3 store does not answer",
    "i/o timeout": "the S3 store does not answer",
    "handshake timeout": "the S3 store does not answer",
    "no such host": "the name of the S3 store is not known here",
    "x509:": "the certificate of the S3 store is not trusted",
}


class StoreError(RefusedError):
    """The store does not do as it is told."""


class Bucket:
    """Part of a bucket. where: the repository as restic takes it; s3: as role backup describes it."""

    lost = "was it removed? If the topology names another store now, bring it there first"

    def __init__(self, where, s3):
        self.s3 = s3
        self.prefix = where.removeprefix(f"s3:{s3['endpoint']}/{s3['bucket']}")
        self.region = s3["region"] or NOWHERE
        self.environment = {"AWS_SHARED_CREDENTIALS_FILE": s3["access"]}
        self.words = ["-o", f"s3.bucket-lookup={s3['bucket_lookup']}"]
        self.words += ["-o", f"s3.region={s3['region']}"] if s3["region"] else []
        self.words += ["--cacert", s3["authority"]] if s3["authority"] else []
        self.takes = cache(self._takes)

    def _takes(self):
        """See that it takes something, once. Raises StoreError."""
        answer = self.ask("PUT", PROBE, b"Written by cluster, to see whether something can be.\n")
        if answer.status != OK:
            raise self.refusal(answer, "write")

    def has_repository(self):
        """Whether there is one. Raises StoreError where that cannot be known."""
        answer = self.ask("GET", "config")
        if answer.status == NOT_FOUND and answer.code in MISSING:
            return False
        if answer.status != OK:
            raise self.refusal(answer, "read")
        return True

    def ask(self, method, name, body=b""):
        """An Answer to a signed request for an object; where the store says which region it wants, once more."""
        answer = self.once(method, name, body)
        if answer.code == "AuthorizationHeaderMalformed" and answer.region and not self.s3["region"]:
            self.region = answer.region
            answer = self.once(method, name, body)
        return answer

    def once(self, method, name, body):
        """One request, one Answer. Raises StoreError where none comes."""
        found, dns = urlsplit(self.s3["endpoint"]), self.s3["bucket_lookup"] == "dns"
        host = f"{self.s3['bucket']}.{found.hostname}" if dns else found.hostname
        path = quote(f"{'' if dns else '/' + self.s3['bucket']}{self.prefix}/{name}")
        port = f":{found.port}" if found.port else ""
        headers = signed(method, host + port, path, body, self.keys, self.region, time.time())
        try:
            link = http.client.HTTPSConnection(host, found.port, timeout=SECONDS, context=self.trust)
            link.request(method, path, body or None, headers)
            answer = link.getresponse()
            return Answer(
                answer.status, answer.read(1 << 16).decode(errors="replace"), answer.getheader("Date", "")
            )
        except (OSError, http.client.HTTPException) as error:
            raise StoreError(f"S3 store {self.s3['endpoint']}: {explained(error, host)}") from error

    @cached_property
    def trust(self):
        """Who has to have signed the store's certificate: the named authority alone, if one is, as for restic."""
        return ssl.create_default_context(cafile=self.s3["authority"] or None)

    @cached_property
    def keys(self):
        """(access key id, secret access key)."""
        file = configparser.RawConfigParser()
        file.read(self.s3["access"], encoding="utf-8")
        return file["default"]["aws_access_key_id"], file["default"]["aws_secret_access_key"]

    def refusal(self, answer, verb):
        """The error for an answer that is none we hoped for."""
        return StoreError(f"S3 store {self.s3['endpoint']}: {self.meaning(answer, verb)}{answer.words}")

    def meaning(self, answer, verb):
        """What it says, in plain words."""
        off = time.time() - answer.clock if answer.clock else 0
        if answer.code == "RequestTimeTooSkewed" or (answer.status != OK and abs(off) > SKEW):
            which = "ahead of" if off > 0 else "behind"
            return f"the clock of this node is {abs(off) / 60:.0f} minutes {which} the store's"
        at = answer.endpoint or answer.region
        if answer.code in CODES:
            return CODES[answer.code].format(bucket=self.s3["bucket"], verb=verb, at=f", {at}" if at else "")
        if answer.status in (TOO_LARGE, FULL):
            return f"bucket {self.s3['bucket']} takes nothing more"
        if answer.status >= BROKEN:
            return f"it is out of order ({answer.status})"
        return f"it does not let us {verb} ({answer.status})"


class Answer:
    """What a store answered. text: the body; date: its clock, as the header says it."""

    def __init__(self, status, text, date):
        self.status, self.text = status, text if status != OK else ""
        try:
            self.clock = parsedate_to_datetime(date).timestamp()
        except (TypeError, ValueError):
            self.clock = 0

    def element(self, name):
        """An element of the error document, on one line; empty without it."""
        found = re.search(rf"<{name}>([^<]*)</{name}>", self.text)
        return " ".join(found[1].split())[:200] if found else ""

    @property
    def code(self):
        """The error's code."""
        return self.element("Code")

    @property
    def region(self):
        """The region the store wants."""
        return self.element("Region")

    @property
    def endpoint(self):
        """Where the bucket is instead."""
        return self.element("Endpoint")

    @property
    def words(self):
        """The store's own."""
        said = ": ".join(filter(None, (self.code, self.element("Message"))))
        return f" ({said})" if said else ""


def explained(error, host):
    """Why no answer came, in plain words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message
        clock = ": is the clock of this node right?" if "expired" in why or "not yet valid" in why else ""
        return f"its certificate is not trusted ({why}{clock})"
    if isinstance(error, ssl.SSLError):
        return f"it speaks no TLS there ({error.reason or error})"
    if isinstance(error, socket.gaierror):
        return f"the name {host} is not known here ({error.strerror})"
    if isinstance(error, TimeoutError):
        return f"it does not answer within {SECONDS:.0f} s"
    return f"it does not answer ({getattr(error, 'strerror', None) or error})"


def signed(method, host, path, body, keys, region, now):
    """The headers of a signed request (AWS Signature Version 4, "Create a signed AWS API request").

    path: as it is sent, without a query. keys: (id, secret). now: seconds since 1970.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    digest = hashlib.sha256(body).hexdigest()
    headers = {"host": host, "x-amz-content-sha256": digest, "x-amz-date": stamp}
    names = ";".join(headers)
    lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"{method}\n{path}\n\n{lines}\n{names}\n{digest}"
    scope = f"{stamp[:8]}/{region}/s3/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = f"AWS4{keys[1]}".encode()
    for part in (*scope.split("/"), text):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    about = f"Credential={keys[0]}/{scope}, SignedHeaders={names}, Signature={key.hex()}"
    return {**headers, "authorization": f"AWS4-HMAC-SHA256 {about}"}
