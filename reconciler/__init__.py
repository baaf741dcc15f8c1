"""GitOps for a fleet of AI agents on plain servers."""

__version__ = "0.1.0"
