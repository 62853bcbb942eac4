"""docker-compose.yml, checked by the real docker compose and, for its SQL, by the real psql."""

import asyncio
import json
import os
import re
import subprocess
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from pulseops.cli.app import app
from pulseops.settings import Settings
from pulseops.up.binaries import postgres_programs
from pulseops.up.home import Home
from pulseops.up.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
SECRETS = {"POSTGRES_PASSWORD": "of-the-superuser", "APPLICATION_PASSWORD": "of-the-login"}
OURS = {"migrate": ["migrate"], "api": ["api"], "worker": ["worker"], "audit-key": ["audit", "key"]}
AT_THE_DATABASE = ("migrate", "api", "worker")


def compose(*arguments: str, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """The program itself: the wheel's wrapper around it forgets the exit code."""
    package = find_spec("compose")
    assert package is not None
    assert package.origin is not None
    program = Path(package.origin).with_name("docker-compose")
    return subprocess.run(
        [program, "--file", ROOT / "docker-compose.yml", "--project-directory", ROOT, *arguments],
        env={"HOME": os.devnull, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def composition() -> dict[str, Any]:
    checked = compose("config", "--format", "json", environ=SECRETS)
    assert checked.returncode == 0, checked.stderr
    assert "level=warning" not in checked.stderr
    document: dict[str, Any] = json.loads(checked.stdout)
    return document


@pytest.mark.parametrize("missing", sorted(SECRETS))
def test_a_password_that_is_not_given_is_named_and_nothing_starts(missing: str) -> None:
    given = {name: value for name, value in SECRETS.items() if name != missing}
    refused = compose("config", "--quiet", environ=given)
    assert refused.returncode != 0
    assert f"required variable {missing} is missing a value" in refused.stderr


def test_what_it_asks_the_shell_for_does_not_stop_our_own_commands_there() -> None:
    asked = re.findall(r"\$\{(\w+)", (ROOT / "docker-compose.yml").read_text())
    assert set(SECRETS) < set(asked)
    Settings.from_environment(dict.fromkeys(asked, "anything"))


def test_the_roles_are_those_of_the_embedded_run(composition: dict[str, Any]) -> None:
    services = composition["services"]
    assert set(services) == {"postgres", "redis", *OURS}
    assert {name: services[name]["command"] for name in OURS} == OURS
    assert 'ENTRYPOINT ["pulseops"]' in (ROOT / "Dockerfile").read_text()
    assert all(app[command] for command, *_ in OURS.values())


def test_nothing_of_ours_starts_before_what_it_needs(composition: dict[str, Any]) -> None:
    needs = {
        name: {need: how["condition"] for need, how in service.get("depends_on", {}).items()}
        for name, service in composition["services"].items()
    }
    running = {"migrate": "service_completed_successfully", "redis": "service_healthy"}
    assert needs["migrate"] == {"postgres": "service_healthy"}
    assert needs["api"] == running
    assert needs["worker"] == running | {"audit-key": "service_completed_successfully"}
    assert all(composition["services"][name]["healthcheck"]["test"] for name in ("postgres", "redis", "api"))


def test_only_the_migration_holds_the_superusers_password(composition: dict[str, Any]) -> None:
    holders = {
        secret: {
            name
            for name, service in composition["services"].items()
            if secret in service.get("environment", {}).values()
        }
        for secret in SECRETS.values()
    }
    assert holders == {
        "of-the-superuser": {"postgres", "migrate"},
        "of-the-login": {"postgres", "api", "worker"},
    }
    for name in ("api", "worker"):
        assert composition["services"][name]["environment"]["PULSEOPS_DATABASE_URL"].startswith(
            "postgresql://pulseops@"
        )


def test_a_secret_stands_in_an_environment_and_nowhere_else(composition: dict[str, Any]) -> None:
    elsewhere = json.dumps(
        [
            composition["configs"],
            *(
                {name: value for name, value in service.items() if name != "environment"}
                for service in composition["services"].values()
            ),
        ]
    )
    assert not any(secret in elsewhere for secret in SECRETS.values())


def test_every_setting_is_one_that_the_programs_know(composition: dict[str, Any]) -> None:
    found = {name: Settings.from_environment(composition["services"][name]["environment"]) for name in OURS}
    assert [name for name in OURS if found[name].database_url is not None] == [*AT_THE_DATABASE]
    assert found["worker"].audit_key == found["audit-key"].audit_key == Path("/audit/audit.key")
    assert found["worker"].audit_publish is None


def test_only_workers_have_the_key_and_what_is_published_and_the_database_has_neither(
    composition: dict[str, Any],
) -> None:
    volumes = {
        (one["source"], name): one.get("read_only", False)
        for name, service in composition["services"].items()
        for one in service.get("volumes", ())
    }
    assert volumes == {
        ("database", "postgres"): False,
        ("audit", "audit-key"): False,
        ("audit", "worker"): True,
        ("published", "worker"): False,
    }
    assert composition["services"]["audit-key"]["network_mode"] == "none"


def test_what_is_published_may_lie_elsewhere() -> None:
    wished = {"AUDIT_PUBLISH": "/published", "AUDIT_VOLUME": "/mnt/elsewhere"}
    checked = compose("config", "--format", "json", environ=SECRETS | wished)
    worker = json.loads(checked.stdout)["services"]["worker"]
    assert Settings.from_environment(worker["environment"]).audit_publish == "/published"
    assert ("/mnt/elsewhere", "/published") in {(one["source"], one["target"]) for one in worker["volumes"]}


def test_only_the_api_can_be_reached_and_only_from_this_machine(composition: dict[str, Any]) -> None:
    ports = {
        name: service["ports"] for name, service in composition["services"].items() if "ports" in service
    }
    assert set(ports) == {"api"}
    assert [port["host_ip"] for port in ports["api"]] == ["127.0.0.1"]
    assert composition["networks"]["inside"]["internal"] is True
    outside = {
        name for name, service in composition["services"].items() if "outside" in service.get("networks", ())
    }
    assert outside == {"api"}


def test_our_containers_can_neither_write_nor_gain_rights(composition: dict[str, Any]) -> None:
    for name in OURS:
        service = composition["services"][name]
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
    assert "USER 10001:10001" in (ROOT / "Dockerfile").read_text()


def test_the_image_has_the_program_that_publishing_to_a_repository_needs() -> None:
    last = (ROOT / "Dockerfile").read_text().rpartition("\nFROM ")[2]
    assert re.search(r"apt-get install .*\bgit\b", last), "there is no git in python:slim"


def test_the_first_start_makes_a_login_that_may_act_as_the_application(
    composition: dict[str, Any], cluster: EmbeddedPostgres, home: Home
) -> None:
    # Roles belong to the whole cluster, and the other tests' are there already.
    script: str = composition["configs"]["login"]["content"].replace("pulseops", "composed")
    password = "it's $HOME, \\ and ünïcode"
    admin = urlsplit(cluster.url("postgres", admin=True))
    made = subprocess.run(
        [postgres_programs(cluster.account, home.data) / "psql", "--no-psqlrc", "--set=ON_ERROR_STOP=1"],
        env={
            "PGHOST": admin.hostname or "",
            "PGPORT": str(admin.port),
            "PGUSER": admin.username or "",
            "PGPASSWORD": admin.password or "",
            "PGDATABASE": "postgres",
            "APPLICATION_PASSWORD": password,
        },
        input=script,
        capture_output=True,
        text=True,
        check=False,
    )
    assert made.returncode == 0, made.stderr
    assert asyncio.run(_role_of("composed", password, admin.geturl())) == "composed_app"


async def _role_of(login: str, password: str, admin: str) -> str:
    """Whom `login` acts as when it asks to be its application role; the roles are gone afterwards."""
    try:
        connection = await asyncpg.connect(
            admin, user=login, password=password, server_settings={"role": f"{login}_app"}
        )
        role: str = await connection.fetchval("SELECT current_user::text")
        await connection.close()
    finally:
        connection = await asyncpg.connect(admin)
        await connection.execute("DROP ROLE composed; DROP ROLE composed_app")
        await connection.close()
    return role
