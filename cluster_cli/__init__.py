"""From one topology file to a verified high-availability stack."""

__version__ = "0.1.0"
