"""Where steps find the programs that their packages bring."""

import subprocess
import sys
from pathlib import Path

FINDS = """
from steps.store import rclone_program
from steps.tool import run_tool
print(rclone_program())
print(run_tool(["rclone", "version"]).code)
"""


def test_those_of_a_user_who_may_not_write_into_the_image(tmp_path):
    # pip installs for the user then: ~/.local/bin, which is on no PATH.
    program = tmp_path / ".local" / "bin" / "rclone"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\necho found\n")
    program.chmod(0o755)
    steps = str(Path(__file__).parents[3] / "pipelines")
    env = {"HOME": str(tmp_path), "PATH": "/nowhere", "PYTHONPATH": steps}
    done = subprocess.run([sys.executable, "-B", "-c", FINDS], env=env, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [str(program), "$ rclone version", "  found", "0"]
