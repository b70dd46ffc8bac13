"""Builtin variables: each against what the operating system says of a program of known calls."""
import os
import pwd
import re
import time

import pytest
from conftest import CALLS, needs_btf, needs_kprobes, trace

GETPPID = 110
NTH = "tracepoint:syscalls:sys_enter_getppid /pid == cpid/"


def getppids(count=1):
    return f"{CALLS} syscall {GETPPID} {count}"


def value(body, command=None):
    """What `printf` shows of an expression at one getppid call."""
    return trace(f'{NTH} {{ {body} }}', command or getppids()).out


def test_pid_and_tid_of_a_single_thread_agree():
    pid, tid, cpid = value('printf("%d %d %d\\n", pid, tid, cpid);').split()
    assert pid == tid == cpid


def test_tid_differs_by_thread_and_pid_does_not():
    found = trace(f"{NTH} {{ @pids[pid] = count(); @tids[tid] = count(); }}",
                  f"{CALLS} threads 5 4")
    assert list(found.map("@pids").values()) == ["20"]
    assert list(found.map("@tids").values()) == ["5"] * 4


def test_uid_gid_username():
    expected = f"{os.getuid()} {os.getgid()} {pwd.getpwuid(os.getuid()).pw_name}\n"
    assert value('printf("%d %d %s\\n", uid, gid, username);') == expected


def test_comm_is_the_thread_name():
    assert value('printf("%s\\n", comm);', f"{CALLS} name worker syscall {GETPPID} 1") == "worker\n"


def test_nsecs_is_boot_time():
    before = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    found = int(value('printf("%llu\\n", nsecs);'))
    assert before < found < time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def test_elapsed_grows_from_the_start_of_tracing():
    found = [int(n) for n in value('printf("%llu\\n", elapsed);', getppids(3)).split()]
    assert len(found) == 3 and 0 < found[0] < found[1] < found[2] < 60e9


def test_cpu_and_ncpus():
    cpu, ncpus = map(int, value('printf("%d %d\\n", cpu, ncpus);').split())
    assert ncpus == os.sysconf("SC_NPROCESSORS_CONF") and 0 <= cpu < ncpus


def test_rand_varies():
    found = value('printf("%u\\n", rand);', getppids(16)).split()
    assert len(found) == 16 and len(set(found)) > 8


def test_cgroup_is_a_cgroup_id():
    assert int(value('printf("%llu\\n", cgroup);')) > 0


@needs_btf
def test_curtask_leads_to_the_task():
    pid, comm = value('printf("%d %s\\n", curtask->pid, curtask->comm);').split()
    cpid = value('printf("%d\\n", cpid == pid);')
    assert comm == "calls" and int(pid) > 0 and cpid == "1\n"


@needs_btf
def test_several_hops_through_kernel_structs():
    line = value('printf("%d %d\\n", curtask->real_parent->tgid, '
                 'curtask->group_leader->real_parent->tgid);')
    assert len(set(line.split())) == 1


@needs_btf
def test_ppid_is_the_tracer():
    assert value('printf("%d\\n", ppid == curtask->real_parent->tgid);') == "1\n"


def test_args_of_a_tracepoint():
    number = value('printf("%d\\n", args.__syscall_nr);')
    assert number == f"{GETPPID}\n"
    assert value('printf("%d\\n", args->__syscall_nr);') == number


def test_args_of_enter_and_exit():
    found = trace(
        'tracepoint:syscalls:sys_enter_lseek /pid == cpid/ '
        '{ printf("%d %d %d\\n", args.fd, args.offset, args.whence); }'
        'tracepoint:syscalls:sys_exit_lseek /pid == cpid/ { printf("= %d\\n", args.ret); }',
        f"{CALLS} syscall 8 2 -1 70000 1")
    assert found.out == "-1 70000 1\n= -9\n" * 2


def test_probe_is_the_full_name():
    assert value('printf("%s\\n", probe);') == "tracepoint:syscalls:sys_enter_getppid\n"


def test_probe_as_a_key_and_compared():
    found = trace(
        'tracepoint:syscalls:sys_enter_get*id /pid == cpid/ { @[probe] = count(); '
        'if (probe == "tracepoint:syscalls:sys_enter_getppid") { @same = count(); } }',
        getppids(7))
    assert found.map("@") == {"tracepoint:syscalls:sys_enter_getppid": "7"}
    assert found.map("@same") == {"": "7"}


def test_argn_and_retval_of_user_functions():
    found = trace(
        f'uprobe:{CALLS}:traced_add {{ printf("%d+%d\\n", arg0, arg1); }}'
        f'uretprobe:{CALLS}:traced_add {{ printf("=%d\\n", retval); }}', f"{CALLS} add 3")
    assert found.out == "1+2\n=3\n2+4\n=6\n3+6\n=9\n"


def test_six_arguments():
    found = trace(
        f'uprobe:{CALLS}:traced_many {{ printf("%d %d %d %d %d %d\\n", arg0, arg1, arg2, arg3, '
        'arg4, arg5); }', f"{CALLS} many 2")
    assert found.out == "1 2 3 4 5 6\n" * 2


def test_func_is_the_function_probed():
    found = trace(f'uprobe:{CALLS}:traced_add {{ printf("%s\\n", func); }}', f"{CALLS} add 1")
    assert found.out == "traced_add\n"


def test_ctx_is_a_pointer():
    found = trace(f'uprobe:{CALLS}:traced_add {{ printf("%d\\n", ctx != 0); }}', f"{CALLS} add 1")
    assert found.out == "1\n"


def test_reg_reads_registers():
    found = trace(f'uprobe:{CALLS}:traced_add {{ printf("%d %d\\n", reg("di"), reg("si")); }}',
                  f"{CALLS} add 2")
    assert found.out == "1 2\n2 4\n"


def test_ustack_has_the_callers():
    found = trace(f'uprobe:{CALLS}:traced_inner {{ @[ustack(3)] = count(); }}', f"{CALLS} deep 4")
    frames = re.findall(r"^\s+(\w+)\+\d+$", found.out, re.M)
    assert frames[0] == "traced_inner" and "]: 4" in found.out


def test_kstack_is_printed_as_symbols():
    # raw_syscalls: older kernels give syscalls:* tracepoints no kernel stack
    found = trace("tracepoint:raw_syscalls:sys_enter /pid == cpid && args.id == 110/ "
                  "{ print(kstack(4)); }", getppids()).out
    frames = [line for line in found.splitlines() if line.strip()]
    assert 1 <= len(frames) <= 4
    assert all(re.match(r"\s+\S+\+\d+$", line) for line in frames)


def test_equal_stacks_are_one_key():
    found = trace(f"{NTH} {{ @[kstack] = count(); }}", getppids(50))
    assert re.findall(r"^\]: (\d+)$", found.out, re.M) == ["50"]


@needs_kprobes
def test_kprobe_arguments_and_return():
    found = trace(
        'kprobe:do_sys_openat2 /pid == cpid/ { printf("%s\\n", str(arg1)); @[func] = count(); }'
        'kretprobe:do_sys_openat2 /pid == cpid/ { @failed = sum((int32)retval == -2); }',
        f"{CALLS} open 3 /nonexistent/file")
    assert found.lines.count("/nonexistent/file") == 3
    assert found.map("@failed") == {"": "3"}
    assert "do_sys_openat2" in found.map("@")


@pytest.mark.parametrize("name", ["pid", "tid", "comm", "nsecs", "cpu", "uid"])
def test_builtins_may_be_called(name):
    assert value(f'printf("%d\\n", {name}() == {name});') in ("1\n", "0\n")
