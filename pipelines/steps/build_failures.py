"""Failures of engine builds, by what the tools print, and what answers each.

Every pattern was seen in the thread that it names. The runbook (docs/runbooks/engine-build.md) has the same failures
with the same patterns; a test holds both together.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from steps.say import StepFailed, say
from steps.tool import ToolRun


@dataclass(frozen=True)
class Pattern:
    """A text that a tool prints, as a regular expression, and where it was seen."""

    text: str
    source: str


@dataclass(frozen=True)
class BuildFailure:
    name: str
    meaning: str
    patterns: tuple[Pattern, ...]
    # What helps beside changes of the model's description.
    advice: str


# A container that takes more memory than its limit is ended by signal 9; a shell tells that as 128 + 9.
KILLED = (-9, 137)

GPU_MEMORY = BuildFailure(
    "gpu-memory",
    "the GPU has too little memory for what the step does on it",
    (
        Pattern(r"Error Code 2: OutOfMemory", "NVIDIA/TensorRT-LLM #346"),
        Pattern(r"Requested amount of GPU memory \(\d+ bytes\) could not be allocated", "NVIDIA/TensorRT-LLM #346"),
        Pattern(r"OutOfMemory \(Requested size was \d+ bytes", "huggingface/optimum-nvidia #146"),
        Pattern(r"torch(\.cuda)?\.OutOfMemoryError: CUDA out of memory", "NVIDIA/TensorRT-LLM #1783"),
    ),
    "make sure that nothing else runs on the GPU",
)
HOST_MEMORY = BuildFailure(
    "host-memory",
    "the container took more memory than its limit",
    (Pattern(r"^\s*Killed\s*$", "NVIDIA/TensorRT-LLM #489"),),
    "raise the step's memory (models/pipeline/step-resources.ts), on a machine type that has it",
)
UNSUPPORTED = BuildFailure(
    "unsupported",
    "the release has no implementation of something in this model, or not on this GPU",
    (
        Pattern(r"Could not find any implementation for node", "NVIDIA/TensorRT #1917"),
        Pattern(r"Unsupported model architecture: \w+", "NVIDIA/TensorRT-LLM #1026"),
        Pattern(r"Assertion failed: Unsupported architecture", "NVIDIA/TensorRT-LLM #1515"),
        Pattern(r"KeyError: 'architecture'", "NVIDIA/TensorRT-LLM #6360"),
    ),
    "see the support matrix of the TensorRT-LLM release; a checkpoint of Hugging Face has to be converted first",
)
ACCURACY = BuildFailure(
    "accuracy",
    "the engine answers worse than the threshold allows",
    (Pattern(r"accuracy [\d.]+ is below [\d.]+", "pipelines/steps/validate.py"),),
    "calibrate with data like that of the service (quantize.py --calib_dataset, --calib_size), and compare with an "
    "engine in 16 bits: what that one loses as well was lost before the build",
)
SLOW = BuildFailure(
    "slow-build",
    "the build takes longer than builds of this size do",
    (
        Pattern(r"the build took \d+ s, more than \d+ s", "pipelines/steps/build.py"),
        Pattern(r"Invalid timing cache, using freshly created one", "NVIDIA/TensorRT-LLM #489"),
    ),
    "leave out multiple profiles, build ranks side by side (--workers), and keep the step's CPUs to itself: kernels "
    "are timed, and what else runs disturbs that",
)

FAILURES: tuple[BuildFailure, ...] = (GPU_MEMORY, HOST_MEMORY, UNSUPPORTED, ACCURACY, SLOW)
# What stops a tool. The others are found by steps themselves.
OF_TOOLS = (GPU_MEMORY, HOST_MEMORY, UNSUPPORTED)


@dataclass(frozen=True)
class Diagnosis:
    failure: BuildFailure
    # The line that tells it.
    line: str


def diagnose(run: ToolRun) -> Diagnosis | None:
    """What stopped a tool: the first line that tells, as later ones follow from it."""
    for line in run.lines:
        for failure in OF_TOOLS:
            if any(re.search(pattern.text, line) for pattern in failure.patterns):
                return Diagnosis(failure, line.strip())
    if run.code in KILLED:
        return Diagnosis(HOST_MEMORY, f"ended by signal 9 after {run.seconds:.0f} s")
    return None


def answer(failure: BuildFailure, fixes: Sequence[dict]) -> str:
    """What to do about a failure of this very model, in lines."""
    changes = [change for fix in fixes if fix["failure"] == failure.name for change in fix["changes"]]
    lines = [f"what: {failure.meaning} ({failure.name})"]
    if changes:
        lines.append("change one of these in models/catalog, and render the pipeline again:")
        lines += [f"  - {change}" for change in changes]
    lines.append(f"{'or' if changes else 'fix'}: {failure.advice}")
    lines.append(f"more: docs/runbooks/engine-build.md, {failure.name}")
    return "\n".join(lines)


def require_success(run: ToolRun, fixes: Sequence[dict]) -> None:
    """Raises StepFailed with the reason and the change to make, where a tool has failed."""
    if run.code == 0:
        return
    program = Path(run.command[1] if "python" in Path(run.command[0]).name else run.command[0]).name
    found = diagnose(run)
    if found is None:
        tail = "\n".join(f"  {line}" for line in run.lines[-12:])
        raise StepFailed(f"{program} ended with {run.code}, for no reason that is known:\n{tail}")
    say(f"{program} ended with {run.code}: {found.line}")
    raise StepFailed(f"{program} ended with {run.code}\nsaid: {found.line}\n{answer(found.failure, fixes)}")
