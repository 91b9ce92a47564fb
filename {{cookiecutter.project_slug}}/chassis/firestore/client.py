"""Make Firestore's client, and define its settings."""

from dataclasses import dataclass
from typing import Annotated

from google.auth.exceptions import GoogleAuthError
from google.cloud.firestore import Client, DocumentReference, DocumentSnapshot
from google.cloud.firestore_v1 import base_client
from msgspec import Meta

from ..settings import Seconds, ServerSettings

Snapshot = DocumentSnapshot[DocumentReference]
PROJECT = Meta(
    pattern=r"^[a-z0-9.:-]*$", description="lower-case letters, digits, hyphens, dots and colons"
)
DATABASE = Meta(
    pattern=r"^(\(default\)|[a-z0-9-]*)$", description="lower-case letters, digits and hyphens"
)

# By default, gRPC waits up to two minutes between attempts to reconnect. This channel option limits
# the wait to a second. The library has no public setting for it.
for options in (base_client._DEFAULT_CHANNEL_OPTIONS, base_client._GRPC_MSG_SIZE_OPTIONS):
    options.append(("grpc.max_reconnect_backoff_ms", 1000))
# Only the emulator uses the second list. A proxy from the environment cannot reach the emulator.
base_client._GRPC_MSG_SIZE_OPTIONS.append(("grpc.enable_http_proxy", 0))


@dataclass(frozen=True, kw_only=True)
class DatastoreSettings(ServerSettings):
    google_cloud_project: Annotated[str, PROJECT] = ""
    firestore_database: Annotated[str, DATABASE] = ""
    datastore_timeout: Seconds = 2


def make_client(settings: DatastoreSettings) -> Client:
    """Make a client; without GOOGLE_CLOUD_PROJECT, the platform or credentials name the project.

    Raises GoogleAuthError if there are no credentials or no project.
    """
    try:
        return Client(
            settings.google_cloud_project or None, database=settings.firestore_database or None
        )
    except OSError as error:
        reason = f"{error}" if error.errno else f"Set GOOGLE_CLOUD_PROJECT: {error}"
        raise GoogleAuthError(reason) from error  # type: ignore[no-untyped-call]
