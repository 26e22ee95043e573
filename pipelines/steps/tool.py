"""Runs a command line of somebody else, with its output in the step's log."""

import os
import subprocess
import sys
import sysconfig
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from steps.say import say

# As many lines as are looked through for the reason of a failure: tracebacks of several ranks fit.
KEPT_LINES = 4000


@dataclass(frozen=True)
class ToolRun:
    """How a command ended."""

    command: list[str]
    # Below 0 for the signal that ended it.
    code: int
    seconds: float
    # The last lines of both outputs, in their order.
    lines: list[str]


def filled(command: Sequence[str], places: Mapping[str, str]) -> list[str]:
    """A command line with folders in the places that `{model}` and the like stand for."""
    return [part.format(**places) if part.startswith("{") else part for part in command]


def search_path() -> str:
    """Where programs are: on PATH, and where pip has put those of this Python. A user who may not write into the image,
    as the steps' is, gets them into a folder below HOME that no PATH names."""
    beside = [str(Path(sys.executable).parent), sysconfig.get_path("scripts", "posix_user")]
    return os.pathsep.join([os.environ.get("PATH", os.defpath), *beside])


def run_tool(command: Sequence[str]) -> ToolRun:
    """Runs it to its end. A program that is not there is a failure like any other."""
    say(f"$ {' '.join(command)}")
    lines: deque[str] = deque(maxlen=KEPT_LINES)
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={**os.environ, "PATH": search_path()},
        )
    except OSError as error:
        return ToolRun(list(command), 127, 0.0, [f"{command[0]}: {error.strerror}"])
    for line in process.stdout:
        lines.append(line.rstrip("\n"))
        say(f"  {lines[-1]}")
    code = process.wait()
    return ToolRun(list(command), code, time.monotonic() - start, list(lines))
