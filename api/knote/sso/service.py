"""What may be done by single sign-on, and whom it signs in."""

from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple

from knote.asker import Asker
from knote.attempts.service import AttemptService
from knote.audit import audit
from knote.client import Client
from knote.clock import Clock, IdSource
from knote.errors import Conflict, NotFound, SignOnRefused, SignOnUnavailable
from knote.invites.store import InviteStore
from knote.mongo import Document
from knote.secret import hash_of, new_secret
from knote.sso.identity import Identity
from knote.sso.store import IdentityStore, SignInStore
from knote.users.names import free_names
from knote.users.newcomers import Newcomers
from knote.users.store import UserStore, is_active

if TYPE_CHECKING:
    from knote.sso.provider import Provider

# As long as somebody may take to sign in at the provider.
LASTING = timedelta(minutes=10)
# What a provider says when somebody there thought better of it, and when it cannot answer now.
_CANCELLED = frozenset({"access_denied", "consent_required", "interaction_required", "login_required"})
_AWAY = frozenset({"temporarily_unavailable", "server_error"})


class Purpose(NamedTuple):
    """What a sign-in is for: to sign in, by an invite perhaps, or to link an identity to an account."""

    return_to: str
    invite: str | None = None
    account: str | None = None


class Answer(NamedTuple):
    """What the provider had the browser bring back."""

    code: str
    error: str
    issuer: str | None


class SignOnService:
    """Single sign-on. All methods raise `NotesUnavailable` while MongoDB is away."""

    def __init__(
        self,
        provider: "Provider | None",
        sign_ins: SignInStore,
        identities: IdentityStore,
        users: UserStore,
        invites: InviteStore,
        newcomers: Newcomers,
        attempts: AttemptService,
        *,
        is_open: bool,
        clock: Clock,
        new_id: IdSource,
    ) -> None:
        self._provider = provider
        self._sign_ins = sign_ins
        self._identities = identities
        self._users = users
        self._invites = invites
        self._newcomers = newcomers
        self._attempts = attempts
        self._is_open = is_open
        self._clock = clock
        self._new_id = new_id

    async def begin(self, purpose: Purpose, browser: str, client: Client) -> str:
        """Begins a sign-in of that browser. Returns the address at the provider to go to.

        Raises `SignOnUnavailable`, `SignOnRefused` for an invite that nobody can use, `TooManyRequests`,
        `NotFound`.
        """
        provider = self._known()
        await self._attempts.count_sign_on(client)
        if purpose.invite and not await self._invites.find(hash_of(purpose.invite), self._clock()):
            raise _spent()
        state, nonce, verifier = new_secret(), new_secret(), new_secret()
        url = await provider.authorization_url(state=state, nonce=nonce, verifier=verifier)
        await self._sign_ins.insert(
            {
                "_id": hash_of(state),
                "browser": hash_of(browser),
                "nonce": nonce,
                "verifier": verifier,
                "return_to": purpose.return_to,
                "invite": hash_of(purpose.invite) if purpose.invite else None,
                "account": purpose.account,
                "expires_at": self._clock() + LASTING,
            }
        )
        return url

    async def take(self, state: str, browser: str | None) -> Document:
        """The sign-in that this browser began, which nobody can take again.

        Raises `SignOnRefused`, `NotFound`.
        """
        self._known()
        begun = None
        if browser is not None:
            begun = await self._sign_ins.take(hash_of(state), hash_of(browser), self._clock())
        if begun is None:
            raise SignOnRefused(
                "This sign-in is over, or was begun in another browser. Begin it again.", reason="expired"
            )
        return begun

    async def identity(self, begun: Document, answer: Answer) -> Identity:
        """Who came back from the provider. Raises `SignOnRefused`, `SignOnUnavailable`."""
        provider = self._known()
        await provider.check_issuer(answer.issuer)
        if answer.error in _CANCELLED:
            raise SignOnRefused("Nobody signed in at the provider.", reason="cancelled")
        if answer.error in _AWAY:
            raise SignOnUnavailable("The provider of single sign-on cannot answer right now. Try again soon.")
        if answer.error or not answer.code:
            raise SignOnRefused("The provider did not sign anybody in. Try again.", reason="failed")
        return await provider.identity(answer.code, nonce=begun["nonce"], verifier=begun["verifier"])

    async def user_of(self, begun: Document, identity: Identity, client: Client) -> Document:
        """Whom the identity signs in; somebody new where that may be. Raises `SignOnRefused`.

        Nothing but issuer and subject leads to an account: an e-mail address or a name at the provider may
        be anybody's.
        """
        user = await self._identities.find_user(identity.issuer, identity.subject)
        if user is None:
            user = await self._join(begun, identity, client)
        if not is_active(user):
            raise SignOnRefused("This account may not be used. Ask an administrator.", reason="disabled")
        return user

    async def link(self, begun: Document, identity: Identity, asker: Asker | None, client: Client) -> None:
        """Links the identity to the account that began this, which is still signed in.

        Raises `SignOnRefused`.
        """
        if asker is None or asker.owner != begun["account"]:
            raise SignOnRefused("You were signed out meanwhile. Nothing was linked.", reason="signed-out")
        try:
            linked = await self._identities.link(begun["account"], self._document(identity))
        except Conflict as error:
            raise SignOnRefused("This identity signs in to another account.", reason="taken") from error
        if linked is not None:
            audit("identity_linked", user=asker.owner, by=asker.owner, address=client.address)

    async def unlink(self, asker: Asker, identity_id: str, client: Client) -> None:
        """Ends it that an identity signs in to the account of who asks. Raises `NotFound`, `Conflict`."""
        issuer = self._provider.issuer if self._provider else ""
        if not await self._identities.unlink(str(asker.owner), identity_id, issuer=issuer):
            user = await self._users.find(str(asker.owner))
            if user is None or all(each["id"] != identity_id for each in user["identities"]):
                raise NotFound("There is no such identity of yours.")
            raise Conflict(
                "This is the only way in to your account. Set a password first, or link another identity."
            )
        audit("identity_unlinked", user=asker.owner, by=asker.owner, address=client.address)

    def _known(self) -> "Provider":
        if self._provider is None:
            raise NotFound("There is no single sign-on here.")
        return self._provider

    async def _join(self, begun: Document, identity: Identity, client: Client) -> Document:
        """Makes the account of somebody new, under a name that is free."""
        if begun["invite"] is None and not self._is_open:
            raise SignOnRefused(
                "There is no account for you here yet. Ask an administrator for an invite, or sign in with "
                "a password and link this identity.",
                reason="no-account",
            )
        for name in free_names(identity.name):
            user = self._newcomers.document_of_identity(name, self._document(identity))
            try:
                made = await self._insert(begun["invite"], user)
            except Conflict:  # of the name, or with a sign-in of the same identity at the same moment
                if found := await self._identities.find_user(identity.issuer, identity.subject):
                    return found
                continue
            audit(
                "signed_up",
                user=made["_id"],
                by=made["_id"],
                address=client.address,
                is_admin=made["is_admin"],
                is_invited=begun["invite"] is not None,
            )
            return made
        raise AssertionError("a name of random letters is free")

    async def _insert(self, invite: str | None, user: Document) -> Document:
        if invite is None:
            await self._users.insert(user)
            return user
        made = await self._invites.spend(invite, self._clock(), user)
        if made is None:
            raise _spent()
        return made

    def _document(self, identity: Identity) -> Document:
        return {
            "id": self._new_id(),
            "issuer": identity.issuer,
            "subject": identity.subject,
            "name": identity.name or identity.subject,
            "linked_at": self._clock(),
        }


def _spent() -> SignOnRefused:
    return SignOnRefused(
        "This invite was used, taken back, or is over. Ask an administrator for another.", reason="invite"
    )
