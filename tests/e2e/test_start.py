"""Starting and ending: the shortest scripts, exit codes, usage."""
from conftest import skep, trace

import pytest


def test_begin_prints_and_ends():
    assert trace('BEGIN { printf("hello %d\\n", 42); exit(); }').out == "hello 42\n"


@pytest.mark.unprivileged
def test_no_script_is_a_usage_error():
    result = skep(status=2)
    assert "no script" in result.err and result.out == ""
