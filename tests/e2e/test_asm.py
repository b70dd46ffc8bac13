"""skep asm and skep disasm: text to bytes and back, objects."""
import subprocess

import pytest
from conftest import ROOT, SKEP, skep

OBJECTS = ROOT / "tests/fixtures/objects"
TEXT = """r1 = 5
call double
exit
.func double
r0 = r1
r0 += r1
exit
"""
HEX = """b7 01 00 00 05 00 00 00
85 10 00 00 01 00 00 00
95 00 00 00 00 00 00 00
bf 10 00 00 00 00 00 00
0f 10 00 00 00 00 00 00
95 00 00 00 00 00 00 00
"""
LISTING = """   0: (b7) r1 = 5
   1: (85) call pc+1
   2: (95) exit
   3: (bf) r0 = r1
   4: (0f) r0 += r1
   5: (95) exit
"""

pytestmark = [pytest.mark.unprivileged, pytest.mark.once]


def run(*args, stdin=b"", status=0):
    done = subprocess.run([SKEP, *map(str, args)], input=stdin, capture_output=True)
    assert done.returncode == status, done.stderr
    return done


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "twice.s"
    path.write_text(TEXT)
    return path


def test_hex_is_the_default(text):
    assert run("asm", text).stdout.decode() == HEX
    assert run("asm", "-", stdin=TEXT.encode()).stdout.decode() == HEX


def test_bytes_and_back(text, tmp_path):
    out = tmp_path / "twice.bin"
    run("asm", text, "-o", out)
    assert out.read_bytes() == bytes.fromhex(HEX)
    assert run("disasm", out).stdout.decode() == LISTING


def test_every_form_comes_back(text):
    for form in ("kernel", "rfc"):
        listing = run("disasm", "-", "--form", form, stdin=HEX.encode()).stdout
        assert run("asm", "-", stdin=listing).stdout.decode() == HEX
    assert b"add %r0, %r1" in listing


def test_hex_may_be_written_as_in_c():
    assert run("disasm", "-", stdin=b"0x95, 0, 0".replace(b" 0", b" 0x00") + b",0x00" * 5).stdout \
        == b"   0: (95) exit\n"


def test_c(text, tmp_path):
    out = tmp_path / "twice.h"
    run("asm", text, "-o", out)
    source = tmp_path / "use.c"
    source.write_text('#include <linux/bpf.h>\n#include <stdio.h>\n#include "twice.h"\n'
                      "int main(void) { fwrite(program, 1, sizeof(program), stdout); return 0; }\n")
    subprocess.run(["gcc", "-o", tmp_path / "use", source], check=True)
    done = subprocess.run([tmp_path / "use"], capture_output=True, check=True)
    assert done.stdout == bytes.fromhex(HEX)


def test_an_object_has_the_functions_and_the_lines(text, tmp_path):
    out = tmp_path / "twice.o"
    run("asm", text, "-o", out, "--section", "xdp")
    listing = run("disasm", out).stdout.decode()
    assert "; program twice, section xdp, xdp" in listing
    assert ".func double" in listing and f"{text}:5: r0 = r1" in listing
    assert run("asm", "-", stdin=listing.encode()).stdout.decode() == HEX


def test_objects_are_listed_with_what_they_refer_to():
    listing = run("disasm", OBJECTS / "basic.o").stdout.decode()
    assert "r1 = map[fd:0]               ; map counts" in listing
    assert "; bpf_kernel_function of the kernel" in listing
    assert "; ./basic.c:46: SEC(\"xdp\") int first(void *ctx)" in listing


def test_objects_are_linked_and_relocated():
    listing = run("disasm", OBJECTS / "link_a.o", OBJECTS / "link_b.o", "-p", "main_a").stdout
    assert b".func helper" in listing
    listing = run("disasm", OBJECTS / "core.o", "-p", "offset", "--btf",
                  OBJECTS / "core_target.btf").stdout
    assert b"r2 = *(u32 *)(r1 +12)" in listing


def test_mistakes_are_told(text, tmp_path):
    assert b"-:1:1-3: ERROR: foo begins no instruction" in run("asm", "-", stdin=b"foo\n",
                                                              status=1).stderr
    assert b"did you mean xdp?" in run("asm", text, "-f", "elf", "--section", "xpd", status=1).stderr
    assert b"not exe" in run("asm", text, "-f", "exe", status=2).stderr
    assert b"no whole number of instructions" in run("disasm", "-", stdin=b"abc\xff",
                                                     status=1).stderr
    assert b"cannot read" in run("disasm", tmp_path / "none", status=1).stderr
    assert b"give one file" in run("asm", status=2).stderr
    assert b"Usage: skep asm" in run("asm", "--help").stdout


def test_a_file_of_a_verbs_name_is_a_script(tmp_path):
    (tmp_path / "asm").write_text("BEGIN { nosuchfunction(); }\n")
    done = subprocess.run([SKEP, "asm"], cwd=tmp_path, capture_output=True)
    assert b"nosuchfunction" in done.stderr
    assert skep("asm", "--help").out.startswith("skep asm")
