"""The verbs, one file each: open the workspace, do the work, show what came of it."""
