#!/usr/bin/python
"""End systemd units, now and at boot, and show which."""

from ansible.module_utils.basic import AnsibleModule

DOCUMENTATION = r"""
module: ended_units
short_description: Units that are not to run, now nor at boot
description:
  - Stops and disables each of the units, in the order they are named. What they have on the disk stays.
  - The difference it shows names them, so that a plan does.
options:
  names:
    description: The units. They are there; whether one runs is not asked.
    type: list
    elements: str
    required: true
author: the cluster maintainers
"""

EXAMPLES = r"""
- name: End what has no place here
  cluster.core.ended_units:
    names: [keepalived, haproxy]
"""

RETURN = r"""# nothing beyond what every module returns"""


def main():
    module = AnsibleModule(
        argument_spec={"names": {"type": "list", "elements": "str", "required": True}}, supports_check_mode=True
    )
    names = module.params["names"]
    for name in () if module.check_mode else names:
        rc, out, err = module.run_command(["systemctl", "disable", "--now", name])
        if rc != 0:
            module.fail_json(msg=f"{name} could not be ended: {(err or out).strip()}")
    before = "".join(f"{name}\n" for name in names)
    header = "units that run, or would at boot"
    diff = {"before_header": header, "after_header": header, "before": before, "after": ""}
    module.exit_json(changed=bool(names), diff=[diff])


if __name__ == "__main__":
    main()
