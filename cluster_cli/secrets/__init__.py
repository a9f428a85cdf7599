"""The secrets of a cluster: made, kept sealed, rotated, and never told."""
