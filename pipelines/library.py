"""The code that a step carries with it: its own module, and those that this one imports.

Kubeflow looks for a step's result by all that the step is made of, its code included. Were each step to carry all of
steps/, a change to the smoke test would have the training run again.
"""

import ast
import base64
import gzip
import io
import re
import shutil
import tarfile
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "steps"
PACKAGE = "steps"
# What kfp puts into a component's source for an embedded folder (kfp/dsl/component_factory.py).
ARCHIVE = re.compile(r"(?P<before>__KFP_EMBEDDED_ARCHIVE_B64 = ')(?P<archive>[A-Za-z0-9+/=]+)(?P<after>')")


def modules_of(names: Iterable[str]) -> list[str]:
    """Modules of steps/ and all that they import from there, sorted."""
    found: set[str] = set()
    left = list(names)
    while left:
        module = left.pop()
        if module in found:
            continue
        found.add(module)
        for node in ast.walk(ast.parse((FOLDER / f"{module}.py").read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{PACKAGE}."):
                left.append(node.module.removeprefix(f"{PACKAGE}."))
    return sorted(found)


def copy_modules(names: Iterable[str], target: Path) -> None:
    """Makes a folder of what a step imports."""
    package = target / PACKAGE
    package.mkdir(parents=True)
    for module in ["__init__", *modules_of(names)]:
        shutil.copyfile(FOLDER / f"{module}.py", package / f"{module}.py")


def without_times(source: str) -> str:
    """A component's source whose embedded folder is packed without times and owners.

    kfp's has the time of packing in it, with which no step would find its result again after the next compilation.
    """

    def packed_again(match: re.Match) -> str:
        return match["before"] + repacked(base64.b64decode(match["archive"])) + match["after"]

    return ARCHIVE.sub(packed_again, source)


def repacked(archive: bytes) -> str:
    out = io.BytesIO()
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as old, tarfile.open(fileobj=out, mode="w") as new:
        for member in sorted(old.getmembers(), key=lambda each: each.name):
            info = tarfile.TarInfo(member.name)
            info.type, info.mode = member.type, 0o755 if member.isdir() else 0o644
            info.size = member.size
            new.addfile(info, old.extractfile(member) if member.isfile() else None)
    return base64.b64encode(gzip.compress(out.getvalue(), mtime=0)).decode()
