#!/usr/bin/python
"""One node of a database with a primary and replicas: one step of the program that role replication installs."""

import json

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: replication
short_description: Have a primary and replicas that follow it
description:
  - Who takes writes goes on doing so. Nodes that are new or were emptied get a copy, others follow from where they
    are. Where nobody takes writes, the former primary does again, but only when all were seen and it has all.
  - The action plugin of the same name decides, from what all nodes show; this runs one step on one node.
options:
  members: {description: 'Nodes that hold the data, in a fixed order.', type: list, elements: str, required: true}
  name: {description: Name of the database., type: str, required: true}
  timeout: {description: Seconds the copies of all data may take., type: int, default: 86400}
  relieve: {description: 'Move the writes away from this node, if it takes them.', type: bool}
  delay: {description: 'Have this node apply what it receives as much later as its settings say.', type: bool}
  step: {description: 'For the action plugin: the step and its words.', type: list, elements: str, default: [look]}
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: Have primary and replicas
  cluster.core.replication:
    name: shop-main
    members: [db1, db2, db3]
"""

RETURN = r"""
answer: {description: What the step said., type: dict, returned: always}
primary: {description: The node that takes writes., type: str, returned: by the action plugin}
delays: {description: Whether the delay of this node may not be right., type: bool, returned: by the action plugin}
"""

PROGRAM = "/usr/local/lib/cluster/replication"
LOOKS = ("look", "progress", "healthy")


def main():
    module = AnsibleModule(
        argument_spec={
            "members": {"type": "list", "elements": "str", "required": True},
            "name": {"type": "str", "required": True},
            "timeout": {"type": "int", "default": 86400},
            "relieve": {"type": "bool"},
            "delay": {"type": "bool"},
            "step": {"type": "list", "elements": "str", "default": ["look"]},
        },
        supports_check_mode=True,
    )
    step = module.params["step"]
    if module.check_mode and step[0] not in LOOKS:
        module.exit_json(changed=True, answer={})
    rc, out, err = module.run_command(["python3", PROGRAM, *step])
    if rc != 0:
        module.fail_json(msg=err.strip() or f"{step[0]} failed")
    module.exit_json(changed=step[0] not in LOOKS, answer=json.loads(out))


if __name__ == "__main__":
    main()
