"""The accounts of the API, for administrators; and the end of one's own."""

from typing import Annotated

from fastapi import Query, Response

from knote.administration.schemas import Departure, ListedUser, UserChange
from knote.administration.service import Actor
from knote.cookies import SESSION
from knote.deps import Admin, Administration, AskedRoute, FromClient, KnownDevice, Person, Users
from knote.pages import Page, PageSize
from knote.routing import open_router

router = open_router("/users", tag="users", route_class=AskedRoute)
own = open_router("/account", tag="accounts", route_class=AskedRoute)


@router.get("")
async def list_users(
    _: Admin,
    administration: Administration,
    limit: PageSize = 20,
    cursor: Annotated[str | None, Query(max_length=200, description="`next` of the page before.")] = None,
) -> Page[ListedUser]:
    """List the accounts, newest first, deleted ones until they are removed for good."""
    return await administration.page(limit, cursor)


@router.patch("/{user_id}")
async def change_user(
    user_id: str, body: UserChange, asker: Admin, administration: Administration, client: FromClient
) -> ListedUser:
    """Disable or enable an account, make it an administrator's or no longer.

    Who is disabled is signed out everywhere at once, and their tokens do nothing. The last administrator
    stays one (409).
    """
    return await administration.change(user_id, body, Actor(str(asker.owner), client.address))


@router.delete("/{user_id}", status_code=204)
async def delete_user(user_id: str, asker: Admin, administration: Administration, client: FromClient) -> None:
    """Delete an account. It is out at once; its notes and pictures go after the grace time.

    Until then it can be restored. The last administrator cannot be deleted (409).
    """
    await administration.delete(user_id, Actor(str(asker.owner), client.address))


@router.post("/{user_id}/restore")
async def restore_user(
    user_id: str, asker: Admin, administration: Administration, client: FromClient
) -> ListedUser:
    """Restore a deleted account, with all that was its. Restoring another one changes nothing."""
    return await administration.restore(user_id, Actor(str(asker.owner), client.address))


@own.delete("", status_code=204)
async def delete_account(
    body: Departure,
    asker: Person,
    users: Users,
    administration: Administration,
    client: FromClient,
    device: KnownDevice,
    response: Response,
) -> None:
    """Delete one's own account, at once. Notes and pictures go after the grace time: export them first.

    Until then an administrator can restore it. The last administrator cannot go (409). An account without a
    password has signed in within the last 10 minutes: else 403, `urn:knote:problem:stale-sign-in`.
    """
    user_id = str(asker.owner)
    await users.prove(asker, body.password.get_secret_value() if body.password else None, client, device)
    await administration.delete(user_id, Actor(user_id, client.address))
    SESSION.clear(response)
