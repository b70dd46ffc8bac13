"""Scripts whose output skep and an installed bpftrace must agree on, byte for byte.

tests/e2e/peer/*.txt hold one BEGIN body a line. BPFTRACE names another bpftrace than the one in
$PATH. What bpftrace itself changed between releases (booleans, stats' text, the sign of a
division) is not here: those have tests of their own against fixed values.
"""
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import TIMEOUT, skep

BPFTRACE = os.environ.get("BPFTRACE") or shutil.which("bpftrace")
PEER = Path(__file__).parent / "peer"
OLDEST = (0, 21)
# What a release of bpftrace says of a construct that came after it.
NEWER = re.compile(r"syntax error|Unknown (function|identifier)|could not read traceable functions")


def bodies(name):
    lines = (PEER / name).read_text().splitlines()
    return [line for line in lines if line and not line.startswith("#")]


def release():
    found = subprocess.run([BPFTRACE, "-V"], capture_output=True, text=True, check=False).stdout
    return tuple(map(int, re.findall(r"\d+", found)[:2]))


@pytest.fixture(scope="module", autouse=True)
def peer():
    if not BPFTRACE:
        pytest.skip("no bpftrace is installed to compare with")
    if os.path.realpath(BPFTRACE) == os.path.realpath(os.environ.get("SKEP", "")):
        pytest.skip("the bpftrace in $PATH is skep")
    if release() < OLDEST:
        pytest.skip(f"the installed bpftrace {release()} speaks an older language")


def both(body, *options):
    """Status and stdout of both; a start message, which only old ones print there, is taken off."""
    script = "BEGIN { " + body + " exit(); }"
    peer = subprocess.run([BPFTRACE, *options, "-e", script, "7", "3", "word"],
                          capture_output=True, text=True, timeout=TIMEOUT, check=False)
    if peer.returncode and NEWER.search(peer.stderr):
        pytest.skip("newer than the installed bpftrace: " + body)
    ours = skep(*options, "-e", script, "7", "3", "word", status=None)
    theirs = re.sub(r"^Attaching .*\n", "", peer.stdout)
    return ours, theirs, peer


@pytest.mark.parametrize("body", bodies("text.txt"))
def test_text_is_the_same(body):
    ours, theirs, peer = both(body)
    assert ours.out.rstrip("\n") == theirs.rstrip("\n")
    assert ours.status == peer.returncode


def records(text):
    """The JSON records, without the start message, whose place and fields differ by release."""
    found = [json.loads(line) for line in text.splitlines() if line]
    return [record for record in found if record["type"] != "attached_probes"]


@pytest.mark.parametrize("body", bodies("json.txt"))
def test_json_is_the_same(body):
    ours, theirs, peer = both(body, "-f", "json")
    assert records(ours.out) == records(theirs)
    assert ours.status == peer.returncode


@pytest.mark.parametrize("body", bodies("refused.txt"))
def test_what_one_refuses_the_other_refuses(body):
    ours, _, peer = both(body)
    assert ours.status == peer.returncode == 1
    assert "ERROR" in ours.err and ours.out == ""
