"""The conformance plugin: programs as hex or ELF on stdin, memory as hex in argv, r0 on stdout."""
import shutil
import struct
import subprocess
from pathlib import Path

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


OBJECTS = Path(__file__).parents[1] / "fixtures/objects"


@pytest.mark.parametrize("how", [(), ("--interpret",), ("--jit",)])
def test_an_object_with_variables_runs_its_first_program(how):
    """pick() of pointers.c: the first letter of "zero" or "one", plus 7 from an array."""
    obj = (OBJECTS / "pointers.o").read_bytes()
    assert plugin(obj, "00000000", "--elf", *how) == f"{ord('z') + 7:x}\n"
    assert plugin(obj, "01000000", "--elf", *how) == f"{ord('o') + 7:x}\n"


def test_damaged_objects_are_refused():
    obj = (OBJECTS / "pointers.o").read_bytes()
    for size in range(4, len(obj) - 64, 61):
        assert plugin(obj[:size], "00000000", "--elf", status=1)


def test_hex_is_taken_in_any_case_and_with_blanks():
    assert plugin(SUM.hex().upper(), "FFEEDDCCBBAA9988") == "8899aabbccddef07\n"
    spaced = "\n".join(SUM.hex(" ").split()) + "\n"
    assert plugin(spaced, " 01\t02 03 04\n05 06 07 08 ") == "807060504030209\n"


@pytest.mark.parametrize("text", ["0x95", "950", "9 5", "95,00", "-1"])
def test_what_is_not_pairs_of_hex_digits_is_refused(text):
    assert "not hex" in plugin(text, status=1)
    if not text.startswith("-"):
        assert "not hex" in plugin(EXIT.hex(), text, status=1)


def test_an_empty_program_is_refused():
    assert plugin("", status=1)
    assert plugin(" \n", "00", "--jit", status=1)
    assert "not an ELF file" in plugin("", "--elf", status=1)


def test_options_that_exclude_each_other():
    assert "exclude" in plugin(EXIT.hex(), "--jit", "--interpret", status=1)
    assert "usage" in plugin(EXIT.hex(), "00", "00", status=1)


@pytest.mark.parametrize("size", ["0102030405060708", "01"])
def test_interpreter_and_jit_agree(size):
    bad = len(size) < 16
    ways = [plugin(SUM.hex(), size, how, status=int(bad)) for how in ("--interpret", "--jit")]
    assert ways[0].split(" at 0x")[0] == ways[1].split(" at 0x")[0]


@pytest.mark.parametrize("how", ["--interpret", "--jit"])
def test_helper_5_unwinds_from_a_function(how):
    """The call's result is that of the program: nothing after it runs, in no frame."""
    program = (insn(0x85, src=1, imm=1) + EXIT
               + insn(0xB7, 1, imm=0) + insn(0x85, imm=5) + insn(0xB7, 0, imm=9) + EXIT)
    assert plugin(program.hex(), how) == "0\n"
