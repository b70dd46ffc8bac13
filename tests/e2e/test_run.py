"""skep run and skep test: programs with packets, contexts and maps as text; the documented examples."""
import json
import re
import subprocess
import xml.etree.ElementTree as ElementTree

import pytest
from conftest import ROOT, skep

pytestmark = pytest.mark.unprivileged

PORT80 = """r2 = *(u32 *)(r1 +0)
r3 = *(u32 *)(r1 +4)
r4 = r2
r4 += 38
if r4 > r3 goto out
r0 = *(u16 *)(r2 +36)
if r0 == 0x5000 goto drop
out:
r0 = 2
exit
drop:
*(u8 *)(r2 +0) = 9
r0 = 1
exit
"""

DROP_C = """
#include "bpf.h"
struct xdp_md { u32 data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex; };
struct { NUMBER(type, 2); NUMBER(max_entries, 8); TYPE(key, u32); TYPE(value, u64); } counts SEC(".maps");
static void *(*lookup)(void *map, const void *key) = (void *)1;
static long (*printk)(const char *fmt, u32 size, ...) = (void *)6;
SEC("xdp") int drop(struct xdp_md *ctx)
{
	unsigned char *p = (void *)(long)ctx->data;
	u32 key = ctx->ingress_ifindex;
	static const char fmt[] = "drop on %d";
	u64 *n;

	if ((long)(p + 38) > (long)ctx->data_end || p[23] != 6)
		return 2;
	n = lookup(&counts, &key);
	if (n)
		__sync_fetch_and_add(n, 1);
	printk(fmt, sizeof(fmt), key);
	return 1;
}
"""

DROP_TEST = """object: drop.o

case: TCP is dropped
packet: ip tcp
context: ingress_ifindex=3
before: counts[3] = 1
result: XDP_DROP
after: counts[3] = 2
trace: drop on 3

case: UDP passes
packet: ip udp
result: XDP_PASS

case: later
skip: no time
"""


@pytest.fixture
def port80(tmp_path):
    path = tmp_path / "port80.s"
    path.write_text(PORT80)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("drop")
    (path / "drop.c").write_text(DROP_C)
    subprocess.run(["clang", "-O2", "-g", "-target", "bpf", "-I", ROOT / "tests/fixtures/objects", "-c",
                    path / "drop.c", "-o", path / "drop.o"], check=True)
    (path / "drop.test").write_text(DROP_TEST)
    return path


def test_results_have_names_and_changed_packets_are_shown(port80):
    found = skep("run", port80, "--kind", "xdp", "--pkt", "ip tcp(dport=80)")
    assert found.lines[0] == "result: XDP_DROP (1)"
    assert found.lines[2].startswith("  0000  09 00 00 00 00 01")
    assert skep("run", port80, "--kind", "xdp", "--pkt", "ip udp").lines == ["result: XDP_PASS (2)"]


def test_interpreter_compiler_and_capture_agree(port80, tmp_path):
    frame = bytes(36) + b"\0\x50" + bytes(8)
    capture = tmp_path / "one.pcap"
    capture.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000") + bytes(8)
                        + 2 * len(frame).to_bytes(4, "little") + frame)
    for packet in (capture, frame.hex()):
        for how in ("--interpret", "--jit"):
            assert "XDP_DROP" in skep("run", port80, "--kind", "xdp", "--pkt", packet, how).out


def test_trace_shows_lines_and_registers(port80):
    found = skep("run", port80, "--kind", "xdp", "--pkt", "ip udp", "--trace")
    assert "   7: r0 = 2  r0=0x2" in found.lines
    assert any(line.endswith("port80.s:9: r0 = 2") for line in found.lines)


def test_json_repeat_and_maps(folder):
    found = json.loads(skep("run", folder / "drop.o", "--pkt", "ip tcp", "--ctx", "ingress_ifindex=2", "--json",
                            "--maps", "-n", "10").out)
    assert found["name"] == "XDP_DROP" and found["runs"] == 10 and found["ns"] > 0
    assert found["maps"]["counts"] == {"2": "10"} and found["printed"] == "drop on 2\n"


def test_what_is_wrong_is_told(port80, folder, tmp_path):
    bad = tmp_path / "bad.s"
    bad.write_text("r0 = *(u8 *)(r1 +90)\nexit\n")
    assert "bad.s:1:1: " in skep("run", bad, "--kind", "xdp", status=1).err
    assert "did you mean ingress_ifindex?" in skep("run", folder / "drop.o", "--ctx", "ingres_ifindex=1",
                                                   status=1).err
    assert "did you mean tcp?" in skep("run", port80, "--kind", "xdp", "--pkt", "tpc", status=1).err
    assert "did you mean drop?" in skep("run", folder / "drop.o", "--prog", "drp", status=1).err
    assert "--repeat" in skep("run", port80, "--repeat", "x", status=2).err


def test_a_test_file_with_an_object(folder):
    found = skep("test", folder / "drop.test", "--coverage", "text")
    assert "2 passed, 0 failed, 1 skipped" in found.lines
    assert re.search(r"^ +1 +\d+  \t\t__sync_fetch_and_add", found.out, re.M)


def test_failures_are_shown_with_place_and_difference(folder):
    bad = folder / "bad.test"
    bad.write_text(DROP_TEST.replace("= 2\n", "= 4\n").replace("on 3", "on 4").replace("XDP_PASS", "XDP_TX"))
    found = skep("test", bad, "--junit", folder / "out.xml", status=1)
    assert f"{bad}:3: FAILED: TCP is dropped" in found.lines
    assert "    map: expected counts[3] = 4, got 2" in found.lines
    assert "    result: expected XDP_TX, got XDP_PASS (2)" in found.lines
    assert found.lines[-1] == "0 passed, 2 failed, 1 skipped"
    suite = ElementTree.parse(folder / "out.xml").getroot()
    assert suite.attrib["failures"] == "2" and len(suite.findall("testcase/failure")) == 2


def test_coverage_forms(folder):
    lcov = skep("test", folder / "drop.test", "--coverage", "lcov", "-o", "-").out
    assert re.search(r"SF:.*drop\.c\n(DA:\d+,\d+\n)+LF:\d+\nLH:\d+\nend_of_record", lcov)
    skep("test", folder / "drop.test", "--coverage", "html", "-o", folder / "out.html")
    assert 'class="hit"' in (folder / "out.html").read_text()
    assert "text, lcov or html" in skep("test", folder / "drop.test", "--coverage", "pdf", status=2).err


def test_wrong_test_files_are_told(tmp_path):
    bad = tmp_path / "bad.test"
    bad.write_text("kind: xdp\nasm:\n\tr0 = 1\n\texit\n\ncase: x\nreslt: 1\n")
    err = skep("test", bad, status=1).err
    assert "bad.test:7:" in err and "did you mean result?" in err


def test_the_documented_examples(tmp_path):
    examples = re.findall(r"```test\n(.*?)```", (ROOT / "docs/test-format.md").read_text(), re.S)
    assert len(examples) == 4
    for i, text in enumerate(examples):
        (tmp_path / f"{i}.test").write_text(text)
    found = skep("test", *sorted(tmp_path.glob("*.test")))
    assert found.lines[-1] == "5 passed, 0 failed, 0 skipped"
