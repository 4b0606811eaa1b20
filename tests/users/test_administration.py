"""`python -m knote user ...` over accounts that are there: what each command does, says, and logs."""

import json
from pathlib import Path
from zipfile import ZipFile

import httpx

from knote.settings import Settings
from logs.commands import Said, environment_of, knote

PASSWORD, OTHER = "correct horse battery", "quite another one"


async def test_accounts_are_looked_after_from_the_command_line(
    settings: Settings, client: httpx.AsyncClient, tmp_path: Path
) -> None:
    environment = environment_of(settings)

    async def run(command: str, typed: str = "") -> Said:
        said = await knote(f"user {command}", environment, folder=tmp_path, typed=typed)
        assert PASSWORD not in said.stdout + said.stderr
        assert OTHER not in said.stdout + said.stderr
        return said

    async def done(command: str, typed: str = "") -> dict[str, object]:
        said = await run(command, typed)
        assert said.status == 0, said.stderr
        (line,) = [line for line in said.log if line["logger"] == "knote.audit"]
        assert line["by"] == "command"
        (result,) = said.results
        return {"event": line["event"], **result}

    await run("add root --admin", PASSWORD)
    await run("add Ada", PASSWORD)
    await client.post("/api/v1/notes", json={"content": "shared"})
    adopted = await done("adopt ada")
    assert (adopted["event"], adopted["name"], adopted["notes"]) == ("notebook_adopted", "Ada", 1)
    for act, event, is_disabled, is_deleted in (
        ("disable", "user_disabled", True, False),
        ("enable", "user_enabled", False, False),
        ("delete", "user_deleted", False, True),
        ("restore", "user_restored", False, False),
    ):
        result = await done(f"{act} ada")
        assert (result["event"], result["name"]) == (event, "Ada")
        assert (result["is_disabled"], result["deleted_at"] is not None) == (is_disabled, is_deleted)
    assert (await done("password ada", f"{OTHER}\n"))["event"] == "password_changed"
    exported = await done("export ada ada.zip")
    assert exported["event"] == "account_exported"
    file = tmp_path / "ada.zip"
    assert file.stat().st_mode & 0o777 == 0o600
    assert exported["size_bytes"] == file.stat().st_size
    with ZipFile(file) as archive:
        assert json.loads(archive.read("notes.json"))["notes"][0]["content"] == "shared"

    for refused in (
        await run("delete root"),
        await run("disable ROOT"),
        await run("disable nobody"),
        await run("adopt nobody"),
        await run("password ada", "short\n"),
        await run("export ada ada.zip"),
        await run("export ada no/such/folder.zip"),
    ):
        assert refused.status == 1
        assert refused.results == []
        assert refused.log[-1]["level"] == "CRITICAL"
    assert sorted(path.name for path in tmp_path.iterdir() if "zip" in path.name) == ["ada.zip"]
