"""The conformance plugin: programs as hex or ELF on stdin, memory as hex in argv, r0 on stdout."""
import shutil
import struct
import subprocess

import pytest
from conftest import BUILD

PLUGIN = BUILD / "skep-conformance"
pytestmark = [
    pytest.mark.unprivileged,
    pytest.mark.skipif(not PLUGIN.exists(), reason="skep-conformance was not built"),
]


def insn(opcode, dst=0, src=0, off=0, imm=0):
    return struct.pack("<BBhi", opcode, dst | src << 4, off, imm)


EXIT = insn(0x95)
SUM = insn(0x79, 0, 1) + insn(0x0F, 0, 2) + EXIT  # r0 = *(u64 *)r1 + r2


def plugin(program, *args, status=0):
    text = program if isinstance(program, bytes) else program.encode()
    done = subprocess.run([str(PLUGIN), *args], input=text, capture_output=True, timeout=20)
    assert done.returncode == status, done.stderr
    return (done.stderr if status else done.stdout).decode()


def test_memory_and_its_length_are_passed():
    assert plugin(SUM.hex(), "0102030405060708") == "807060504030209\n"
    assert plugin(SUM.hex(" "), "01 02 03 04 05 06 07 08", "--interpret") == "807060504030209\n"


def test_no_memory_is_null():
    both = insn(0xBF, 0, 1) + insn(0x4F, 0, 2) + EXIT
    assert plugin(both.hex()) == "0\n"
    assert plugin(both.hex(), "") == "0\n"
    assert plugin(both.hex(), "--interpret") == "0\n"


def test_results_have_64_bits():
    assert plugin((insn(0xB7, 0, imm=-1) + EXIT).hex()) == "f" * 16 + "\n"


def test_faults_are_told_and_fail():
    assert "a read of 8 bytes" in plugin(SUM.hex(), "01020304050607", status=1)
    assert "run past the last" in plugin(insn(0xB7).hex(), status=1)
    assert "not hex" in plugin("zz", status=1)
    assert "whole number of instructions" in plugin("95 00", status=1)
    assert "not hex" in plugin(EXIT.hex(), "0", status=1)
    assert "usage" in plugin(EXIT.hex(), "--nosuch", status=1)


@pytest.mark.parametrize("value, result", [(0, "0"), (7, "8")])
def test_helper_5_unwinds_on_zero(value, result):
    program = insn(0xB7, 1, imm=value) + insn(0x85, imm=5) + insn(7, 0, imm=1) + EXIT
    assert plugin(program.hex()) == result + "\n"


def test_an_elf_object(tmp_path):
    clang = shutil.which("clang-16") or shutil.which("clang")
    if not clang:
        pytest.skip("no clang")
    source, obj = tmp_path / "a.c", tmp_path / "a.o"
    source.write_text("unsigned long f(unsigned char *p, unsigned long n) { return p[n - 1] * 3; }")
    subprocess.run([clang, "-target", "bpf", "-O2", "-c", source, "-o", obj], check=True)
    assert plugin(obj.read_bytes(), "010203", "--elf") == "9\n"
    assert "not an ELF file" in plugin("no", "--elf", status=1)
