"""What the end-to-end tests share: running skep and its peers, and what this machine can do.

Tests run against the kernel they find themselves on: the machine's own, or one that
tests/kernels.sh booted. A test that needs what the kernel lacks is skipped with the reason.
"""
import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("BUILD_DIR", ROOT / "build"))
SKEP = os.environ.get("SKEP", str(BUILD / "skep"))
CALLS = str(BUILD / "calls")
CALLS32 = str(BUILD / "calls32")
TIMEOUT = float(os.environ.get("E2E_TIMEOUT", "30"))


# Inside another kernel only what depends on the kernel is run again.
if os.environ.get("E2E_OTHER_KERNEL"):
    collect_ignore = ["test_asm.py", "test_conformance.py", "test_filter.py", "test_library.py",
                      "test_peer.py", "test_run.py", "test_test.py"]


class Result:
    """How a run of skep ended."""

    def __init__(self, process):
        self.status = process.returncode
        self.out = process.stdout
        self.err = process.stderr

    @property
    def lines(self):
        return self.out.splitlines()

    @property
    def records(self):
        """The JSON records of stdout, one a line."""
        return [json.loads(line) for line in self.out.splitlines() if line]

    def map(self, name):
        """The text entries `name[key]: value` of a map, as {key: value}; a scalar's under ''."""
        found = {}
        for line in self.lines:
            match = re.match(re.escape(name) + r"(?:\[(.*)\])?: (.*)$", line)
            if match:
                found[match[1] or ""] = match[2]
        return found

    def json_map(self, name, kind="map"):
        for record in self.records:
            if record["type"] == kind and name in record["data"]:
                return record["data"][name]
        return None


def skep(*args, stdin=None, env=None, status=0, timeout=TIMEOUT):
    """Runs skep; asserts its exit status unless that is None."""
    process = subprocess.run(
        [SKEP, *map(str, args)], input=stdin, capture_output=True, text=True,
        timeout=timeout, env={**os.environ, **(env or {})}, check=False)
    result = Result(process)
    if status is not None:
        assert result.status == status, f"status {result.status}\n{result.err}\n{result.out}"
    return result


def trace(script, command=None, *args, **kwargs):
    """Runs a script, around a command of -c when one is given."""
    options = ["-q"] + (["-c", command] if command else [])
    return skep(*options, *args, "-e", script, **kwargs)


class Running:
    """A skep in the background; stop() ends it and gives the Result."""

    def __init__(self, *args, env=None, ready="Attached"):
        self.process = subprocess.Popen(
            [SKEP, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, **(env or {})})
        self.err = ""
        while ready and ready not in self.err:
            line = self.process.stderr.readline()
            assert line, f"skep ended early: {self.err}"
            self.err += line

    def stop(self, how=signal.SIGINT, timeout=TIMEOUT):
        self.process.send_signal(how)
        return self.wait(timeout)

    def wait(self, timeout=TIMEOUT):
        out, err = self.process.communicate(timeout=timeout)
        return Result(subprocess.CompletedProcess(
            self.process.args, self.process.returncode, out, self.err + err))


def kernel_version():
    major, minor = re.match(r"(\d+)\.(\d+)", os.uname().release).groups()
    return int(major), int(minor)


def can_trace():
    return subprocess.run([SKEP, "-q", "-e", "BEGIN { exit(); }"], capture_output=True,
                          check=False).returncode == 0


def pytest_configure(config):
    config.addinivalue_line("markers", "unprivileged: runs without tracing")


def pytest_collection_modifyitems(items):
    if can_trace():
        return
    skip = pytest.mark.skip(reason="this machine does not allow tracing")
    for item in items:
        if "unprivileged" not in item.keywords:
            item.add_marker(skip)


def has_kprobes():
    return os.path.exists("/sys/bus/event_source/devices/kprobe")


needs_kprobes = pytest.mark.skipif(not has_kprobes(), reason="this kernel has no kprobes")
needs_btf = pytest.mark.skipif(not os.path.exists("/sys/kernel/btf/vmlinux"),
                               reason="this kernel has no BTF")


@pytest.fixture
def calls():
    """The command line of the program that makes known calls."""
    def command(*args):
        return " ".join([CALLS, *map(str, args)])
    return command


def wait_until(condition, seconds=10):
    """Waits for what takes a bounded time; says whether it came."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.02)
    return condition()


def loaded_programs():
    """Ids of the BPF programs in the kernel."""
    listing = subprocess.run(["bpftool", "-j", "prog", "list"], capture_output=True, text=True,
                             check=False)
    if listing.returncode:
        pytest.skip("bpftool cannot list programs here")
    return {program["id"] for program in json.loads(listing.stdout or "[]")}
