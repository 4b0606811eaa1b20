"""`python -m knote user ...`: accounts made and listed by somebody at the machine."""

from pathlib import Path

from knote.settings import Settings
from logs.commands import Said, environment_of, knote

PASSWORD = "correct horse battery"


async def test_accounts_are_made_and_listed(settings: Settings, tmp_path: Path) -> None:
    environment = environment_of(settings)

    async def run(command: str, typed: str = "") -> Said:
        said = await knote(command, environment, folder=tmp_path, typed=typed)
        assert PASSWORD not in said.stdout + said.stderr
        return said

    assert (await run("user list")).results == []
    first = await run("user add Ada --admin", f"{PASSWORD}\n")
    assert first.status == 0
    (made,) = first.results
    assert (made["name"], made["is_admin"], made["is_disabled"]) == ("Ada", True, False)
    (line,) = [line for line in first.log if line["logger"] == "knote.audit"]
    assert (line["event"], line["user"], line["by"]) == ("user_added", made["id"], "command")
    taken = await run("user add ADA", f"{PASSWORD} two\n")
    weak = await run("user add bob", "short\n")
    nothing = await run("user add bob")
    for refused in (taken, weak, nothing):
        assert refused.status == 1
        assert refused.results == []
        assert refused.log[-1]["level"] == "CRITICAL"
    assert (await run("user add bob", PASSWORD)).status == 0
    listed = (await run("user list")).results
    assert [(each["name"], each["is_admin"]) for each in listed] == [("Ada", True), ("bob", False)]
    assert "argon2" not in str(listed)
