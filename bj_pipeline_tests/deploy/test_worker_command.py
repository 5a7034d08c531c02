"""``bj-pipeline worker`` says what it lacks."""

import pytest

from bj_pipeline_tests.warehouse.databases import PASSWORD

BROKER = f"redis://:{PASSWORD}@127.0.0.1:1/0"


@pytest.mark.parametrize(
    ("environment", "remedy"),
    [
        ({}, "BJ_CELERY_BROKER"),
        ({"BJ_CELERY_BROKER": BROKER}, "BJ_DATABASE_URL"),
    ],
)
def test_a_worker_says_which_setting_it_needs(command_line, environment, remedy):
    done = command_line("worker", **environment)
    assert done.returncode == 2
    assert remedy in done.stderr
    assert PASSWORD not in done.stdout + done.stderr


def test_a_broker_without_a_shared_database_builds_nothing_in_secret(command_line):
    done = command_line("run", "--issue", 3, BJ_CELERY_BROKER=BROKER)
    assert done.returncode == 2
    assert "BJ_DATABASE_URL" in done.stderr
