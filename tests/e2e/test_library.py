"""The library as others get it: installed, found by pkg-config, linked both ways.

Builds every program of examples/embed and runs it; docs/library.md shows pieces of them.
"""
import os
import re
import shutil
import subprocess

import pytest

from conftest import ROOT

EMBED = ROOT / "examples/embed"
OUTPUT = {
    "filter": "frame 0: XDP_DROP\nframe 1: XDP_PASS\nframe 2: XDP_DROP\n",
    "policy": "allowed: /books\nrefused: /yachts\n",
    "share": "counted 40000\n",
    "socket": "3 packets\n",
}
pytestmark = pytest.mark.unprivileged
WARNINGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror"]


def run(*command, **more):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=600, **more)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def compiler():
    for tool in ("make", "pkg-config", "install"):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool} here")
    for name in ("gcc", "clang", "cc"):
        if shutil.which(name):
            return name
    pytest.skip("there is no compiler here")


@pytest.fixture(scope="module")
def prefix(compiler, tmp_path_factory):
    """The library, installed."""
    if not (ROOT / "Makefile").exists():
        pytest.skip("the sources are not here")
    place = tmp_path_factory.mktemp("prefix")
    environment = {name: value for name, value in os.environ.items()
                   if not name.startswith(("MAKE", "MFLAGS"))}
    build = os.environ.get("LIBRARY_BUILD", "build")
    run("make", "-s", "-C", ROOT, f"BUILD={build}", f"PREFIX={place}", "install-lib",
        env=environment)
    return place


def flags(prefix, *options):
    path = str(prefix / "lib/pkgconfig")
    return run("pkg-config", *options, "skep", env=os.environ | {"PKG_CONFIG_PATH": path}).split()


def start(program, prefix):
    return subprocess.run([str(program)], capture_output=True, text=True, timeout=60,
                          env=os.environ | {"LD_LIBRARY_PATH": str(prefix / "lib")})


def check(program, prefix, name):
    done = start(program, prefix)
    if done.returncode == 77:
        pytest.skip(f"the kernel does not allow it: {done.stderr.strip()}")
    assert (done.returncode, done.stdout, done.stderr) == (0, OUTPUT[name], "")


def test_every_example_has_its_output_here():
    assert {path.stem for path in EMBED.glob("*.c")} == set(OUTPUT)


@pytest.mark.parametrize("name", OUTPUT)
def test_example(name, compiler, prefix, tmp_path):
    run(compiler, *WARNINGS, "-o", tmp_path / name, EMBED / f"{name}.c",
        *flags(prefix, "--cflags", "--libs"), "-lpthread")
    check(tmp_path / name, prefix, name)


def test_static_linking(compiler, prefix, tmp_path):
    libraries = [str(prefix / "lib/libskep.a") if flag == "-lskep" else flag
                 for flag in flags(prefix, "--static", "--cflags", "--libs")]
    run(compiler, *WARNINGS, "-o", tmp_path / "policy", EMBED / "policy.c", *libraries)
    check(tmp_path / "policy", prefix, "policy")


def test_only_what_the_header_declares_is_exported(compiler, prefix):
    if not shutil.which("nm"):
        pytest.skip("there is no nm here")
    header = (prefix / "include/skep/skep.h").read_text()
    code = re.sub(r"/\*.*?\*/|typedef[^;]*;", "", header, flags=re.S)
    declared = set(re.findall(r"\b(skep_\w+)\(", code))
    listed = run("nm", "-D", "--defined-only", prefix / "lib/libskep.so").splitlines()
    exported = {line.split()[2].split("@")[0] for line in listed if " T " in line}
    assert declared == exported


def test_header_stands_alone_in_every_language(compiler, prefix, tmp_path):
    for language in ("c", "c++"):
        source = tmp_path / f"header.{language}"
        source.write_text("#include <skep/skep.h>\n")
        done = subprocess.run([compiler, "-x", language, "-fsyntax-only", "-Wall", "-Werror",
                               str(source), *flags(prefix, "--cflags")],
                              capture_output=True, text=True)
        if "cc1plus" in done.stderr:
            continue  # no C++ compiler
        assert done.returncode == 0, done.stderr


def test_documentation_shows_the_examples():
    """Every block of C in docs/library.md is a piece of one of them, word for word."""
    def plain(text):
        return re.sub(r"\s+", " ", text).strip()

    document = ROOT / "docs/library.md"
    if not document.exists():
        pytest.skip("the documentation is not here")
    sources = [plain(path.read_text()) for path in EMBED.glob("*.c")]
    blocks = re.findall(r"```c\n(.*?)```", document.read_text(), flags=re.S)
    assert len(blocks) >= 4
    for block in blocks:
        for piece in block.split("\n...\n"):
            assert any(plain(piece) in source for source in sources), piece
