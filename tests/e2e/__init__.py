"""End-to-end tests on real nodes: what a user would do, and the faults they fear."""
