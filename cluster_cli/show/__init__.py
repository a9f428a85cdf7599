"""What people see after a verb."""
