"""The bucket, and a MinIO user that may use it and nothing else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import urllib3
from minio import Minio, MinioAdmin
from minio.credentials.providers import StaticProvider
from minio.error import MinioAdminException, S3Error
from urllib3.exceptions import HTTPError

from knote.bootstrap.settings import BootstrapSettings
from knote.bootstrap.waiting import NotYet, Patience, tell

_BUCKET_IS_THERE = frozenset({"BucketAlreadyOwnedByYou", "BucketAlreadyExists"})
_ALREADY_ATTACHED = "XMinioAdminPolicyChangeAlreadyApplied"


class ObjectStore:
    """One MinIO, as its root user."""

    def __init__(self, settings: BootstrapSettings, patience: Patience) -> None:
        self._settings = settings
        self._patience = patience
        address = urlsplit(settings.s3_endpoint)
        self._address: dict[str, Any] = {
            "endpoint": address.netloc,
            "secure": address.scheme == "https",
            "region": settings.s3_region,
        }
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=2, read=10), retries=False)
        root = StaticProvider(settings.minio_root_user, settings.minio_root_password.get_secret_value())
        self._root = Minio(**self._address, credentials=root, http_client=self._http)
        self._admin = MinioAdmin(**self._address, credentials=root, http_client=self._http)
        self._policy = f"knote-{settings.minio_bucket}"

    def prepare(self) -> None:
        """Brings bucket, policy and user to what the settings say. Raises `BootstrapFailed`."""
        bucket = self._settings.minio_bucket
        self._patience.until_done("object-store", self._expect_healthy)
        tell("bucket", self._patience.until_done("bucket", self._make_bucket), bucket=bucket)
        tell("policy", self._patience.until_done("policy", self._put_policy), policy=self._policy)
        tell("access-key", self._patience.until_done("access-key", self._let_user_in), policy=self._policy)
        self._patience.until_done("access-key", self._expect_user_in)
        tell("access-key", "verified", bucket=bucket)

    def _expect_healthy(self) -> None:
        """Returns when a write would be taken: the other probes answer before that."""
        with _passing_errors():
            answer = self._http.request("GET", f"{self._settings.s3_endpoint}/minio/health/cluster")
        if answer.status != 200:
            raise NotYet(f"its health is {answer.status}")

    def _make_bucket(self) -> str:
        bucket = self._settings.minio_bucket
        with _passing_errors():
            if self._root.bucket_exists(bucket_name=bucket):
                return "unchanged"
            try:
                self._root.make_bucket(bucket_name=bucket)
            except S3Error as error:
                if error.code in _BUCKET_IS_THERE:
                    return "unchanged"
                raise
        return "created"

    def _put_policy(self) -> str:
        wanted = policy_of(self._settings.minio_bucket)
        with _passing_errors():
            try:
                found = json.loads(self._admin.policy_info(self._policy))
            except MinioAdminException:
                found = None
            # Statements come back with their actions in another order.
            if found and _comparable(found.get("Policy", found)) == _comparable(wanted):
                return "unchanged"
            self._admin.policy_add(self._policy, policy=wanted)
        return "updated" if found else "created"

    def _let_user_in(self) -> str:
        """The user exists, with its secret key, and has this policy and no other."""
        name, secret = self._settings.minio_access_key, self._settings.minio_secret_key.get_secret_value()
        with _passing_errors():
            try:
                found = json.loads(self._admin.user_info(name))
            except MinioAdminException:
                found = None
            policies = {part for part in (found or {}).get("policyName", "").split(",") if part}
            is_enabled = (found or {}).get("status") == "enabled"
            if policies == {self._policy} and is_enabled and self._is_user_in():
                return "unchanged"
            self._admin.user_add(name, secret)
            if self._policy not in policies:
                self._attach(name)
            if others := sorted(policies - {self._policy}):
                self._admin.detach_policy(others, user=name)
        return "updated" if found else "created"

    def _attach(self, name: str) -> None:
        try:
            self._admin.attach_policy([self._policy], user=name)
        except MinioAdminException as error:
            if _ALREADY_ATTACHED not in str(error):
                raise

    def _expect_user_in(self) -> None:
        with _passing_errors():
            if not self._is_user_in():
                raise NotYet("the user's key is not known everywhere yet")

    def _is_user_in(self) -> bool:
        """Whether the key of the settings opens the bucket."""
        name, secret = self._settings.minio_access_key, self._settings.minio_secret_key.get_secret_value()
        own = Minio(**self._address, credentials=StaticProvider(name, secret), http_client=self._http)
        try:
            return own.bucket_exists(bucket_name=self._settings.minio_bucket)
        except S3Error as error:
            if error.response.status in {401, 403}:
                return False
            raise


def policy_of(bucket: str) -> dict[str, Any]:
    """The least that the API, the sweep and fsck need."""
    arn = f"arn:aws:s3:::{bucket}"
    return {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:GetBucketLocation", "s3:ListBucket"], "Resource": [arn]},
            {
                "Effect": "Allow",
                "Action": ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"],
                "Resource": [f"{arn}/*"],
            },
        ],
    }


def _comparable(policy: dict[str, Any]) -> set[tuple[str, frozenset[str], frozenset[str]]]:
    return {
        (part["Effect"], frozenset(part["Action"]), frozenset(part["Resource"]))
        for part in policy.get("Statement", [])
    }


@contextmanager
def _passing_errors() -> Iterator[None]:
    """Turns what MinIO says while it is starting into `NotYet`, by name: texts may hold more."""
    try:
        yield
    except S3Error as error:
        raise NotYet(f"the object store says {error.code}") from error
    except MinioAdminException as error:
        raise NotYet(f"the object store says {_admin_code(error)}") from error
    except (HTTPError, OSError) as error:
        raise NotYet(f"the object store does not answer ({type(error).__name__})") from error


def _admin_code(error: MinioAdminException) -> str:
    _, _, body = str(error).partition("Body: ")
    try:
        return str(json.loads(body)["Code"])
    except (ValueError, KeyError, TypeError):
        return "no to an admin request"
