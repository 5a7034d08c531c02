"""The files of ``deploy/`` say what the code needs, agree with each other, and are well formed."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from bj_pipeline.settings import Settings
from bj_pipeline_tests.command_line import PROJECT

DEPLOY = PROJECT / "deploy"
LOOPBACK = "127.0.0.1"


def read(name: str) -> dict[str, Any]:
    loaded = yaml.safe_load((DEPLOY / name).read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return read("compose.yaml")["services"]


# --- Dagster's settings


def test_workers_change_nothing_else_of_dagsters_settings():
    shared, workers = read("dagster.postgres.yaml"), read("dagster.celery.yaml")
    assert workers.pop("run_launcher")["class"] == "WorkerLauncher"
    assert shared.pop("run_launcher")["class"] == "ForkingLauncher"
    assert workers["run_monitoring"].pop("max_runtime_seconds") == 7200
    assert workers == shared


def test_dagster_takes_the_settings_with_workers(tmp_path, monkeypatch):
    pytest.importorskip("dagster_celery", reason="dagster-celery is not installed")
    monkeypatch.setenv("BJ_CELERY_BROKER", "redis://127.0.0.1:1/0")
    settings = read("dagster.celery.yaml")
    del settings["storage"]  # nobody is there to answer
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        assert type(instance.run_launcher).__name__ == "WorkerLauncher"
        queue = instance.get_concurrency_config().run_queue_config
        assert queue is not None
        assert queue.max_concurrent_runs == 2
        assert queue.tag_concurrency_limits[0]["key"] == "dagster/partition"


def test_kubernetes_has_the_same_settings_but_for_the_number_of_runs():
    chart, workers = read("helm-values.yaml"), read("dagster.celery.yaml")
    coordinator = chart["dagsterDaemon"]["runCoordinator"]["config"]["customRunCoordinator"]
    assert coordinator == workers.pop("run_coordinator")
    assert chart["telemetry"] == workers.pop("telemetry")
    extra = chart["additionalInstanceConfig"]
    assert extra["concurrency"]["runs"].pop("max_concurrent_runs") == 8
    assert workers["concurrency"]["runs"].pop("max_concurrent_runs") == 2
    del workers["storage"], workers["run_launcher"]
    assert extra == workers


# --- containers


def test_compose_takes_the_file(tmp_path):
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed")
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder, ignore=shutil.ignore_patterns("secrets"))
    subprocess.run(["sh", folder / "make_secrets.sh"], check=True)
    done = subprocess.run(
        [program, "--file", folder / "compose.yaml", "config", "--quiet"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_every_service_that_goes_on_tells_whether_it_is_well(services):
    goes_on = {name for name, service in services.items() if service["restart"] != "no"}
    assert goes_on == {*services} - {"setup"}
    assert {name for name in goes_on if "healthcheck" not in services[name]} == {"objects"}


def test_there_is_one_daemon_and_more_than_one_worker(services):
    commands = [" ".join(service.get("command", ())) for service in services.values()]
    assert sum("dagster-daemon run" in command for command in commands) == 1
    assert services["worker"]["deploy"]["replicas"] == 2
    assert "deploy" not in services["daemon"]


def test_nothing_listens_to_other_machines_unless_told(services):
    published = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(published) == {"proxy", "postgres", "broker", "objects"}
    for ports in published.values():
        assert all(re.match(rf"\$\{{[A-Z_]+:-{LOOPBACK}", port) for port in ports)


def test_everybody_else_has_a_ui_that_is_read_only(services):
    assert "--read-only" in services["viewer"]["command"]
    assert "--read-only" not in services["webserver"]["command"]


def test_secrets_are_files_and_stand_in_no_file_of_ours():
    declared = read("compose.yaml")["secrets"]
    made = (DEPLOY / "make_secrets.sh").read_text(encoding="utf-8")
    for name, secret in declared.items():
        assert secret == {"file": f"./secrets/{name}"}
        assert name in made
    ignored = (DEPLOY / ".gitignore").read_text(encoding="utf-8").split()
    assert {"/secrets/", "/.env"} <= set(ignored)
    assert "deploy/secrets" in (PROJECT / ".dockerignore").read_text(encoding="utf-8")


def test_containers_are_given_settings_that_there_are(services):
    known = {f"BJ_{name.upper()}" for name in Settings.model_fields}
    chart = read("helm-values.yaml")["dagster-user-deployments"]["deployments"][0]["env"]
    pipeline = services["code"]
    named = {*pipeline["environment"], *pipeline["secrets"], *chart}
    assert {name for name in named if name.startswith("BJ_")} <= known


def test_secrets_reach_the_programs_as_variables(tmp_path):
    secrets = tmp_path / "secrets"
    subprocess.run(["sh", DEPLOY / "make_secrets.sh", secrets], check=True)
    script = (DEPLOY / "entrypoint.sh").read_text(encoding="utf-8")
    entrypoint = tmp_path / "entrypoint.sh"
    entrypoint.write_text(script.replace("/run/secrets", str(secrets)), encoding="utf-8")
    done = subprocess.run(
        ["sh", entrypoint, "env"], capture_output=True, text=True, check=True, env={"PATH": "/bin"}
    )
    variables = dict(line.split("=", 1) for line in done.stdout.splitlines())
    password = (secrets / "database_password").read_text(encoding="utf-8").strip()
    assert variables["BJ_DATABASE_URL"] == f"postgresql+psycopg2://bj:{password}@postgres:5432/bj"
    assert variables["BJ_CELERY_BROKER"].endswith("@broker:6379/0")
    # An empty secret is none; passwords of servers are not for our programs.
    assert not {"BJ_TUSHARE_TOKEN", "database_password", "broker_password"} & set(variables)


def test_passwords_that_are_there_are_kept(tmp_path):
    secrets = tmp_path / "secrets"
    for _ in range(2):
        done = subprocess.run(
            ["sh", DEPLOY / "make_secrets.sh", secrets], check=True, capture_output=True
        )
        assert done.stderr == b""
        made = {path.name: path.read_bytes() for path in secrets.iterdir()}
        (secrets / "readers").unlink()
    assert made["database_password"] == (secrets / "database_password").read_bytes()
    assert secrets.stat().st_mode & 0o077 == 0
    other = tmp_path / "other"
    subprocess.run(["sh", DEPLOY / "make_secrets.sh", other], check=True)
    assert (other / "database_password").read_bytes() != made["database_password"]


def test_the_image_is_made_of_what_there_is():
    text = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    allowed = (PROJECT / ".dockerignore").read_text(encoding="utf-8").split()
    for line in re.findall(r"^COPY (.+) \S+$", text, flags=re.MULTILINE):
        for name in line.split():
            assert (PROJECT / name).exists(), name
            assert f"!{name}" in allowed, name
    (extras,) = re.findall(r"--editable '\.\[([a-z,0-9]+)\]'", text)
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert set(extras.split(",")) <= set(declared["optional-dependencies"])
    # What compose.yaml starts, and every kind of place that a setting may name.
    assert {"postgres", "celery", "s3", "oss"} <= set(extras.split(","))


def test_the_image_has_its_packages_before_the_code_that_changes():
    lines = (DEPLOY / "Dockerfile").read_text(encoding="utf-8").splitlines()
    installs, copies = (
        next(number for number, line in enumerate(lines) if found in line)
        for found in ("pip install", "COPY bj_pipeline")
    )
    assert installs < copies


def test_the_proxys_settings_are_well_formed(tmp_path):
    program = shutil.which("nginx")
    if program is None:
        pytest.skip("nginx is not installed")
    secrets = tmp_path / "secrets"
    subprocess.run(["sh", DEPLOY / "make_secrets.sh", secrets], check=True)
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    text = text.replace("/tmp/", f"{tmp_path}/").replace("/run/secrets", str(secrets))  # noqa: S108
    for host in ("webserver", "viewer"):
        text = text.replace(f"http://{host}:", f"http://{LOOPBACK}:")
    conf = tmp_path / "nginx.conf"
    conf.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [program, "-t", "-c", conf, "-p", tmp_path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# --- Kubernetes

IMAGE = {"repository": str, "tag": str, "pullPolicy": str}
SECRETS = [{"name": str}]
INGRESS = {"host": str, "tls": {"enabled": bool, "secretName": str}}
CHART = {
    "dagsterWebserver": {"image": IMAGE, "enableReadOnly": bool, "envSecrets": SECRETS},
    "dagsterDaemon": {
        "enabled": bool,
        "image": IMAGE,
        "envSecrets": SECRETS,
        "runCoordinator": {
            "enabled": bool,
            "type": ("QueuedRunCoordinator", "CustomRunCoordinator"),
            "config": {"customRunCoordinator": {"module": str, "class": str, "config": dict}},
        },
        "runMonitoring": {"enabled": bool},
        "runRetries": {"enabled": bool},
    },
    "dagster-user-deployments": {
        "enabled": bool,
        "enableSubchart": bool,
        "deployments": [
            {
                "name": str,
                "image": IMAGE,
                "dagsterApiGrpcArgs": list,
                "port": int,
                "envSecrets": SECRETS,
                "env": dict,
                "includeConfigInLaunchedRuns": {"enabled": bool},
            }
        ],
    },
    "runLauncher": {
        "type": ("K8sRunLauncher", "CeleryK8sRunLauncher", "CustomRunLauncher"),
        "config": {
            "k8sRunLauncher": {
                "imagePullPolicy": ("Always", "IfNotPresent", "Never"),
                "envSecrets": SECRETS,
                "failPodOnRunFailure": bool,
                "resources": dict,
            }
        },
    },
    "postgresql": {"enabled": bool, "postgresqlUsername": str, "postgresqlDatabase": str},
    "generatePostgresqlPasswordSecret": bool,
    "ingress": {
        "enabled": bool,
        "annotations": dict,
        "dagsterWebserver": INGRESS,
        "readOnlyDagsterWebserver": INGRESS,
    },
    "telemetry": {"enabled": bool},
    "retention": {"enabled": bool},
    "additionalInstanceConfig": dict,
}
"""What of the chart's values we use, as its schema has it: names and kinds."""


def misfits(value: Any, kind: Any, where: str = "values") -> list[str]:
    """Where a value is not of a kind."""
    if isinstance(kind, type):
        return [] if isinstance(value, kind) else [where]
    if isinstance(kind, tuple):
        return [] if value in kind else [where]
    if isinstance(kind, list):
        return [found for each in value for found in misfits(each, kind[0], f"{where}[]")]
    unknown = [f"{where}.{name}" for name in value if name not in kind]
    known = [name for name in value if name in kind]
    return unknown + [
        found for name in known for found in misfits(value[name], kind[name], f"{where}.{name}")
    ]


def test_kubernetes_values_are_those_of_the_chart():
    assert misfits(read("helm-values.yaml"), CHART) == []


def test_a_value_that_the_chart_does_not_know_is_found():
    values = read("helm-values.yaml")
    values["dagsterDaemon"]["runcoordinator"] = {}
    values["dagster-user-deployments"]["deployments"][0]["port"] = "4000"
    assert misfits(values, CHART) == [
        "values.dagsterDaemon.runcoordinator",
        "values.dagster-user-deployments.deployments[].port",
    ]


def test_every_command_of_a_container_is_one_that_there_is(services):
    programs = Path(sys.executable).parent
    for name in ("setup", "code", "daemon", "worker", "webserver", "viewer"):
        command = services[name]["command"]
        words = command[-1].split() if command[0] == "sh" else command
        assert (programs / words[0]).exists() or shutil.which(words[0]), name
