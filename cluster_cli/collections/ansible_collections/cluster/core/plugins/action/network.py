"""The controller's half of network: see plugin_utils/guarded."""

from __future__ import annotations

from ansible_collections.cluster.core.plugins.plugin_utils.guarded import Guarded


class ActionModule(Guarded):  # type: ignore[misc]
    """See the module's documentation."""

    WHAT = "network"
    NEW = "the new interfaces"
    REMEDY = "See `interfaces` and `routes` of the node in the topology."
