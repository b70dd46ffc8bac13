"""Each feature row forced off: the fallback works, or a named error says what the kernel lacks."""
import pytest
from conftest import CALLS, needs_kprobes, skep, trace

GETPPID = 110
COUNT = "tracepoint:syscalls:sys_enter_getppid /pid == cpid/ { @ = count(); }"


def without(feature, script, command=f"{CALLS} syscall {GETPPID} 5", **kwargs):
    return trace(script, command, "--no-feature", feature, **kwargs)


def test_without_ringbuf_the_error_names_it():
    result = without("ringbuf", 'BEGIN { printf("x\\n"); }', None, status=1)
    assert "5.8" in result.err


def test_without_test_runs_begin_and_end_still_run():
    found = without("rawtp_test_run", 'BEGIN { printf("b\\n"); exit(); } END { printf("e\\n"); }', None)
    assert found.out == "b\ne\n"


def test_without_memcg_memory():
    assert without("memcg_memory", COUNT).map("@") == {"": "5"}


def test_without_big_keys():
    found = without("big_keys", f"uprobe:{CALLS}:traced_say {{ @[str(arg0)] = count(); }}", f"{CALLS} say 2 hey")
    assert found.map("@") == {"hey": "2"}


def test_without_atomic_fetch_scratch_still_works():
    text = "z" * 300
    found = without("atomic_fetch", f'uprobe:{CALLS}:traced_say {{ printf("%s\\n", str(arg0)); }}',
                    f"{CALLS} say 3 {text}")
    assert found.lines == [text] * 3


def test_without_recursion_misses():
    assert without("recursion_misses", COUNT).map("@") == {"": "5"}


def test_without_for_each_the_error_names_it():
    result = without("for_each_map_elem", "BEGIN { @x[1] = 1; for ($kv : @x) { print($kv); } }", None, status=1)
    assert "5.13" in result.err


def test_without_cookies_programs_are_cloned():
    found = without("cookie", "tracepoint:syscalls:sys_enter_getp*id /pid == cpid/ { @[probe] = count(); }")
    assert found.map("@") == {"tracepoint:syscalls:sys_enter_getppid": "5"}


def test_without_bpf_loop_ranges_still_work():
    found = without("bpf_loop", 'BEGIN { $s = 0; for ($i : 0..100) { $s += $i; } printf("%d\\n", $s); exit(); }', None)
    assert found.out == "4950\n"


@needs_kprobes
def test_without_kprobe_multi():
    found = without("kprobe_multi", "kprobe:do_sys_openat* /pid == cpid/ { @[func] = count(); }",
                    f"{CALLS} open 3 /nonexistent/x")
    assert "do_sys_openat2" in found.map("@")


def test_without_percpu_lookup_the_error_names_it():
    result = without("percpu_lookup", 'BEGIN { @ = count(); printf("%d\\n", (int64)@); exit(); }', None, status=1)
    assert "5.19" in result.err


def test_without_lazy_map_memory():
    found = without("map_lazy_alloc", "tracepoint:syscalls:sys_enter_getppid /pid == cpid/ { @[pid] = hist(pid); @k[comm] = count(); }")
    assert found.map("@k") == {"calls": "5"}


def test_without_uprobe_multi():
    found = without("uprobe_multi", f"uprobe:{CALLS}:traced_* {{ @[func] = count(); }}", f"{CALLS} deep 3")
    assert found.map("@") == {"traced_outer": "3", "traced_middle": "3", "traced_inner": "3"}


@pytest.mark.parametrize("feature", ["rawtp_guard", "rawtp_cookie"])
def test_without_raw_tracepoint_features(feature):
    found = without(feature, f"rawtracepoint:sys_enter /pid == cpid && arg1 == {GETPPID}/ {{ @[probe] = count(); }}")
    assert list(found.map("@").values()) == ["5"]


def test_unknown_feature_is_a_usage_error():
    assert "nosuch" in skep("--no-feature", "nosuch", "-e", "BEGIN { exit(); }", status=2).err


def test_info_lists_features():
    found = skep("--info").out
    for section in ("System", "Build", "Kernel helpers", "Kernel features", "Probe types"):
        assert section in found
    assert "ringbuf: yes" in found
