"""The topology file: its model, its rules, and how it is read."""
