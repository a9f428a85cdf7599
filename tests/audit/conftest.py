"""What the proofs of security share with the end-to-end tests."""

from tests.e2e.conftest import own_places

__all__ = ["own_places"]
