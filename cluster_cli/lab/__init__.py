"""The lab provider: nodes as systemd containers in podman or docker."""
