"""printf in every conversion, and the other calls that write."""
import json
import os
import re
import time

import pytest
from conftest import CALLS, skep, trace

GETPPID = 110


def begin(body, *args):
    return trace(f"BEGIN {{ {body} exit(); }}", None, *args).out


@pytest.mark.parametrize("form,value,expected", [
    ("%d", "-5", "-5"), ("%i", "42", "42"), ("%u", "7", "7"), ("%o", "8", "10"), ("%x", "255", "ff"),
    ("%X", "255", "FF"), ("%c", "65", "A"), ("%5d|", "42", "   42|"), ("%-5d|", "42", "42   |"),
    ("%05d", "42", "00042"), ("%+d", "42", "+42"), ("% d", "42", " 42"), ("%#x", "255", "0xff"),
    ("%#o", "8", "010"), ("%.3d", "7", "007"), ("%8.3d|", "7", "     007|"),
    ("%ld", "-5000000000", "-5000000000"), ("%lld", "-1", "-1"), ("%lu", "-1", "18446744073709551615"),
    ("%hd", "65537", "1"), ("%hhd", "257", "1"), ("%hhx", "511", "ff"), ("%zd", "9", "9"), ("%jd", "9", "9"),
    ("%p", "4096", "0x1000"), ("%llx", "0xdeadbeefcafe", "deadbeefcafe"),
    ("%s", '"text"', "text"), ("%8s|", '"text"', "    text|"), ("%-8s|", '"text"', "text    |"),
    ("%.2s", '"text"', "te"), ("%s", "12", "12"), ("%s", "(1, \"a\")", "(1, a)"),
    ("%r", 'buf("a\\x01b", 3)', "a\\x01b"), ("%rx", 'buf("ab", 2)', "\\x61\\x62"),
    ("%rh", 'buf("ab", 2)', "61 62"),
])
def test_printf_conversions(form, value, expected):
    assert begin(f'printf("{form}\\n", {value});') == expected + "\n"


def test_printf_star_takes_the_width_from_an_argument():
    assert begin('printf("%*d|%-*d|\\n", 5, 42, 4, 7);') == "   42|7   |\n"


def test_percent_sign_and_escapes():
    assert begin('printf("100%% \\t\\"q\\" \\x41\\101\\n");') == '100% \t"q" AA\n'


def test_printf_of_sixteen_arguments():
    marks = " ".join(["%d"] * 16)
    values = ", ".join(str(n * n) for n in range(16))
    assert begin(f'printf("{marks}\\n", {values});') == " ".join(str(n * n) for n in range(16)) + "\n"


def test_print_of_values():
    assert begin('print(5); print("s"); print((1, "two", 3)); print(-1);') == "5\ns\n(1, two, 3)\n-1\n"


def test_print_of_a_map_top_and_div():
    out = begin('@["a"] = 10; @["b"] = 30; @["c"] = 20; print(@, 2); print(@, 0, 10); clear(@);')
    assert [line for line in out.splitlines() if line] == [
        "@[c]: 20", "@[b]: 30", "@[a]: 1", "@[c]: 2", "@[b]: 3"]


def test_clear_zero_delete_has_key_len():
    out = begin('@["a"] = 1; @["b"] = 2; printf("%d %d %d\\n", len(@), has_key(@, "a"), has_key(@, "z"));'
                ' delete(@, "a"); printf("%d %d\\n", len(@), has_key(@, "a")); zero(@);')
    assert out.startswith("2 1 0\n1 0\n")
    assert "@[b]: 0" in out
    assert "@" not in begin('@["a"] = 1; clear(@);')


def test_time_and_strftime():
    out = begin('time("%Y\\n"); printf("%s\\n", strftime("%Y-%m-%d", nsecs));')
    today = time.strftime("%Y-%m-%d")
    assert out == f"{today[:4]}\n{today}\n"
    assert re.fullmatch(r"\d\d:\d\d:\d\d\n", begin("time();"))
    assert re.fullmatch(r"\d{6}\n", begin('printf("%s\\n", strftime("%f", nsecs));'))


def test_cat_and_its_limit(tmp_path):
    file = tmp_path / "file"
    file.write_text("line one\nline two\n")
    assert begin(f'cat("{file}");') == "line one\nline two\n"
    result = trace(f'BEGIN {{ cat("{file}"); exit(); }}', env={"BPFTRACE_MAX_CAT_BYTES": "4"})
    assert result.out.startswith("line") and "one" not in result.out


def test_system_is_unsafe_and_prints():
    refused = trace('BEGIN { system("echo hi"); exit(); }', status=1)
    assert "--unsafe" in refused.err and "system" in refused.err
    assert trace('BEGIN { system("echo %d %s", 7, "x"); exit(); }', None, "--unsafe").out == "7 x\n"


def test_join_of_an_argument_list(tmp_path):
    out = trace('tracepoint:syscalls:sys_enter_execve { join(args.argv); }',
                "/bin/sh -c '/bin/echo one two; true'")
    assert "/bin/echo one two" in out.lines
    out = trace('tracepoint:syscalls:sys_enter_execve { join(args.argv, ","); }', "/bin/sh -c '/bin/echo a b; true'")
    assert "/bin/echo,a,b" in out.lines


def test_signal_is_unsafe_and_sends():
    script = 'tracepoint:syscalls:sys_enter_getppid /pid == cpid/ { signal("KILL"); }'
    assert "--unsafe" in trace(script, f"{CALLS} syscall {GETPPID} 1", status=1).err
    script = ('tracepoint:syscalls:sys_enter_getppid /pid == cpid/ { @ = count(); signal(9); }')
    found = trace(script, f"{CALLS} syscall {GETPPID} 1000000", "--unsafe")
    assert 1 <= int(found.map("@")[""]) <= 2


def test_ksym_usym_kaddr():
    out = begin('printf("%s\\n", ksym(kaddr("vfs_read")));')
    assert out == "vfs_read\n"
    found = trace(f'uprobe:{CALLS}:traced_add {{ printf("%s\\n", usym(reg("ip"))); }}', f"{CALLS} add 1")
    assert found.out == "traced_add\n"


def test_ntop_of_both_families():
    assert begin('printf("%s\\n", ntop(0x0100007f));') == "127.0.0.1\n"
    assert begin('printf("%s\\n", ntop(2, 0x0100007f));') == "127.0.0.1\n"


def test_str_reads_user_memory():
    found = trace(f'uprobe:{CALLS}:traced_say {{ printf("%s %d\\n", str(arg0), strlen(str(arg0))); }}',
                  f"{CALLS} say 2 hello")
    assert found.out == "hello 5\n" * 2


def test_str_cuts_at_its_length():
    found = trace(f'uprobe:{CALLS}:traced_say {{ printf("%s\\n", str(arg0, 4)); }}', f"{CALLS} say 1 hello")
    assert found.out.startswith("hel")


def test_str_cuts_a_literal_too():
    found = begin('printf("%s|%s|%s\\n", str("hello", 3), str("hello", 9), str($1, 2));', "word")
    assert found == "hel|hello|wo\n"


def test_long_strings_reach_the_user_whole():
    text = "x" * 1000
    found = trace(f'uprobe:{CALLS}:traced_say {{ printf("%s\\n", str(arg0)); }}', f"{CALLS} say 1 {text}")
    assert found.out == text + "\n"


def test_string_keys_and_comparison():
    found = trace(f'uprobe:{CALLS}:traced_say {{ @[str(arg0)] = count(); '
                  'if (str(arg0) == "blue") { @blue = count(); } if (str(arg0) != "red") { @notred = count(); } }',
                  f"{CALLS} say 3 blue")
    assert found.map("@") == {"blue": "3"}
    assert found.map("@blue") == {"": "3"} and found.map("@notred") == {"": "3"}


def test_buf_prints_bytes_escaped():
    found = trace(f'uprobe:{CALLS}:traced_say {{ printf("%r\\n", buf(arg0, 3)); }}', f"{CALLS} say 1 abc")
    assert found.out == "abc\n"


def test_json_records_of_writers():
    found = skep("-q", "-f", "json", "-e",
                 'BEGIN { printf("a %d\\n", 1); print(5); print((1,"x")); time("%Y"); @x = 3; @y["k", 2] = 4; exit(); }')
    kinds = [record["type"] for record in found.records]
    assert kinds[:4] == ["printf", "value", "value", "time"]
    assert found.records[0] == {"type": "printf", "data": "a 1\n"}
    assert found.records[1] == {"type": "value", "data": 5}
    assert found.records[2] == {"type": "value", "data": [1, "x"]}
    assert found.json_map("@x") == 3
    assert found.json_map("@y") == {"k,2": 4}


def test_json_counts_attached_probes():
    found = skep("-f", "json", "-e", "BEGIN { exit(); } interval:s:1 { exit(); }")
    attached = [r for r in found.records if r["type"] == "attached_probes"]
    assert all(r["data"]["probes"] >= 1 for r in attached)


def test_json_strings_are_escaped():
    found = skep("-q", "-f", "json", "-e", 'BEGIN { printf("q\\"b\\\\s\\tt\\x01\\n"); exit(); }')
    assert found.records[0]["data"] == 'q"b\\s\tt\x01\n'


def test_output_file(tmp_path):
    file = tmp_path / "out"
    found = skep("-q", "-o", file, "-e", 'BEGIN { printf("x\\n"); exit(); }')
    assert found.out == "" and file.read_text() == "x\n"
    assert "cannot write" in skep("-o", "/nonexistent/dir/f", "-e", "BEGIN { exit(); }", status=1).err
