"""Programs that start at once are what the installed program is."""

from dataclasses import replace

import pytest


@pytest.mark.parametrize(
    "arguments", [["--help"], ["nonsense"], ["show", "no_such_table"], ["run", "--issue", 0]]
)
def test_a_warm_program_says_and_ends_as_the_installed_one(command_line, arguments):
    warm, installed = command_line(*arguments), replace(command_line, is_installed=True)(*arguments)
    assert (warm.stdout, warm.stderr) == (installed.stdout, installed.stderr)
    assert warm.returncode == installed.returncode


def test_a_warm_program_has_the_environment_and_folder_that_it_is_given(command_line):
    done = command_line("run", "--issue", 65, BJ_SOURCE="terminal")
    assert done.returncode == 2
    assert "terminal" in done.stderr
    done = command_line("run", "--issue", 65, "--source", "files", "--input", "nowhere")
    assert done.returncode == 2
    assert "nowhere" in done.stderr
