"""gitopsd: a GitOps agent that renders, diffs, applies and remembers."""

__version__ = "0.1.0"
