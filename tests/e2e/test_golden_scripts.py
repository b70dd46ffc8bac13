"""Every golden script that compiles is one that the running kernel's verifier accepts.

The first lines of a script say how it is compiled, see tests/unit/lang_compiling.h; what is said
there about another kernel is left out here.
"""
import re
from pathlib import Path

import pytest
from conftest import skep

ROOT = Path(__file__).resolve().parents[2]
BTF = ROOT / "tests/fixtures/btf/script.btf"
LIBRARY = "tests/fixtures/elf/sample.so"
OTHER_KERNEL = re.compile(r"^// (kernel|arch|features|no) ", re.M)


def scripts():
    for path in sorted((ROOT / "tests/golden/script").glob("*.bt")):
        if path.with_suffix(".ir").exists() and not OTHER_KERNEL.search(path.read_text()):
            yield path


@pytest.mark.parametrize("path", scripts(), ids=lambda path: path.stem)
def test_the_kernel_accepts(path, tmp_path):
    text = path.read_text().replace(LIBRARY, str(ROOT / LIBRARY))
    params = re.search(r"^// params (.*)$", text, re.M)
    options = ["--syscalls", "raw"] if "// raw\n" in text else []
    copy = tmp_path / path.name
    copy.write_text(text)
    # the types are the fixture's: what is read through them is never looked at
    result = skep("--dry-run", "--unsafe", "--btf", BTF, *options, copy,
                  *(params.group(1).split() if params else []), status=None)
    assert "ERROR" not in result.err, result.err
    assert result.status in (0, 3), result.err
