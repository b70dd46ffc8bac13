"""Control flow, operators, types: values of small scripts that need only BEGIN."""
import pytest
from conftest import CALLS, needs_btf, skep, trace


def begin(body, *args, **kwargs):
    return trace(f"BEGIN {{ {body} exit(); }}", None, *args, **kwargs).out


@pytest.mark.parametrize("expression,expected", [
    ("1 + 2 * 3", "7"), ("(1 + 2) * 3", "9"), ("10 - 3 - 2", "5"), ("7 / 2", "3"), ("7 % 4", "3"),
    ("-7 / 2", "-3"), ("-7 % 4", "-3"), ("1 << 10", "1024"), ("1024 >> 3", "128"), ("6 & 3", "2"),
    ("6 | 3", "7"), ("6 ^ 3", "5"), ("~0", "-1"), ("!5", "0"), ("!0", "1"), ("1 && 2", "1"), ("0 || 3", "1"),
    ("0 || 0", "0"), ("3 == 3", "1"), ("3 != 3", "0"), ("2 < 3", "1"), ("3 <= 2", "0"), ("3 > 2", "1"),
    ("-1 < 1", "1"), ("2 >= 2", "1"), ("1 ? 10 : 20", "10"), ("0 ? 10 : 20", "20"), ("-(-5)", "5"),
    ("0x1f", "31"), ("017", "15"), ("1e6", "1000000"), ("1_000", "1000"), ("5ms", "5000000"), ("2s", "2000000000"),
    ("1us", "1000"), ("3m", "180000000000"), ("sizeof(uint32)", "4"), ("sizeof(int64)", "8"),
    ("(uint8)300", "44"), ("(int8)200", "-56"), ("(uint16)-1", "65535"), ("(int32)0xffffffff", "-1"),
    ("(uint64)1 << 40", "1099511627776"), ("(1, 2, 3).1", "2"),
])
def test_expressions(expression, expected):
    assert begin(f'printf("%lld\\n", {expression});') == expected + "\n"


def test_operators_on_values_known_only_at_run_time():
    found = trace(f"uprobe:{CALLS}:traced_add {{ $a = arg0 * 100; $b = arg1; "
                  'printf("%d %d %d %d %d %d %d\\n", $a + $b, $a - $b, $a * $b, $a / $b, $a % ($b + 1), '
                  '$a << 2, $a >> 1); }', f"{CALLS} add 2")
    expected = [f"{a+b} {a-b} {a*b} {a//b} {a%(b+1)} {a<<2} {a>>1}" for a, b in ((100, 2), (200, 4))]
    assert found.lines == expected


def test_signed_division_at_run_time():
    found = trace(f"uprobe:{CALLS}:traced_point {{ $y = (int64)arg0; $n = 0 - (int64)(arg0 != 0) * 7; "
                  'printf("%d %d\\n", $n / 2, $n % 4); }', f"{CALLS} point 1")
    assert found.lines == ["-3 -3"]


def test_if_else_chains():
    script = ("$x = {n}; if ($x == 1) {{ printf(\"one\\n\"); }} else if ($x == 2) {{ printf(\"two\\n\"); }} "
              "else {{ printf(\"many\\n\"); }}")
    assert [begin(script.format(n=n)) for n in (1, 2, 3)] == ["one\n", "two\n", "many\n"]


def test_unroll_repeats():
    assert begin('$i = 0; unroll(5) { printf("%d ", $i); $i++; } printf("\\n");') == "0 1 2 3 4 \n"


def test_while_with_break_and_continue():
    assert begin('$i = 0; while ($i < 10) { $i++; if ($i == 3) { continue; } if ($i == 6) { break; } '
                 'printf("%d ", $i); } printf("\\n");') == "1 2 4 5 \n"


def test_for_over_a_range():
    assert begin('for ($i : 0..4) { printf("%d ", $i); } printf("\\n");') == "0 1 2 3 \n"
    assert begin('$sum = 0; for ($i : 1..101) { $sum += $i; } printf("%d\\n", $sum);') == "5050\n"
    assert begin('for ($i : 0..9) { if ($i == 2) { continue; } if ($i == 5) { break; } printf("%d ", $i); } '
                 'printf("\\n");') == "0 1 3 4 \n"


def test_for_over_a_map():
    out = begin('@m["a"] = 1; @m["b"] = 2; for ($kv : @m) { printf("%s=%d\\n", $kv.0, $kv.1); } clear(@m);')
    assert sorted(out.split()) == ["a=1", "b=2"]


def test_return_leaves_the_clause():
    assert begin('if (1) { printf("in\\n"); @x = 1; } printf("after\\n");').startswith("in\nafter\n")
    found = trace('BEGIN { printf("a\\n"); return; printf("b\\n"); } BEGIN { printf("c\\n"); exit(); }')
    assert found.out == "a\nc\n"


def test_scratch_variables_and_blocks():
    assert begin('let $x = 5; { let $y = $x + 1; $x = $y; } printf("%d\\n", $x);') == "6\n"
    assert begin('$a = 1; $a += 2; $a++; ++$a; $a--; printf("%d %d\\n", $a, $a++);') in ("4 4\n",)


def test_strings_in_variables():
    assert begin('$s = "abc"; if ($s == "abc") { printf("%s!\\n", $s); }') == "abc!\n"


def test_tuples():
    assert begin('$t = (1, "two", (3, 4)); printf("%d %s %d\\n", $t.0, $t.1, $t.2.1); print($t);') == \
        "1 two 4\n(1, two, (3, 4))\n"


def test_positional_parameters():
    found = skep("-q", "-e", 'BEGIN { printf("%d %s %d\\n", $1, str($2), $#); exit(); }', 42, "word")
    assert found.out == "42 word 2\n"
    found = skep("-q", "-e", 'BEGIN { printf("%d|%s|\\n", $3, str($4)); exit(); }', 1)
    assert found.out == "0||\n"


def test_comments_and_shebang(tmp_path):
    file = tmp_path / "s.bt"
    file.write_text('#!/usr/bin/env skep\n// one\n/* two */ BEGIN { /* three */ printf("ok\\n"); exit(); }\n')
    assert skep("-q", file).out == "ok\n"
    assert skep("-q", "-", stdin=file.read_text()).out == "ok\n"


def test_a_shebang_script_runs_by_itself(tmp_path):
    import os
    import subprocess
    from conftest import SKEP
    file = tmp_path / "s.bt"
    file.write_text(f'#!{SKEP}\nBEGIN {{ printf("ran %d\\n", $1); exit(); }}\n')
    os.chmod(file, 0o755)
    assert subprocess.run([str(file), "7"], capture_output=True, text=True, check=True).stdout == "ran 7\n"


def test_a_newline_ends_a_statement_with_a_warning():
    script = ('tracepoint:syscalls:sys_enter_openat /pid == cpid/ { printf("%s\\n", str(args.filename))\n'
              ' @[str(args.filename)] = count()\n}')
    found = trace(script, f"{CALLS} open 3 /nonexistent/path")
    assert found.lines.count("/nonexistent/path") == 3
    assert found.map("@")["/nonexistent/path"] == "3"
    assert "WARNING" in found.err and ";" in found.err


def test_struct_pointers_through_btf_and_casts():
    found = trace(f"uprobe:{CALLS}:traced_add {{ $t = (struct task_struct *)curtask; "
                  'printf("%s %d\\n", $t->comm, $t->tgid == pid); }', f"{CALLS} add 1")
    assert found.out == "calls 1\n"


test_struct_pointers_through_btf_and_casts = needs_btf(test_struct_pointers_through_btf_and_casts)


def test_pointer_reads_of_user_memory():
    found = trace(f"uprobe:{CALLS}:traced_point {{ printf(\"%d %d %s\\n\", *(int32 *)uptr(arg0), "
                  '*(int64 *)uptr(arg0 + 8), str(*(uint64 *)uptr(arg0 + 16))); }', f"{CALLS} point 2")
    assert found.out == "1 -1 name\n2 -2 name\n"


def test_two_clauses_on_one_event_run_in_order():
    found = trace(f'uprobe:{CALLS}:traced_add {{ printf("first %d\\n", arg0); }}'
                  f'uprobe:{CALLS}:traced_add {{ printf("second %d\\n", arg0); }}', f"{CALLS} add 2")
    assert found.lines == ["first 1", "second 1", "first 2", "second 2"]


def test_a_returning_clause_does_not_stop_the_next():
    found = trace(f'uprobe:{CALLS}:traced_add {{ if (arg0 == 1) {{ return; }} printf("a%d\\n", arg0); }}'
                  f'uprobe:{CALLS}:traced_add {{ printf("b%d\\n", arg0); }}', f"{CALLS} add 2")
    assert found.lines == ["b1", "a2", "b2"]


def test_a_false_predicate_does_not_stop_the_next():
    found = trace(f'uprobe:{CALLS}:traced_add /arg0 > 5/ {{ printf("a\\n"); }}'
                  f'uprobe:{CALLS}:traced_add {{ printf("b%d\\n", arg0); }}', f"{CALLS} add 2")
    assert found.lines == ["b1", "b2"]


def test_division_by_zero_gives_one_and_warns():
    found = trace(f"uprobe:{CALLS}:traced_add {{ printf(\"%d\\n\", 10 / (arg0 - 1)); }}", f"{CALLS} add 1")
    assert found.out == "1\n" and "division" in found.err.lower() or "divide" in found.err.lower()


@pytest.mark.unprivileged
@pytest.mark.parametrize("script,message", [
    ("BEGIN { $x = 1 + ; }", "stdin:1:"),
    ("BEGIN { printf(\"%d\\n\", $y); }", "$y"),
    ("BEGIN { nosuch(1); }", "nosuch"),
    ("BEGIN { printf(1); }", "printf"),
    ("BEGIN { @x = 1; @x = \"s\"; }", "@x"),
    ("BEGIN { @x[1] = 1; @x[\"s\"] = 1; }", "@x"),
    ("BEGIN { break; }", "break"),
    ("BEGIN { printf(\"%d %d\\n\", 1); }", "printf"),
    ("BEGIN {", "stdin:1:"),
    ("nosuch:probe { }", "nosuch"),
    ("BEGIN { print(\"x }", "stdin:1:"),
    ("BEGIN { args.x }", "args"),
    ("BEGIN { arg0 }", "arg0"),
    ("BEGIN { retval }", "retval"),
    ("interval:s:0 { }", "interval"),
    ("BEGIN { unroll(1000) { } }", "unroll"),
    ("BEGIN { @ = lhist(1, 10, 5, 1); }", "lhist"),
    ("BEGIN { @ = hist(1, 9); }", "hist"),
])
def test_errors_have_place_and_cause(script, message):
    result = skep("-e", script, status=1)
    assert message in result.err and "ERROR" in result.err and "^" in result.err
    assert result.out == ""


@pytest.mark.unprivileged
def test_all_errors_are_reported():
    result = skep("-e", "BEGIN { $x = nosuch1; nosuch2(3); printf(\"%d\\n\", $undefined); }", status=1)
    assert result.err.count("ERROR") >= 3


def test_a_wrong_event_name_is_corrected():
    result = trace("tracepoint:syscalls:sys_enter_opnat { }", status=1)
    assert "did you mean" in result.err and "sys_enter_openat" in result.err
    result = trace("tracepoint:syscalls:sys_enter_openat { printf(\"%s\", str(args.filenam)); }", status=1)
    assert "filename" in result.err
    result = trace("BEGIN { prinft(\"x\"); }", status=1)
    assert "did you mean printf?" in result.err
