"""The command line: options, dumps, the name bpftrace, goldens with few registers, line info."""
import os
import subprocess

import pytest
from conftest import CALLS, ROOT, SKEP, Running, loaded_programs, skep, trace

GETPPID = 110


@pytest.mark.unprivileged
def test_version_and_help():
    assert skep("-V").out.startswith("skep v")
    text = skep("-h").out
    for option in ("-e", "--list", "--unsafe", "--dry-run", "--info"):
        assert option in text


@pytest.mark.unprivileged
def test_unknown_options_are_usage_errors():
    assert "nosuch" in skep("--nosuch", status=2).err
    assert "--format" in skep("-f", "xml", "-e", "BEGIN { exit(); }", status=2).err
    assert "-e" in skep("-e", status=2).err


@pytest.mark.unprivileged
def test_a_missing_file_is_told():
    assert "/nonexistent.bt" in skep("/nonexistent.bt", status=1).err


def test_the_name_bpftrace(tmp_path):
    link = tmp_path / "bpftrace"
    os.symlink(SKEP, link)
    done = subprocess.run([str(link), "-q", "-e", 'BEGIN { printf("hi\\n"); exit(); }'], capture_output=True,
                          text=True, check=True)
    assert done.stdout == "hi\n"


def test_introduction_one():
    found = trace('tracepoint:syscalls:sys_enter_openat { printf("%s  %s\\n", comm, str(args->filename)); }',
                  f"{CALLS} open 2 /nonexistent/intro")
    assert found.lines.count("calls  /nonexistent/intro") == 2


def test_introduction_two():
    found = trace("tracepoint:syscalls:sys_enter_open* { @[probe] = count(); }", f"{CALLS} open 2 /nonexistent/x")
    assert int(found.map("@")["tracepoint:syscalls:sys_enter_openat"]) >= 2


def test_introduction_three_a_file_without_semicolons(tmp_path):
    script = tmp_path / "intro.bt"
    script.write_text(
        'BEGIN\n{\n  printf("Tracing opens... Hit Ctrl-C to end.\\n")\n}\n\n'
        'tracepoint:syscalls:sys_enter_openat\n/comm == "calls"/\n{\n'
        '  printf("%s %s\\n", comm, str(args.filename))\n  @[str(args.filename)] = count()\n}\n\n'
        'END\n{\n  printf("done\\n")\n}\n')
    found = skep("-q", "-c", f"{CALLS} open 3 /nonexistent/f", script)
    assert found.lines[0] == "Tracing opens... Hit Ctrl-C to end."
    assert found.lines.count("calls /nonexistent/f") == 3
    assert "done" in found.lines and found.map("@")["/nonexistent/f"] == "3"


@pytest.mark.unprivileged
@pytest.mark.parametrize("stage", list("tasiolrb"))
def test_each_stage_can_be_shown(stage):
    found = skep("--kernel", "6.1", "--tracefs", ROOT / "tests/fixtures/tracefs", "-d", stage, "-e",
                 'tracepoint:syscalls:sys_enter_openat { printf("%s %d\\n", comm, args.dfd); }')
    assert found.out.startswith("== ") and len(found.lines) > 2


def test_loaded_programs_show_the_scripts_lines():
    before = loaded_programs()
    running = Running("-e", 'tracepoint:syscalls:sys_enter_getppid { @shown = count(); }')
    text = ""
    for program in loaded_programs() - before:
        text += subprocess.run(["bpftool", "prog", "dump", "xlated", "id", str(program), "linum"],
                               capture_output=True, text=True, check=False).stdout
    running.stop()
    assert "@shown = count()" in text


def test_shipped_examples_compile():
    for script in sorted((ROOT / "examples").glob("*.bt")):
        assert skep("--dry-run", script).status == 0


@pytest.mark.unprivileged
def test_an_error_is_told_once():
    found = skep("-e", "BEGIN { nosuch(); }", status=1)
    assert "nosuch" in found.err and "Invalid argument" not in found.err


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_not_taken_by_another_file(closed):
    script = 'BEGIN { printf("out\\n"); exit(); }'
    found = subprocess.run(["sh", "-c", f"exec \"$0\" -e '{script}' {closed}", SKEP],
                           capture_output=True, text=True, timeout=30, check=False)
    lost = ">&-" in closed.replace("2>&-", "")
    assert found.returncode == (1 if lost else 0)
    assert found.stdout == ("" if lost else "out\n")
    if closed == ">&-":
        assert "cannot write output: Bad file descriptor" in found.stderr
