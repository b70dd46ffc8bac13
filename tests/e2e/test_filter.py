"""skep filter: classic BPF from expressions and files, on captures, live, and seccomp."""
import ctypes
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import time

import pytest
from conftest import ROOT, SKEP, skep

pytestmark = pytest.mark.unprivileged

ICMP = "6,40 0 0 12,21 0 3 2048,48 0 0 23,21 0 1 1,6 0 0 262144,6 0 0 0\n"
FORMS = ["cbpf", "asm", "tc", "c", "decimal"]


def has_pcap():
    found = subprocess.run([SKEP, "filter", "--format", "tc", "icmp"], capture_output=True, text=True,
                           check=False)
    return "need libpcap" not in found.stderr


needs_pcap = pytest.mark.skipif(not has_pcap(), reason="no libpcap here")


# packets

def ether(payload, kind):
    return b"\1" * 6 + b"\2" * 6 + struct.pack(">H", kind) + payload


def ip(protocol, payload):
    return struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0,
                       b"\x0a\0\0\1", b"\x0a\0\0\2") + payload


def tcp(source, to):
    return struct.pack(">HHIIBBHHH", source, to, 1, 0, 0x50, 2, 1, 0, 0)


def udp(source, to):
    return struct.pack(">HHHH", source, to, 12, 0) + b"abcd"


PACKETS = [ether(ip(6, tcp(1234, 80)), 0x800), ether(ip(17, udp(9, 53)), 0x800),
           ether(b"x" * 28, 0x806), ether(ip(6, tcp(80, 99)), 0x800),
           ether(ip(1, b"\x08\0" * 4), 0x800)]


def capture(path, packets=PACKETS, order="<", magic=0xa1b2c3d4, link=1):
    with open(path, "wb") as f:
        f.write(struct.pack(order + "IHHIIII", magic, 2, 4, 0, 0, 65535, link))
        for i, p in enumerate(packets):
            f.write(struct.pack(order + "IIII", i, 0, len(p), len(p)) + p)
    return path


def packets_of(path):
    data = path.read_bytes()
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    found, at = [], 24
    while at < len(data):
        size = struct.unpack_from(order + "I", data, at + 8)[0]
        found.append(data[at + 16:at + 16 + size])
        at += 16 + size
    return found


# printing and reading

@needs_pcap
def test_both_listings_of_an_expression():
    text = skep("filter", "tcp", "port", "80").out
    assert "(000) ldh      [12]\n" in text and "ret      #262144" in text
    assert "   3: (28) r0 = *(u16 *)skb[12]\n" in text and "(95) exit" in text


@needs_pcap
@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read_back(form, tmp_path):
    for expression in ("icmp", "tcp[13] & 7 != 0 or vlan 5", "host 10.0.0.1 and len > 100"):
        text = skep("filter", "--format", form, expression).out
        assert skep("filter", "--from", "-", "--format", "tc", stdin=text).out == \
            skep("filter", "--format", "tc", expression).out


@needs_pcap
def test_a_wrong_expression_is_told():
    assert "syntax error" in skep("filter", "no such word", status=1).err


@needs_pcap
def test_xtables_begins_at_the_ip_header_and_has_a_limit():
    assert skep("filter", "--format", "xtables", "ip proto 1").out == skep(
        "filter", "--format", "tc", "-y", "raw", "ip proto 1").out
    many = " or ".join(f"port {n}" for n in range(1, 40))
    assert "64 instructions at most" in skep("filter", "--format", "xtables", many, status=1).err


def test_raw_bytes_are_read():
    raw = struct.pack("HBBI", 0x28, 0, 0, 12) + struct.pack("HBBI", 6, 0, 0, 1)
    done = subprocess.run([SKEP, "filter", "--from", "-", "--format", "tc"], input=raw,
                          capture_output=True, check=True)
    assert done.stdout == b"2,40 0 0 12,6 0 0 1\n"


def test_wrong_filters_are_refused_with_the_place():
    found = skep("filter", "--from", "-", stdin="ld [0]\nadd y\nret a\n", status=1)
    assert "-:2:5" in found.err and "#NUMBER is expected here" in found.err
    assert "divides by zero" in skep("filter", "--from", "-", stdin="div #0\nret a\n", status=1).err
    assert "1 to 4096 instructions" in skep("filter", "--from", "-", stdin="", status=1).err


@pytest.mark.parametrize("args", [[], ["-r", "x", "-i", "y"], ["--from", "-", "icmp"], ["--lock", "icmp"],
                                  ["-w", "x", "icmp"], ["--call", "read"], ["--format", "no", "icmp"],
                                  ["-c", "0", "-r", "x"], ["-y", "no", "icmp"], ["--no-such"]])
def test_what_does_not_go_together_is_a_usage_error(args):
    assert skep("filter", *args, status=2).err


def test_help_names_every_option_and_so_does_the_manual():
    rows = re.findall(r'^OPTION\([^,]+,\s+"([a-z-]+)"', (ROOT / "src/cmd/filter_option.def").read_text(), re.M)
    text, manual = skep("filter", "--help").out, (ROOT / "docs/man/skep-filter.1").read_text()
    assert len(rows) > 10
    for name in rows:
        assert f"--{name}" in text and f"Fl -{name}" in manual


# capture files

@needs_pcap
@pytest.mark.parametrize("engine", [[], ["--ebpf"]])
@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("magic", [0xa1b2c3d4, 0xa1b23c4d])
def test_a_capture_is_filtered(tmp_path, engine, order, magic):
    source = capture(tmp_path / "in.pcap", order=order, magic=magic)
    to = tmp_path / "out.pcap"
    assert skep("filter", *engine, "-r", source, "-w", to, "tcp port 80").out == "2 of 5 packets match\n"
    assert packets_of(to) == [PACKETS[0], PACKETS[3]]
    assert to.read_bytes()[:24] == source.read_bytes()[:24]
    assert skep("filter", *engine, "-r", source, "-c", "1", "ip").out == "1 of 1 packets match\n"
    assert skep("filter", *engine, "-r", source).out == "5 of 5 packets match\n"


@needs_pcap
def test_the_file_says_what_packets_begin_with(tmp_path):
    source = capture(tmp_path / "raw.pcap", [p[14:] for p in PACKETS], link=101)
    assert skep("filter", "-r", source, "udp port 53").out == "1 of 5 packets match\n"


def test_extensions_on_a_capture(tmp_path):
    source = capture(tmp_path / "in.pcap")
    for text, matches in (("ld poff\njeq #54, y, n\n", 2), ("ld proto\njeq #0x806, y, n\n", 1),
                          ("ld len\njeq #46, y, n\n", 1), ("ldb [-0x100000]\njeq #0x45, y, n\n", 4)):
        found = skep("filter", "-r", source, "--from", "-", stdin=text + "y: ret #1\nn: ret #0\n").out
        assert found == f"{matches} of 5 packets match\n", text


def test_ebpf_names_what_it_lacks(tmp_path):
    source = capture(tmp_path / "in.pcap")
    found = skep("filter", "--ebpf", "-r", source, "--from", "-", stdin="ld poff\nret a\n", status=1)
    assert "poff has no counterpart in eBPF" in found.err


def test_packets_go_to_standard_output(tmp_path):
    source = capture(tmp_path / "in.pcap")
    done = subprocess.run([SKEP, "filter", "-r", str(source), "-w", "-"], capture_output=True, check=True)
    assert done.stdout == source.read_bytes() and b"5 of 5" in done.stderr


@pytest.mark.parametrize("cut, reason", [(10, "shorter than the header"), (30, "within the header of a packet"),
                                         (50, "within a packet")])
def test_cut_captures_are_refused(tmp_path, cut, reason):
    source = tmp_path / "in.pcap"
    source.write_bytes(capture(tmp_path / "whole.pcap").read_bytes()[:cut])
    assert reason in skep("filter", "-r", source, status=1).err


def test_what_is_no_capture_is_refused(tmp_path):
    assert "no capture file" in skep("filter", "-r", capture(tmp_path / "a", magic=5), status=1).err
    assert "pcapng" in skep("filter", "-r", capture(tmp_path / "b", magic=0x0a0d0d0a), status=1).err
    assert "link type 147" in skep("filter", "-r", capture(tmp_path / "c", link=147), status=1).err
    big = capture(tmp_path / "d", []).read_bytes() + struct.pack("<IIII", 0, 0, 1 << 30, 1 << 30)
    (tmp_path / "d").write_bytes(big)
    assert "damaged" in skep("filter", "-r", tmp_path / "d", status=1).err


# live, in a network namespace of its own

def in_namespace(code, *args):
    """Runs Python code in a new network namespace with lo up."""
    script = f"import sys; sys.path.insert(0, {str(ROOT / 'tests/e2e')!r})\nfrom test_filter import *\n{code}"
    done = subprocess.run(["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh", sys.executable,
                           "-c", script, *map(str, args)], capture_output=True, text=True, timeout=60,
                          check=False)
    if "Operation not permitted" in done.stderr and "unshare" in done.stderr:
        pytest.skip("no network namespaces here")
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


needs_ip = pytest.mark.skipif(not shutil.which("ip") or not shutil.which("unshare"),
                              reason="needs ip and unshare")
PORT = "ldh [36]\njeq #5353, y, n\ny: ret #70\nn: ret #0\n"


def listening(tmp_path, *options):
    (tmp_path / "port").write_text(PORT)
    process = subprocess.Popen([SKEP, "filter", "-i", "lo", "--from", tmp_path / "port", *options],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert "Listening on lo" in process.stderr.readline()
    return process


def send_datagrams():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for port in (5353, 5354, 5353, 5355):
            s.sendto(b"hello" * 20, ("127.0.0.1", port))


def socket_of(process):
    """A copy of the packet socket of a process."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = libc.syscall(434, process.pid, 0)
    for fd in os.listdir(f"/proc/{process.pid}/fd"):
        if os.readlink(f"/proc/{process.pid}/fd/{fd}").startswith("socket:"):
            copy = libc.syscall(438, pidfd, int(fd), 0)
            assert copy >= 0, os.strerror(ctypes.get_errno())
            return socket.socket(fileno=copy)
    raise AssertionError("no socket")


@needs_ip
def test_live_packets_are_filtered_by_the_kernel(tmp_path):
    in_namespace(f"""
import pathlib
process = listening(pathlib.Path({str(tmp_path)!r}), "-c", "4", "-w", {str(tmp_path / 'live.pcap')!r})
send_datagrams()
out, err = process.communicate(timeout=20)
assert process.returncode == 0, err
assert "4 packets match, 0 lost" in err, err
""")
    # each datagram is seen twice on lo: out and in; 70 bytes of it are accepted
    packets = packets_of(tmp_path / "live.pcap")
    assert len(packets) == 4
    assert all(len(p) == 70 and p[36:38] == b"\x14\xe9" for p in packets)
    skep("filter", "-r", tmp_path / "live.pcap", "--from", tmp_path / "port")


@needs_ip
@pytest.mark.parametrize("lock", [False, True])
def test_the_filter_is_attached_and_locked_if_asked(tmp_path, lock):
    in_namespace(f"""
import pathlib, signal
process = listening(pathlib.Path({str(tmp_path)!r}), *{['--lock'] if lock else []})
copy = socket_of(process)
SO_LOCK_FILTER, SO_DETACH_FILTER = 44, 27
assert bool(copy.getsockopt(socket.SOL_SOCKET, SO_LOCK_FILTER)) == {lock}
send_datagrams()
lines = [process.stdout.readline() for i in range(4)]
assert all("protocol 0x0800, 70 bytes" in line for line in lines), lines
process.send_signal(signal.SIGINT)
out, err = process.communicate(timeout=20)
assert process.returncode == 0 and "4 packets match" in err, err
# the copy outlives skep: the filter is off, or locked on
try:
    copy.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
    left = "a filter"
except OSError as e:
    left = os.strerror(e.errno)
assert left == ("Operation not permitted" if {lock} else "No such file or directory"), left
""")


@needs_ip
def test_a_device_that_is_not_there():
    assert "no device nosuch0" in skep("filter", "-i", "nosuch0", status=None).err or os.geteuid()


@needs_ip
@needs_pcap
def test_tc_takes_the_form_for_tc():
    if not shutil.which("tc"):
        pytest.skip("needs tc")
    in_namespace(f"""
code = skep("filter", "--format", "tc", "icmp").out.strip()
def tc(*args):
    return subprocess.run(["tc", *args], capture_output=True, text=True)
if tc("qdisc", "add", "dev", "lo", "clsact").returncode == 0:
    done = tc("filter", "add", "dev", "lo", "ingress", "bpf", "bytecode", code, "flowid", "1:1")
    if "not supported" not in done.stderr and "No such file" not in done.stderr:
        assert done.returncode == 0, done.stderr
        assert "bytecode '6,40 0 0 12" in tc("filter", "show", "dev", "lo", "ingress").stdout
""")


# seccomp

KILL, ALLOW = 0x80000000, 0x7fff0000
JAIL = [(0x20, 0, 0, 4), (0x15, 1, 0, 0xc000003e), (6, 0, 0, KILL), (0x20, 0, 0, 0),
        (0x35, 0, 1, 0x40000000), (6, 0, 0, KILL), (0x15, 0, 4, 56), (0x20, 0, 0, 16),
        (0x45, 0, 1, 0x7e020000), (6, 0, 0, 0x50001), (6, 0, 0, ALLOW), (0x15, 1, 0, 59),
        (0x15, 0, 1, 175), (6, 0, 0, 0x5000d), (6, 0, 0, ALLOW)]


def raw_filter(insns):
    return b"".join(struct.pack("HBBI", *i) for i in insns)


@pytest.fixture
def jail(tmp_path):
    path = tmp_path / "jail.bpf"
    path.write_bytes(raw_filter(JAIL))
    return path


def words(path, *args):
    return skep("filter", "--seccomp", path, *args).out


def test_calls_are_told_apart(jail):
    text = words(jail)
    assert "  clone:\n    if arg0 & 0x7e020000: fail with errno 1 (Operation not permitted)\n" \
           "    otherwise: allow\n" in text
    assert "fail with errno 13 (Permission denied): execve, init_module\n" in text
    assert "kill the process: numbers from 1073741824 on\n" in text
    assert "  any other call: allow\n" in text
    assert "other architectures:\n  any call: kill the process\n" in text
    assert "(006) jeq      #0x38            jt 7\tjf 11  ; clone\n" in text


def test_words_follow_arguments_through_arithmetic(tmp_path):
    path = tmp_path / "f"
    path.write_text("ld [0]\njeq #0, 2, 9\nld [16]\nrsh #4\nst M[0]\nld [20]\njeq #0, 7, 9\nld M[0]\njeq #3, 9, 10\n"
                    "ret #0x7fff0000\nret #0x50016\n")
    text = words(path)
    assert "if arg0 >> 32 == 0x0:\n" in text
    assert "if (arg0 >> 0x4) == 0x3: allow\n" in text
    assert "any other call: allow" in text and "numbers are not told apart" in text


def test_what_is_settled_is_not_asked_again(tmp_path):
    path = tmp_path / "f"
    path.write_text("ld [16]\njeq #5, 2, 5\nld [16]\njeq #5, 4, 5\nret #0x7fff0000\nret #0\n")
    text = words(path)
    assert text.count("arg0 == 0x5") == 1
    assert "if arg0 == 0x5: allow" in text and "otherwise: kill the thread" in text


def test_calls_are_simulated(jail, tmp_path):
    (tmp_path / "calls").write_text("# some\nread:1,2,3\n\n  257\nfstat\nnewfstat\n")
    found = words(jail, "--call", "execve", "--call", "clone:0x20000", "--call", "clone:0x200000000",
                  "--call", "i386/4", "--calls", tmp_path / "calls", "--arch", "x86_64")
    assert found == ("execve: fail with errno 13 (Permission denied)\n"
                     "clone:0x20000: fail with errno 1 (Operation not permitted)\n"
                     "clone:0x200000000: allow\ni386/4: kill the process\n"
                     "read:1,2,3: allow\n257: allow\nfstat: allow\nnewfstat: allow\n")


@pytest.mark.parametrize("call", ["nosuch", "read:x", "read:1,2,3,4,5,6,7", "x/read", "read:1 2", ""])
def test_what_is_no_call_is_told(jail, call):
    assert "is no call" in skep("filter", "--seccomp", jail, "--call", call, status=1).err


def test_what_seccomp_refuses_is_refused(tmp_path):
    (tmp_path / "f").write_text("ldh [0]\nret a\n")
    assert "may not have code 0x28" in skep("filter", "--seccomp", tmp_path / "f", status=1).err


JAILED = """
import ctypes, struct, sys, time
sys.path.insert(0, sys.argv[1])
from test_filter import raw_filter, JAIL, ALLOW
libc = ctypes.CDLL(None, use_errno=True)
libc.prctl(38, 1, 0, 0, 0)
for insns in (JAIL, [(0x20, 0, 0, 0), (0x15, 0, 1, 39), (6, 0, 0, 0x50005), (6, 0, 0, ALLOW)]):
    raw = ctypes.create_string_buffer(raw_filter(insns))
    assert libc.prctl(22, 2, struct.pack("HxxxxxxQ", len(insns), ctypes.addressof(raw))) == 0
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.skipif(os.uname().machine != "x86_64" or os.geteuid() != 0, reason="needs root on x86-64")
def test_filters_of_a_running_process():
    process = subprocess.Popen([sys.executable, "-c", JAILED, str(ROOT / "tests/e2e")],
                               stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "ready\n"
        found = skep("filter", "--seccomp", process.pid, status=None)
        if "CONFIG_CHECKPOINT_RESTORE" in found.err:
            pytest.skip("this kernel does not show filters")
        assert "filter 1 of 2, newest first\n" in found.out and "filter 2 of 2" in found.out
        assert "fail with errno 5 (Input/output error): getpid\n" in found.out
        # the strictest answer of both
        assert words(process.pid, "--call", "getpid", "--call", "execve", "--call", "read") == (
            "getpid: fail with errno 5 (Input/output error)\n"
            "execve: fail with errno 13 (Permission denied)\nread: allow\n")
        assert process.poll() is None
        time.sleep(0.1)
        state = re.search(r"State:\s+(\w)", open(f"/proc/{process.pid}/status").read())[1]
        assert state == "S", "skep left it stopped"
    finally:
        process.kill()
        process.wait()


def test_a_process_without_filters():
    found = skep("filter", "--seccomp", os.getpid(), status=1)
    assert "no seccomp filter" in found.err or "cannot look into" in found.err or "CAP_SYS_ADMIN" in found.err


# the manual

def examples():
    for block in re.findall(r"```console\n(.*?)```", (ROOT / "docs/filter.md").read_text(), re.S):
        for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.M):
            yield command, output


@needs_pcap
def test_examples_of_the_manual(tmp_path, jail):
    capture(tmp_path / "in.pcap")
    (tmp_path / "skep").symlink_to(SKEP)
    found = list(examples())
    assert len(found) >= 11
    for command, output in found:
        done = subprocess.run(["bash", "-c", command], cwd=tmp_path, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False,
                              env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
        assert done.stdout == output, command
