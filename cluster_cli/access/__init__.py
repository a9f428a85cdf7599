"""Who gets in over SSH: certificates given out, and those that count no more."""
