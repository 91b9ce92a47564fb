"""Define the settings of the database."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from ..secret import Secret
from ..settings import Seconds, ServerSettings

URL = Meta(
    pattern=r"^(sqlite:///(?!:memory:)[^?]*[^?\s]|postgres(ql(\+psycopg)?)?://([^@\s]*@)?[^@\s]*)\Z",
    description="sqlite:///path or postgresql://user:password@host/database;"
    " write @ and spaces in the password as %40 and %20",
)


@dataclass(frozen=True, kw_only=True)
class DatastoreSettings(ServerSettings):
    database_url: Annotated[Secret, URL] = Secret("sqlite:///instance/app.db")
    datastore_timeout: Seconds = 2
    migration_timeout: Seconds = 60
