"""Databases that run: what they say of themselves, and what is done to them at an operator's word.

A folder for each mode, and in it a file for each verb (galera/switchover.py): `weigh` looks and decides, which is
where the rules are, and `carry_out` does it. A mode's state.py reads what its nodes say.
"""
