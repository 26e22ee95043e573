"""What a step says, and how it fails."""

import sys


class StepFailed(RuntimeError):
    """A step that could not do its work, with what to do about it in its words."""


def say(text: str) -> None:
    """A line of the step's log."""
    print(text, flush=True)


def warn(text: str) -> None:
    """A line of the step's log that somebody should read."""
    print(f"WARNING: {text}", file=sys.stderr, flush=True)
