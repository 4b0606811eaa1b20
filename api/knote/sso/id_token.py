"""The ID token: what makes it one that the provider issued, to this Knote, for this sign-in, just now."""

from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import InvalidClaimError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry

# None of those whose key the client holds, and never `none`: whoever knows that key could sign.
_ALGORITHMS = frozenset(f"{family}{size}" for family in ("RS", "PS", "ES") for size in (256, 384, 512)) | {
    "EdDSA",
    "Ed25519",
}
_LEEWAY_SECONDS = 60
_LONGEST_SUBJECT = 255


def verified(
    token: str,
    keys: KeySet,
    *,
    metadata: dict[str, Any],
    client_id: str,
    nonce: str,
    access_token: str | None,
    now: datetime,
) -> dict[str, Any]:
    """The claims of the token. Raises `JoseError` unless all of it is as OpenID Connect asks.

    `metadata` is what the provider says of itself; its `issuer` has been checked.
    """
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    registry = JWSRegistry(algorithms=sorted(_ALGORITHMS.intersection(offered)), strict_check_header=False)
    decoded = jwt.decode(token, keys, registry=registry)
    claims = CodeIDToken(
        decoded.claims,
        decoded.header,
        {
            "iss": {"essential": True, "value": metadata["issuer"]},
            "aud": {"essential": True, "value": client_id},
        },
        {"client_id": client_id, "nonce": nonce, "access_token": access_token},
    )
    claims.validate(now=int(now.timestamp()), leeway=_LEEWAY_SECONDS)
    subject = claims["sub"]
    if not isinstance(subject, str) or not 0 < len(subject) <= _LONGEST_SUBJECT:
        raise InvalidClaimError("sub")
    return dict(claims)
