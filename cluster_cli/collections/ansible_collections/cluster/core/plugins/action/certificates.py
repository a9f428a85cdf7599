"""The controller's half of certificates: what is still good, and the signing of what is not."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from ansible.plugins.action import ActionBase

from cluster_cli.certificates.authority import Authority, Scope, Terms, ends, sign, why_renew
from cluster_cli.certificates.certificate import describe, now, read_chain, split, to_text
from cluster_cli.certificates.cluster_authority import TlsAuthority
from cluster_cli.certificates.given import Given, acme_certificate, own_certificate
from cluster_cli.errors import ClusterError
from cluster_cli.secrets.store import Secrets

FOLDER = "/etc/cluster/certificates"
FRESH_KEY = "/run/cluster-{}.key"
KEY = {"type": "ECC", "curve": "secp256r1", "format": "pkcs8", "mode": "0600", "regenerate": "always"}
LEFT_AWAY = {"names": [], "addresses": [], "usage": "server", "source": "authority"}
Item = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """A certificate that has to be issued, or sent where it is given, and why."""

    item: Item
    why: str
    given: Given | None

    @property
    def name(self) -> str:
        """The name of its folder."""
        return str(self.item["name"])


class ActionModule(ActionBase):  # type: ignore[misc]
    """See the module's documentation. Nothing to do costs one round trip, something costs three and one more."""

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        super().run(tmp, task_vars)
        self._vars = task_vars or {}
        try:
            return self._run()
        except ClusterError as error:
            return {"failed": True, "msg": str(error)}

    def _run(self) -> dict[str, Any]:
        found = self._module("cluster.core.certificates", {**self._task.args, "look": True})
        if found.get("failed"):
            return found
        issuing = self._issuing()
        wanted = [LEFT_AWAY | item for item in self._task.args["wanted"]]
        due = [change for item in wanted if (change := self._change(item, found, issuing))]
        root = to_text([issuing.root])
        result = {
            "changed": bool(due) or found["authority"] != root,
            "issued": {change.name: change.why for change in due},
            "diff": [self._diff(change, issuing) for change in due],
        }
        if self._task.check_mode or not result["changed"]:
            return result
        install = [self._made(change, issuing) for change in due]
        done = self._module(
            "cluster.core.certificates", {**self._task.args, "install": install, "authority": root}
        )
        return done if done.get("failed") else result

    def _issuing(self) -> Authority:
        """The authority that signs; in check mode one that is made up where there is none."""
        cluster, scope = self._vars["cluster_name"], self._task.args["scope"]
        self._secrets = Secrets.open(Path(self._vars["cluster_secrets"]), cluster)
        wanted = Scope(frozenset(scope["names"]), frozenset(scope["networks"]))
        return TlsAuthority(self._secrets, cluster, wanted, dry=bool(self._task.check_mode)).issuing()

    def _change(self, item: Item, found: Item, issuing: Authority) -> Change | None:
        """What has to be done about a certificate; None when the one that is there will do."""
        given = self._given(item)
        why = self._why(item, found["present"][item["name"]], given, issuing)
        return Change(item, why, given) if why else None

    def _given(self, item: Item) -> Given | None:
        """A certificate that comes from elsewhere, with its key; None for one of the cluster's authority."""
        if item["source"] == "files":
            return own_certificate(Path(item["certificate"]), Path(item["key"]), self._vars["cluster_name"])
        return acme_certificate(self._secrets, item["name"]) if item["source"] == "acme" else None

    def _why(self, item: Item, there: Item, given: Given | None, issuing: Authority) -> str:
        """Why it has to be issued or sent; empty when the one that is there will do."""
        if there["certificate"] and not (there["closed"] and there["whole"]):
            return "its files are not as they should be"
        if given:
            same = (there["certificate"], there["public"]) == (given.chain, given.public)
            return "" if same else "another one is given"
        if item.get("renew"):
            return "it was asked for"
        return why_renew(there["certificate"], there["public"], issuing, self._terms(item), now())

    def _terms(self, item: Item) -> Terms:
        names, addresses = split([*item["names"], *item["addresses"]])
        return Terms(names, addresses, item["usage"], timedelta(seconds=self._task.args["life_seconds"]))

    def _made(self, change: Change, issuing: Authority) -> Item:
        """What is put in place: given, or a certificate for a key the node makes now."""
        if change.given:
            return {"name": change.name, "certificate": change.given.chain, "key": change.given.key}
        path = FRESH_KEY.format(change.name)
        self._must("community.crypto.openssl_privatekey", {**KEY, "path": path})
        subject = {"common_name": change.name, "use_common_name_for_san": False}
        request = self._must("community.crypto.openssl_csr_pipe", {"privatekey_path": path, **subject})
        chain = sign(issuing, request["csr"], self._terms(change.item), now())
        return {"name": change.name, "certificate": chain}

    def _diff(self, change: Change, issuing: Authority) -> Item:
        """What is shown of a change: no key, only for whom and until when."""
        item, verb = change.item, "sent" if change.given else "issued"
        until = (
            describe(read_chain(change.given.chain)[0]).ends
            if change.given
            else ends(issuing, now(), self._terms(item).life)
        )
        tense = f"would be {verb}" if self._task.check_mode else verb
        after = f"{tense} for {', '.join([*item['names'], *item['addresses']])} until {until:%Y-%m-%d}\n"
        path = f"{FOLDER}/{change.name}/cert.pem"
        return {"before_header": path, "after_header": path, "before": f"{change.why}\n", "after": after}

    def _must(self, name: str, args: Item) -> dict[str, Any]:
        """Run a module on the node; ClusterError when it fails."""
        result = self._module(name, args)
        if result.get("failed"):
            raise ClusterError(f"{name} failed", why=str(result.get("msg", "")))
        return result

    def _module(self, name: str, args: Item) -> dict[str, Any]:
        result: dict[str, Any] = self._execute_module(module_name=name, module_args=args, task_vars=self._vars)
        return result
