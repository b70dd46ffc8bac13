"""Maps and aggregations: exact values for a known number of calls; their printed forms."""
import re

import pytest
from conftest import CALLS, skep, trace

GETPPID = 110
NTH = "tracepoint:syscalls:sys_enter_getppid /pid == cpid/"
LSEEK = "tracepoint:syscalls:sys_enter_lseek /pid == cpid/"


def calls(count):
    return f"{CALLS} syscall {GETPPID} {count}"


def begin(body):
    return trace(f"BEGIN {{ {body} exit(); }}").out


def test_count_sum_avg_min_max_stats():
    found = trace(
        f"uprobe:{CALLS}:traced_add {{ @c = count(); @s = sum(arg0); @a = avg(arg1); @lo = min(arg0); "
        "@hi = max(arg1); @st = stats(arg0); }", f"{CALLS} add 10")
    assert found.map("@c") == {"": "10"}
    assert found.map("@s") == {"": "55"}
    assert found.map("@a") == {"": "11"}
    assert found.map("@lo") == {"": "1"} and found.map("@hi") == {"": "20"}
    assert re.search(r"^@st: .*10.*5.*55", found.out, re.M)


def test_aggregations_by_key():
    found = trace(
        f"uprobe:{CALLS}:traced_add {{ @c[arg0 % 2] = count(); @s[arg0 % 2] = sum(arg0); "
        "@a[arg0 % 2] = avg(arg0); @m[arg0 % 2] = max(arg0); @n[arg0 % 2] = min(arg0); }",
        f"{CALLS} add 10")
    assert found.map("@c") == {"0": "5", "1": "5"}
    assert found.map("@s") == {"0": "30", "1": "25"}
    assert found.map("@a") == {"0": "6", "1": "5"}
    assert found.map("@m") == {"0": "10", "1": "9"}
    assert found.map("@n") == {"0": "2", "1": "1"}


def test_counts_over_all_cpus_are_exact():
    found = trace(f"{NTH} {{ @ = count(); @p[pid] = count(); @s = sum(2); }}", f"{CALLS} threads 20000 4")
    assert found.map("@") == {"": "80000"}
    assert list(found.map("@p").values()) == ["80000"]
    assert found.map("@s") == {"": "160000"}


def test_increments_of_shared_maps_lose_nothing():
    found = trace(f"{NTH} {{ @++; @k[pid]++; @s += 3; }}", f"{CALLS} threads 20000 4")
    assert found.map("@") == {"": "80000"}
    assert list(found.map("@k").values()) == ["80000"]
    assert found.map("@s") == {"": "240000"}


def test_hist_rows():
    found = trace(f"uprobe:{CALLS}:traced_add {{ @ = hist(arg0); }}", f"{CALLS} add 16")
    rows = re.findall(r"^(\[.*?[\])])\s+(\d+) \|(@*) *\|$", found.out, re.M)
    assert [(r[0].replace(" ", ""), r[1]) for r in rows] == [
        ("[1]", "1"), ("[2,4)", "2"), ("[4,8)", "4"), ("[8,16)", "8"), ("[16,32)", "1")]
    assert len(rows[3][2]) == 52 and len(rows[2][2]) == 26


def test_lhist_rows():
    found = trace(f"uprobe:{CALLS}:traced_add {{ @ = lhist(arg0, 5, 15, 5); }}", f"{CALLS} add 20")
    rows = re.findall(r"^([\[(].*?[\])])\s+(\d+) \|", found.out, re.M)
    assert [(r[0].replace(" ", ""), r[1]) for r in rows] == [
        ("(...,5)", "4"), ("[5,10)", "5"), ("[10,15)", "5"), ("[15,...)", "6")]


def test_json_of_aggregations():
    found = skep("-q", "-f", "json", "-c", f"{CALLS} add 10", "-e",
                 f"uprobe:{CALLS}:traced_add {{ @c = count(); @h = hist(arg0); @l = lhist(arg0, 0, 10, 5); "
                 "@s = stats(arg0); @k[arg0] = sum(1); }")
    assert found.json_map("@c") == 10
    assert found.json_map("@h", "hist") == [
        {"min": 1, "max": 1, "count": 1}, {"min": 2, "max": 3, "count": 2},
        {"min": 4, "max": 7, "count": 4}, {"min": 8, "max": 15, "count": 3}]
    assert found.json_map("@l", "hist") == [
        {"min": 0, "max": 4, "count": 4}, {"min": 5, "max": 9, "count": 5}, {"min": 10, "count": 1}]
    assert found.json_map("@s", "stats") == {"count": 10, "average": 5, "total": 55}
    assert found.json_map("@k") == {str(n): 1 for n in range(1, 11)}


def test_values_sort_ascending():
    out = begin('@["low"] = 1; @["high"] = 9; @["mid"] = 5;')
    assert [line for line in out.splitlines() if line] == ["@[low]: 1", "@[mid]: 5", "@[high]: 9"]


def test_several_keys_and_tuples():
    out = begin('@[1, "a", -2] = 5; @t[(3, "b")] = (4, "c");')
    assert "@[1, a, -2]: 5" in out.splitlines() and "@t[3, b]: (4, c)" in out.splitlines()


def test_strings_as_values():
    assert "@: hello" in begin('@ = "hello";').splitlines()


def test_unset_maps_are_not_printed():
    assert begin("if (0) { @x = 1; @y[1] = 2; @z = count(); }") == ""


def test_map_reads_of_absent_keys_are_zero():
    assert begin('printf("%d %d\\n", @x[5], @s); if (0) { @x[1] = 1; @s = 1; }') == "0 0\n"


def test_a_full_map_warns_once_with_the_place():
    found = trace(f"uprobe:{CALLS}:traced_add {{ @[arg0] = 1; }}", f"{CALLS} add 100",
                  env={"BPFTRACE_MAX_MAP_KEYS": "10"})
    assert len(found.map("@")) == 10
    assert "WARNING" in found.err and "full" in found.err.lower() and "stdin:1:" in found.err


def test_len_of_a_map_and_loops_over_it():
    out = begin('@[1] = 10; @[2] = 20; @[3] = 30; for ($kv : @) { @sum += $kv.1; @keys += $kv.0; } '
                'printf("%d %d %d\\n", len(@), @sum, @keys);')
    assert out.startswith("3 60 6\n")


def test_scalar_maps_can_be_deleted():
    assert begin("@ = 5; delete(@);") == ""


def test_all_compound_assignments():
    out = begin("@a = 10; @a += 5; @b = 10; @b -= 3; @c = 6; @c *= 7; @d = 20; @d /= 6; @e = 20; @e %= 6; "
                "@f = 12; @f &= 10; @g = 12; @g |= 3; @h = 12; @h ^= 10; @i = 1; @i <<= 5; @j = 64; @j >>= 2;")
    found = dict(line[1:].split(": ") for line in out.splitlines() if line)
    assert found == {"a": "15", "b": "7", "c": "42", "d": "3", "e": "2", "f": "8", "g": "15", "h": "6",
                     "i": "32", "j": "16"}


@pytest.mark.parametrize("kind", ["@x++", "++@x"])
def test_increment_forms(kind):
    assert "@x: 6" in begin(f"@x = 5; {kind};")
