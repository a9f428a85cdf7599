"""The TLS authority of one cluster: its keys among the secrets, made and renewed when they are needed.

The root's key may be offline. Its certificate stays with the issuing authority, so that only renewing that one
needs the key.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from cluster_cli.certificates.authority import Authority, Scope, new_issuing, new_root, why_renew_issuing
from cluster_cli.certificates.certificate import describe, now, to_text
from cluster_cli.errors import ClusterError
from cluster_cli.secrets.store import Secrets

ROOT, ISSUING = "tls_root_authority", "tls_issuing_authority"
Values = Mapping[str, str]


@dataclass(frozen=True)
class TlsAuthority:
    """What signs the certificates of a cluster.

    scope: what the issuing authority is to be good for. dry: make nothing; what is missing is made up for
    the moment, so that a plan can be shown.
    """

    secrets: Secrets
    cluster: str
    scope: Scope
    dry: bool = False

    def issuing(self, at: datetime | None = None) -> Authority:
        """The issuing authority, made or renewed if it has to be.

        Raises ClusterError when that needs the root's key and it is offline, unless the old one will still do.
        """
        moment = at or now()
        known = self._values()
        found = self._good(known, moment)
        if found:
            return found
        made = self._made(known, moment)
        if self.dry:
            return Authority.read(made[ISSUING], ISSUING)
        self.secrets.update(lambda values: {} if self._good(values, moment) else self._made(values, moment))
        return Authority.read(self.secrets.get(ISSUING), ISSUING)

    def root_certificate(self) -> str:
        """The certificate clients trust, as PEM."""
        return to_text([self.issuing().root])

    def warning(self) -> str:
        """What the operator ought to know of the authority; empty when all is well."""
        issuing = self._read(self._values(), ISSUING)
        if issuing is None:
            return ""
        left = describe(issuing.certificate)
        if now() < left.renewed_from():
            return ""
        return f"the issuing authority ends on {left.ends:%Y-%m-%d}; bring the root's key online, then: cluster up"

    def root(self) -> Authority:
        """The root with its key. Raises ClusterError when the key is offline, or was never made."""
        found = self._read(self._values(), ROOT)
        if found is None:
            raise offline("it is not among the secrets")
        return found

    def is_offline(self) -> bool:
        """Whether there is an authority, and the root's key is not among the secrets."""
        known = self._values()
        return ISSUING in known and ROOT not in known

    def forget_root(self) -> None:
        """Remove the root's key from the secrets."""
        self.secrets.update(lambda _: {ROOT: None})

    def bring_online(self, text: str, where: str) -> None:
        """Put the root's key back. Raises ClusterError when it is not this cluster's."""
        root = Authority.read(text, where)
        issuing = self._read(self._values(), ISSUING)
        if issuing is not None and issuing.root != root.certificate:
            raise ClusterError(
                "this is the root of another cluster, or an older one of this",
                where=where,
                why=f"it does not stand above the issuing authority of {self.cluster}",
                hint="name the file this cluster's root was written to by: cluster certs take-offline",
            )
        self.secrets.update(lambda _: {ROOT: text})

    def _values(self) -> Values:
        known = self.secrets.entries()
        return {name: known[name].value for name in (ROOT, ISSUING) if name in known}

    def _read(self, known: Values, name: str) -> Authority | None:
        return Authority.read(known[name], name) if name in known else None

    def _good(self, known: Values, moment: datetime) -> Authority | None:
        """The issuing authority if it will do. Without the root's key one in its last third has to."""
        issuing, root = self._read(known, ISSUING), self._read(known, ROOT)
        if issuing is None:
            return None
        above: x509.Certificate | None = root.certificate if root else None
        why = why_renew_issuing(issuing, above, self.scope, moment)
        if why and (root or "last third" not in why):
            return None
        return issuing

    def _made(self, known: Values, moment: datetime) -> dict[str, str]:
        """What has to be kept so that there is a good issuing authority."""
        root, issuing = self._read(known, ROOT), self._read(known, ISSUING)
        if root is None and issuing is not None:
            raise offline(why_renew_issuing(issuing, None, self.scope, moment))
        if root is None or moment >= root.certificate.not_valid_after_utc:
            root = new_root(self.cluster, moment)
        made = new_issuing(root, self.cluster, self.scope, moment)
        return {ROOT: root.text(), ISSUING: made.text()}


def offline(why: str) -> ClusterError:
    """The error when only the root's key helps."""
    return ClusterError(
        "the key of the cluster's root authority is needed, and it is offline",
        where=ROOT,
        why=f"the issuing authority has to be renewed: {why}" if why else "",
        hint="cluster certs bring-online FILE, then run this again, then: cluster certs take-offline FILE",
    )
