"""The commands of ``docs/deployment.md`` do what the page says, as far as they can run here."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from bj_pipeline_tests.command_line import PROJECT

PAGE = (PROJECT / "docs" / "deployment.md").read_text(encoding="utf-8")
COMPOSE = "docker compose --file deploy/compose.yaml "


def commands() -> list[str]:
    """Every line of the page's shell blocks, without what is said beside it."""
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", PAGE, flags=re.MULTILINE | re.DOTALL)
    lines = [
        line.strip().split("   #")[0].strip() for block in blocks for line in block.split("\n")
    ]
    return [line for line in lines if line]


def command(beginning: str) -> str:
    """The one command of the page that begins so."""
    (found,) = [line for line in commands() if line.startswith(beginning)]
    return found


@pytest.fixture
def project(tmp_path) -> Path:
    """A project's folder in which commands may write."""
    folder = tmp_path / "project"
    shutil.copytree(PROJECT / "deploy", folder / "deploy", ignore=shutil.ignore_patterns("secrets"))
    return folder


def run(line: str, folder: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", line],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # without a terminal, programs ask on standard input
        **options,
    )


def test_the_first_commands_let_an_operator_in(project):
    made = run(command("sh deploy/make_secrets.sh"), project)
    assert made.returncode == 0, made.stderr
    lines = f"{command('NAME=')}\n{command('printf')}"
    for _ in range(2):  # one more person does not push the first one out
        done = run(lines, project, input="a password\na password\n")
        assert done.returncode == 0, done.stderr
    operators = (project / "deploy/secrets/operators").read_text(encoding="utf-8").splitlines()
    assert [line.partition(":$6$")[0] for line in operators] == ["li.na", "li.na"]


def test_containers_are_asked_for_by_names_that_there_are():
    services = set(yaml.safe_load((PROJECT / "deploy/compose.yaml").read_text())["services"])
    asked = [shlex.split(line, comments=True) for line in commands() if line.startswith(COMPOSE)]
    assert len(asked) >= 8
    for words in asked:
        action, *rest = words[4:]
        names = [word for word in rest if re.fullmatch("[a-z]+", word)]
        if action == "run":
            names = names[:1]
        assert set(names) <= services, words


def test_the_settings_of_several_machines_reach_the_containers(project):
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    run(command("sh deploy/make_secrets.sh"), project)
    given = [line for line in commands() if re.match(r"[A-Z0-9_]+=\S+$", line)]
    (project / "deploy/.env").write_text("\n".join(given), encoding="utf-8")
    done = run(f"{program} --file compose.yaml --profile objects config", project / "deploy")
    assert done.returncode == 0, done.stderr
    services = yaml.safe_load(done.stdout)["services"]
    assert str(services["postgres"]["ports"][0]).startswith("10.0.0.1:")
    assert "objects" in services
    # Settings without a value in compose.yaml are taken from there by the newer compose, and from
    # the shell by both.
    environment = dict(line.split("=", 1) for line in given)
    done = run(
        f"{program} --file compose.yaml config", project / "deploy", env=os.environ | environment
    )
    settings = yaml.safe_load(done.stdout)["services"]["worker"]["environment"]
    assert {name: settings.get(name, value) for name, value in environment.items()} == environment
    assert settings["BJ_ARTIFACTS"] == "s3://bj-pipeline/artifacts"


def test_the_bucket_is_made(s3, tmp_path):
    pytest.importorskip("s3fs", reason="s3fs is not installed")
    line = command("python -c").replace("python", sys.executable, 1)
    done = run(line, tmp_path, env=os.environ | dict(s3.environment))
    assert done.returncode == 0, done.stderr
    assert "bj-pipeline" in {bucket["Name"] for bucket in s3.client().list_buckets()["Buckets"]}


def test_kubernetes_takes_the_secrets(project):
    program = shutil.which("kubectl")
    if program is None:
        pytest.skip("kubectl is not installed")
    run(command("sh deploy/make_secrets.sh"), project)
    (project / "deploy/secrets/kubernetes.env").write_text("BJ_DATABASE_URL=postgresql://…\n")
    names = []
    for line in (line for line in commands() if line.startswith("kubectl")):
        done = run(f"{line} --dry-run=client --output yaml", project)
        assert done.returncode == 0, done.stderr
        names.append(yaml.safe_load(done.stdout)["metadata"]["name"])
    # Those that deploy/helm-values.yaml names, and the chart by itself.
    assert names == ["bj-pipeline", "dagster-postgresql-secret"]
