"""What tools print, as it was seen in the threads that the patterns name."""

import pytest

from steps.build_failures import diagnose, require_success
from steps.say import StepFailed
from steps.tool import ToolRun, run_tool

SEEN = [
    (
        "[TRT] [E] 2: [virtualMemoryBuffer.cpp::resizePhysical::140] Error Code 2: OutOfMemory (no further information)",
        "gpu-memory",
    ),
    (
        "[TRT] [W] Requested amount of GPU memory (24793579520 bytes) could not be allocated. There may not be enough free",
        "gpu-memory",
    ),
    (
        "[TRT] [E] [globWriter.cpp::makeResizableGpuMemory::435] Error Code 2: OutOfMemory (Requested size was 166 bytes.)",
        "gpu-memory",
    ),
    ("torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 514.00 MiB. GPU 0 has a total", "gpu-memory"),
    ("torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 10.56 GiB.", "gpu-memory"),
    ("Killed", "host-memory"),
    (
        "[TRT] [E] 10: Could not find any implementation for node {ForeignNode[Unsqueeze_93...Softmax_2088]}.",
        "unsupported",
    ),
    ("RuntimeError: Unsupported model architecture: LlamaForCausalLM", "unsupported"),
    ("Assertion failed: Unsupported architecture (/tensorrt_llm/cpp/kernels/fmhaRunner.cpp:89)", "unsupported"),
    ("KeyError: 'architecture'", "unsupported"),
]


def ended(code, *lines):
    return ToolRun(["trtllm-build"], code, 12.0, list(lines))


@pytest.mark.parametrize(("line", "name"), SEEN)
def test_is_recognised(line, name):
    found = diagnose(ended(1, "[TRT-LLM] [I] Set nccl_plugin to None.", line, "[TRT-LLM] [E] Engine building failed"))
    assert (found.failure.name, found.line) == (name, line.strip())


def test_the_first_line_that_tells_is_the_reason():
    found = diagnose(ended(1, SEEN[6][0], SEEN[0][0]))
    assert found.failure.name == "unsupported"


@pytest.mark.parametrize("code", [-9, 137])
def test_a_process_that_was_killed_had_too_little_memory(code):
    assert diagnose(ended(code, "loading")).failure.name == "host-memory"


@pytest.mark.parametrize(
    "line", ["OutOfMemory was handled", "Killed time while waiting", "architecture: LlamaForCausalLM"]
)
def test_what_only_sounds_like_it_is_none(line):
    assert diagnose(ended(1, line)) is None


def test_the_answer_has_the_changes_for_this_model_alone():
    fixes = [
        {"failure": "gpu-memory", "changes": ["backend.maxBatch: 4"]},
        {"failure": "accuracy", "changes": ["backend.kvCache: bf16"]},
    ]
    with pytest.raises(StepFailed) as failed:
        require_success(ended(1, SEEN[0][0]), fixes)
    text = str(failed.value)
    assert "  - backend.maxBatch: 4" in text
    assert "kvCache" not in text
    assert "docs/runbooks/engine-build.md, gpu-memory" in text


def test_a_failure_that_nobody_knows_is_told_with_its_last_lines():
    with pytest.raises(StepFailed, match=r"for no reason that is known:\n  line 8"):
        require_success(ended(3, *(f"line {n}" for n in range(20))), [])


def test_what_succeeds_is_not_looked_at():
    require_success(ended(0, SEEN[0][0]), [])


def test_a_tool_that_is_not_there_is_told():
    done = run_tool(["no-such-tool"])
    assert (done.code, done.lines) == (127, ["no-such-tool: No such file or directory"])


def test_the_end_of_a_long_output_is_kept():
    done = run_tool(["python3", "-c", "for n in range(9000): print(n)"])
    assert (done.code, done.lines[-1], len(done.lines)) == (0, "8999", 4000)


def test_a_signal_is_told():
    assert run_tool(["python3", "-c", "import os; os.kill(os.getpid(), 9)"]).code == -9
