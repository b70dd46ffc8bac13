"""How a run ends: signals, the traced process, exit(), full disks, closed pipes, loss."""
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import CALLS, SKEP, Running, skep, trace

GETPPID = 110
PRINT = f"tracepoint:syscalls:sys_enter_getppid /pid == cpid/ {{ printf(\"%d\\n\", args.__syscall_nr); }}"


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_end_in_order(how):
    running = Running("-e", 'BEGIN { @x = 5; } interval:s:60 { } END { printf("bye\\n"); }')
    result = running.stop(how)
    assert result.status == 0
    assert result.out.startswith("bye\n") and "@x: 5" in result.lines


def test_exit_code():
    assert skep("-q", "-e", "BEGIN { exit(7); }", status=7).out == ""
    assert skep("-q", "-e", "interval:ms:1 { exit(3); }", status=3)


def test_exit_in_begin_attaches_nothing():
    found = skep("-e", 'BEGIN { exit(); } interval:ms:1 { printf("no\\n"); } END { printf("end\\n"); }')
    assert "no" not in found.out and "end" in found.out


def test_exit_returns_at_once():
    assert trace('BEGIN { exit(); printf("never\\n"); }').out == ""


def test_end_of_the_command_ends_the_run():
    start = time.monotonic()
    trace("interval:s:60 { }", "/bin/true")
    assert time.monotonic() - start < 10


def test_a_command_that_cannot_run():
    result = skep("-c", "/nonexistent/program", "-e", "BEGIN { }", status=1)
    assert "/nonexistent/program" in result.err


def test_the_command_is_ended_with_us():
    marker = f"sleep {3600 + os.getpid() % 1000}"
    found = skep("-q", "-c", marker, "-e", "interval:ms:10 { exit(); }")
    assert found.status == 0
    commands = [Path(p, "cmdline") for p in Path("/proc").iterdir() if p.name.isdigit()]
    running = [c.read_bytes().replace(b"\0", b" ").decode().strip() for c in commands if c.exists()]
    assert marker not in running


def test_end_of_a_followed_process():
    process = subprocess.Popen(["/bin/sleep", "0.5"])
    result = skep("-q", "-p", process.pid, "-e", 'interval:s:60 { } END { printf("over\\n"); }')
    assert result.out == "over\n"
    process.wait()


@pytest.mark.parametrize("pid", ["0", "x", "99999999", "4194305", "-5"])
def test_wrong_pids_are_refused(pid):
    assert "pid" in skep("-p", pid, "-e", "BEGIN { exit(); }", status=1).err


def test_a_full_disk_is_told():
    with open("/dev/full", "w") as full:
        done = subprocess.run([SKEP, "-q", "-e", 'BEGIN { printf("x\\n"); exit(); }'], stdout=full,
                              stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert done.returncode == 1 and "No space left" in done.stderr


def test_a_closed_pipe_ends_the_run():
    start = time.monotonic()
    done = subprocess.run(
        ["/bin/sh", "-c", f"{SKEP} -q -B line -e 'interval:ms:1 {{ printf(\"x\\n\"); }}' | head -n 2"],
        capture_output=True, text=True, timeout=30, check=False)
    assert done.stdout == "x\nx\n" and time.monotonic() - start < 10


def lost(result):
    return sum(int(n) for n in re.findall(r"^Lost (\d+) events", result.err, re.M))


@pytest.mark.parametrize("calls", [1000, 300_000])
def test_every_event_is_printed_or_told_lost(calls):
    found = trace(PRINT, f"{CALLS} syscall {GETPPID} {calls}")
    printed = found.lines.count(str(GETPPID))
    assert printed + lost(found) == calls
    if calls <= 1000:
        assert printed == calls


def test_what_is_in_the_ring_at_the_end_is_printed():
    found = trace(f"{PRINT} END {{ printf(\"end\\n\"); }}", f"{CALLS} syscall {GETPPID} 500")
    assert found.lines == [str(GETPPID)] * 500 + ["end"]


def test_loss_is_told_per_call_site():
    found = trace("tracepoint:syscalls:sys_enter_getppid /pid == cpid/ "
                  "{ printf(\"a\\n\"); printf(\"b %s\\n\", str(uptr(0))); }",
                  f"{CALLS} threads 300000 2", env={"BPFTRACE_PERF_RB_PAGES": "1"})
    a = found.lines.count("a")
    assert a + sum(1 for line in found.lines if line.startswith("b")) + lost(found) == 1_200_000
    assert "stdin:1:" in found.err


def test_quiet_and_attached_messages():
    assert "Attached 2 probes" in skep("-e", "BEGIN { } interval:ms:1 { exit(); }").err
    assert skep("-q", "-e", "interval:ms:1 { exit(); }").err == ""


@pytest.mark.skipif(os.geteuid() != 0, reason="capabilities can only be dropped by root")
def test_a_missing_capability_is_named(tmp_path):
    def become_nobody():
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
    copy = tmp_path / "skep"
    shutil.copy(SKEP, copy)
    for folder in [tmp_path, *tmp_path.parents]:
        if folder.stat().st_uid == 0 and str(folder).count("/") > 1:
            folder.chmod(0o755)
    done = subprocess.run([copy, "-e", "BEGIN { exit(); }"], capture_output=True, text=True, timeout=30,
                          check=False, preexec_fn=become_nobody)
    assert done.returncode == 1
    assert "CAP_BPF" in done.stderr and len(done.stderr.strip().splitlines()) <= 2
