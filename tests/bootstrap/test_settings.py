"""What the bootstrap refuses to begin with, and what is written about its settings."""

from pathlib import Path

import pytest

from bootstrap.job import bootstrap
from docs.settings_table import variable
from knote.bootstrap import BootstrapSettings
from knote.settings import Settings
from servers.process import CHECKOUT


async def test_with_nothing_to_prepare_it_says_so() -> None:
    run = await bootstrap({})
    assert (run.status, run.results) == (0, {"replica-set": "skipped", "object-store": "skipped"})
    managed = await bootstrap({"MONGO_URL": "mongodb://a:b@db.example/knote", "MINIO_HOST": "s3.example"})
    assert (managed.status, managed.results) == (0, {"replica-set": "skipped", "object-store": "skipped"})


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"KNOTE_MONGO_MEMBERS": "a:1"}, ["KNOTE_MONGO_KEYFILE", "MONGO_URL"]),
        ({"MINIO_ROOT_USER": "root"}, ["MINIO_ROOT_PASSWORD", "MINIO_HOST", "MINIO_SECRET_KEY"]),
        (
            {
                "MINIO_ROOT_USER": "same",
                "MINIO_ROOT_PASSWORD": "secret-1",
                "MINIO_HOST": "minio",
                "MINIO_ACCESS_KEY": "same",
                "MINIO_SECRET_KEY": "secret-2",
            },
            ["MINIO_ACCESS_KEY is the root user"],
        ),
        ({"KNOTE_BOOTSTRAP_TIMEOUT_SECONDS": "never"}, ["KNOTE_BOOTSTRAP_TIMEOUT_SECONDS"]),
    ],
)
async def test_half_a_configuration_is_refused_by_name(environment: dict[str, str], named: list[str]) -> None:
    run = await bootstrap(environment, secrets=("secret-1", "secret-2"))
    assert run.status == 2
    for name in named:
        assert name in run.output


@pytest.mark.parametrize(
    ("url", "text"),
    [("mongodb://host/knote", "no user and password"), ("no url", "no connection string")],
)
async def test_a_url_without_a_user_is_refused(url: str, text: str, tmp_path: Path) -> None:
    keyfile = tmp_path / "keyfile"
    keyfile.write_text("secretkey", encoding="ascii")
    environment = {"KNOTE_MONGO_MEMBERS": "a:1", "KNOTE_MONGO_KEYFILE": str(keyfile), "MONGO_URL": url}
    run = await bootstrap(environment)
    assert run.status == 1
    assert text in run.output


async def test_a_keyfile_that_is_not_there_is_told(tmp_path: Path) -> None:
    run = await bootstrap(
        {
            "KNOTE_MONGO_MEMBERS": "a:1",
            "KNOTE_MONGO_KEYFILE": str(tmp_path / "none"),
            "MONGO_URL": "mongodb://a:b@c/knote",
        }
    )
    assert run.status == 1
    assert "KNOTE_MONGO_KEYFILE cannot be read" in run.output


def test_every_setting_of_its_own_stands_in_the_readme() -> None:
    readme = (CHECKOUT / "README.md").read_text(encoding="utf-8")
    known = {variable(name, field) for name, field in Settings.model_fields.items()}
    for name, field in BootstrapSettings.model_fields.items():
        own = variable(name, field)
        if own not in known:
            shown = (
                "" if name in {"mongo_keyfile", "minio_root_password"} or not field.default else field.default
            )
            line = f"| `{own}` | {f'`{shown}`' if shown else ''} | {field.description} |"
            assert line in readme, line
