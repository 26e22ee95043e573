"""What a step carries with it."""

import base64
import gzip
import io
import tarfile
import time

from library import copy_modules, modules_of, repacked


def archive(files):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, text in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.uname = len(text), int(time.time()), "somebody"
            tar.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(out.getvalue())


def test_a_step_carries_what_it_imports_and_what_that_imports(tmp_path):
    assert modules_of(["convert"]) == ["build_failures", "convert", "say", "tool"]
    copy_modules(["convert"], tmp_path)
    names = sorted(path.name for path in (tmp_path / "steps").iterdir())
    assert names == ["__init__.py", "build_failures.py", "convert.py", "say.py", "tool.py"]


def test_an_archive_is_the_same_whenever_it_is_packed_and_in_whatever_order():
    one = archive({"steps/a.py": "a = 1", "steps/b.py": "b = 2"})
    time.sleep(1.1)
    two = archive({"steps/b.py": "b = 2", "steps/a.py": "a = 1"})
    assert one != two
    assert repacked(one) == repacked(two)
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(repacked(one)))) as tar:
        assert tar.extractfile("steps/b.py").read() == b"b = 2"
