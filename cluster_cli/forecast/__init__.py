"""What runs out when, by the history nodes that watch have of it: asked, fitted, judged, and what to change."""
