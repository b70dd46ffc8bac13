"""Probe types: each fires as often as the test makes it fire; listing; limits."""
import os
import re

import pytest
from conftest import CALLS, CALLS32, Running, loaded_programs, needs_btf, needs_kprobes, skep, trace, wait_until

GETPPID = 110


def test_tracepoint_with_wildcards_and_lists():
    script = "tracepoint:syscalls:sys_enter_getp?id,tracepoint:syscalls:sys_enter_getppi* /pid == cpid/ { @[probe] = count(); }"
    assert trace(script, f"{CALLS} syscall {GETPPID} 5").map("@")["tracepoint:syscalls:sys_enter_getppid"] == "5"


def test_aliases():
    assert trace("t:syscalls:sys_enter_getppid /pid == cpid/ { @ = count(); }",
                 f"{CALLS} syscall {GETPPID} 5").map("@") == {"": "5"}
    assert trace(f"u:{CALLS}:traced_add {{ @ = count(); }}", f"{CALLS} add 4").map("@") == {"": "4"}


def test_rawtracepoint_arguments():
    found = trace(f"rawtracepoint:sys_enter /pid == cpid && arg1 == {GETPPID}/ {{ @ = count(); }}",
                  f"{CALLS} syscall {GETPPID} 6")
    assert found.map("@") == {"": "6"}


def test_interval_ticks():
    out = trace('interval:ms:20 { @++; if (@ == 3) { printf("three\\n"); exit(); } }').out
    assert out.startswith("three\n")


@pytest.mark.parametrize("spec", ["interval:s:1", "interval:us:10000", "interval:hz:50", "interval:10ms", "i:ms:5"])
def test_interval_units(spec):
    assert trace(f'{spec} {{ printf("tick\\n"); exit(); }}').out == "tick\n"


@pytest.mark.parametrize("spec", ["profile:hz:99", "profile:ms:5", "profile:us:5000", "p:hz:199"])
def test_profile_samples_a_busy_program(spec):
    found = trace(f"{spec} /pid == cpid/ {{ @ = count(); }}", f"{CALLS} spin 300")
    assert int(found.map("@")[""]) >= 10


def test_software_page_faults():
    found = trace("software:page-faults:1 /pid == cpid/ { @ = count(); }", f"{CALLS} fault 2000")
    assert int(found.map("@")[""]) >= 2000
    found = trace("s:faults:100 /pid == cpid/ { @ = count(); }", f"{CALLS} fault 2000")
    assert 15 <= int(found.map("@")[""]) <= 40


def test_uprobe_with_offset():
    found = trace(f"uprobe:{CALLS}:traced_add+0 {{ @ = sum(arg0); }}", f"{CALLS} add 4")
    assert found.map("@") == {"": "10"}


def test_uprobe_wildcard():
    found = trace(f"uprobe:{CALLS}:traced_* {{ @[func] = count(); }}", f"{CALLS} deep 3")
    assert found.map("@") == {"traced_outer": "3", "traced_middle": "3", "traced_inner": "3"}


def test_uprobe_in_a_library_by_short_name():
    found = trace("uprobe:libc:getpwnam,uprobe:libc:getenv /pid == cpid/ { @[func] = count(); }",
                  "/bin/sh -c exit")
    assert found.status == 0


def test_uprobe_of_one_process_only():
    found = skep("-q", "-c", f"{CALLS} add 3", "-e", f"uprobe:{CALLS}:traced_add {{ @ = count(); }}")
    assert found.map("@") == {"": "3"}


@needs_kprobes
def test_kprobe_and_kretprobe_count():
    found = trace("kprobe:do_sys_openat2 /pid == cpid/ { @in = count(); } "
                  "kretprobe:do_sys_openat2 /pid == cpid/ { @out[(int64)retval] = count(); }",
                  f"{CALLS} open 5 /nonexistent/x")
    assert int(found.map("@in")[""]) >= 5
    assert "-2" in found.map("@out")


@needs_kprobes
def test_kprobe_wildcard():
    found = trace("kprobe:do_sys_openat* /pid == cpid/ { @[func] = count(); }", f"{CALLS} open 5 /nonexistent/x")
    assert "do_sys_openat2" in found.map("@")


def test_begin_and_end_in_order():
    found = trace('END { printf("e1\\n"); } BEGIN { printf("b1\\n"); } begin { printf("b2\\n"); exit(); } end { printf("e2\\n"); }')
    assert found.out == "b1\nb2\ne1\ne2\n"


def test_overlapping_wildcards_run_each_clause_once():
    found = trace("tracepoint:syscalls:sys_enter_getppid /pid == cpid/ { @a = count(); } "
                  "tracepoint:syscalls:sys_enter_getpp* /pid == cpid/ { @b = count(); } "
                  "tracepoint:syscalls:sys_enter_get* /pid == cpid && probe == \"tracepoint:syscalls:sys_enter_getppid\"/ { @c = count(); }",
                  f"{CALLS} syscall {GETPPID} 9")
    assert found.map("@a") == found.map("@b") == found.map("@c") == {"": "9"}


def test_profile_interrupting_a_long_program():
    """A sampled clause and a tracepoint clause that both build long strings: neither sees the other's."""
    text = "y" * 200
    found = trace(f'uprobe:{CALLS}:traced_say {{ @[str(arg0)] = count(); }} '
                  'profile:hz:1999 /pid == cpid/ { @p[comm, str(curtask->comm)] = count(); }',
                  f"{CALLS} say 200000 {text}")
    assert found.map("@") == {text: "200000"}
    assert set(found.map("@p")) <= {"calls, calls"}


# ---- system calls: both ways give the same ----

WAYS = ["classic", "raw"]


@pytest.mark.parametrize("way", WAYS)
def test_system_calls_are_counted_by_name(way):
    found = trace("tracepoint:syscalls:sys_enter_* /pid == cpid/ { @[probe] = count(); }",
                  f"{CALLS} open 7 /nonexistent/x", "--syscalls", way)
    assert int(found.map("@")["tracepoint:syscalls:sys_enter_openat"]) >= 7


def differing_names(way):
    """newstat, newfstat, newlstat, newuname and umount differ in name from their numbers' names."""
    script = "tracepoint:syscalls:sys_enter_* /pid == cpid/ { @[probe] = count(); }"
    found = {}
    for number, name in ((4, "newstat"), (5, "newfstat"), (6, "newlstat"), (63, "newuname"), (166, "umount"),
                         (40, "sendfile64")):
        got = trace(script, f"{CALLS} syscall {number} 13 -1 0", "--syscalls", way).map("@")
        found[name] = got.get(f"tracepoint:syscalls:sys_enter_{name}")
    return found


@pytest.mark.parametrize("way", WAYS)
def test_names_that_differ_from_numbers(way):
    found = differing_names(way)
    assert all(int(count) >= 13 for count in found.values()), found


@pytest.mark.parametrize("way", WAYS)
def test_exit_values(way):
    found = trace("tracepoint:syscalls:sys_exit_lseek /pid == cpid/ { @[args.ret] = count(); }",
                  f"{CALLS} syscall 8 11 -1 0 0", "--syscalls", way)
    assert found.map("@")["-9"] == "11"


@pytest.mark.parametrize("way", WAYS)
def test_enter_arguments(way):
    found = trace('tracepoint:syscalls:sys_enter_lseek /pid == cpid && args.whence == 7/ '
                  '{ printf("%d %d %ld %d\\n", args.__syscall_nr, args.fd, args.offset, args.whence); }',
                  f"{CALLS} syscall 8 2 -1 12345678901 7", "--syscalls", way)
    assert found.out == "8 -1 12345678901 7\n" * 2


@pytest.mark.parametrize("way", WAYS)
def test_filename_argument(way):
    found = trace('tracepoint:syscalls:sys_enter_openat /pid == cpid/ { @[str(args.filename)] = count(); }',
                  f"{CALLS} open 4 /nonexistent/name", "--syscalls", way)
    assert found.map("@")["/nonexistent/name"] == "4"


@pytest.mark.skipif(not os.path.exists(CALLS32), reason="no 32-bit C library to build the caller with")
@pytest.mark.parametrize("way", WAYS)
def test_32_bit_callers_are_not_counted_under_wrong_names(way):
    # i386 system call 64 is getppid; x86-64's 64 is semget.
    found = trace("tracepoint:syscalls:sys_enter_* /comm == \"calls32\"/ { @[probe] = count(); }",
                  f"{CALLS32} syscall 64 17", "--syscalls", way)
    assert "17" not in found.map("@").values()


@pytest.mark.parametrize("kind", ["sys_enter_getppid", "sys_exit_getppid"])
def test_kernel_stacks_agree_between_the_ways(kind):
    def frames(way):
        found = trace(f"tracepoint:syscalls:{kind} /pid == cpid/ {{ @[kstack] = count(); }}",
                      f"{CALLS} syscall {GETPPID} 3", "--syscalls", way)
        return re.findall(r"^\s+(\S+)\+", found.out, re.M)
    classic = frames("classic")
    assert classic == frames("raw")
    if not classic:
        pytest.skip("this kernel gives tracepoints of system calls no kernel stack")


@pytest.mark.parametrize("way", WAYS)
def test_attached_probes_are_counted_each(way):
    names = skep("-l", "tracepoint:syscalls:sys_enter_get*").lines
    found = skep("--syscalls", way, "--dry-run", "-e",
                 "tracepoint:syscalls:sys_enter_get* { @[probe] = count(); }")
    assert f"Attached {len(names)} probes" in found.err


def test_verbose_says_which_way():
    found = skep("-v", "--syscalls", "raw", "-c", f"{CALLS} syscall {GETPPID} 1", "-e",
                 "tracepoint:syscalls:sys_enter_getp* { @[probe] = count(); }")
    assert "raw" in found.err


# ---- listing ----

def test_list_tracepoints():
    found = skep("-l", "tracepoint:syscalls:sys_enter_open*").lines
    assert "tracepoint:syscalls:sys_enter_openat" in found
    assert all(line.startswith("tracepoint:syscalls:sys_enter_open") for line in found)


def test_list_everything_has_every_provider():
    kinds = {line.split(":")[0] for line in skep("-l").lines}
    assert {"tracepoint", "software", "interval", "profile"} <= kinds or {"tracepoint", "software"} <= kinds


def test_list_arguments():
    found = skep("-lv", "tracepoint:syscalls:sys_enter_openat").lines
    assert found[0] == "tracepoint:syscalls:sys_enter_openat"
    assert any("const char" in line and "filename" in line for line in found)


def test_list_uprobes():
    found = skep("-l", f"uprobe:{CALLS}:traced_*").lines
    assert f"uprobe:{CALLS}:traced_add" in found


def test_list_any_provider():
    assert any(line.startswith("tracepoint:") for line in skep("-l", "*sys_enter_openat*").lines)


@needs_btf
def test_list_structs():
    found = skep("-lv", "struct task_struct").out
    assert "struct task_struct {" in found and "comm" in found


def test_list_of_a_script():
    found = skep("-l", "-e", "tracepoint:syscalls:sys_enter_open* { } interval:s:1 { }").lines
    assert "tracepoint:syscalls:sys_enter_openat" in found and "interval:s:1" in found


# ---- attaching and letting go ----

def test_many_probes_leave_nothing_behind():
    before = loaded_programs()
    found = trace("tracepoint:syscalls:sys_enter_* /pid == cpid/ { @[probe] = count(); }",
                  f"{CALLS} syscall {GETPPID} 3", "--syscalls", "classic")
    assert found.map("@")["tracepoint:syscalls:sys_enter_getppid"] == "3"
    assert wait_until(lambda: loaded_programs() <= before, 60)


def test_kill_leaves_nothing_behind():
    before = loaded_programs()
    running = Running("-e", "tracepoint:syscalls:sys_enter_get* { @[probe] = count(); }")
    assert loaded_programs() > before
    running.stop(9)
    assert wait_until(lambda: loaded_programs() <= before, 60)


def test_dry_run_attaches_and_ends():
    found = skep("--dry-run", "-e", 'interval:ms:1 { printf("never\\n"); }')
    assert "Attached 1 probe" in found.err and found.out == ""
