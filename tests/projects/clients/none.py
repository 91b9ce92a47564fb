"""Call a server with the parcels of docs/operations.md, through the client that openapi-python-client made."""

import sys
from uuid import uuid4

from client import AuthenticatedClient, Client
from client.api.archive import remove_parcel
from client.api.greetings import greetings_create_greeting
from client.api.parcels import (
    parcels_change_parcel,
    parcels_dispatch_parcel,
    parcels_get_my_name,
    parcels_get_parcel,
    parcels_put_parcel,
)
from client.models import (
    AlreadySent,
    Greeting,
    GreetingIn,
    Parcel,
    ParcelIn,
    ParcelPatch,
    Problem,
)

anyone = Client(sys.argv[1], raise_on_unexpected_status=True)
ada = AuthenticatedClient(sys.argv[1], token="token-of-ada", raise_on_unexpected_status=True)

greeting = greetings_create_greeting.sync(client=anyone, body=GreetingIn(name="Ada"))
assert isinstance(greeting, Greeting)
assert greeting.message == "Hello, Ada!"

refused = greetings_create_greeting.sync_detailed(client=anyone, body=GreetingIn(name=""))
assert refused.status_code == 422
assert isinstance(refused.parsed, Problem)
assert refused.parsed.errors[0].pointer == "/name"

unknown = parcels_get_my_name.sync_detailed(client=anyone)
assert unknown.status_code == 401
assert isinstance(unknown.parsed, Problem)
assert parcels_get_my_name.sync(client=ada) == "ada"

parcel_id = uuid4()
missing = parcels_get_parcel.sync_detailed(parcel_id, client=anyone)
assert missing.status_code == 404
assert isinstance(missing.parsed, Problem)
added = parcels_put_parcel.sync_detailed(parcel_id, client=ada, body=ParcelIn(kilos=25))
assert added.status_code == 201
assert isinstance(added.parsed, Parcel)
changed = parcels_change_parcel.sync(parcel_id, client=ada, body=ParcelPatch(note="fragile"))
assert isinstance(changed, Parcel)
assert (changed.id, changed.kilos, changed.note) == (parcel_id, 25, "fragile")

read = parcels_get_parcel.sync_detailed(parcel_id, client=anyone)
assert read.headers["X-Warning"] == "heavy"
tag = read.headers["ETag"]
same = parcels_get_parcel.sync_detailed(parcel_id, client=anyone, if_none_match=tag)
assert same.status_code == 304

assert isinstance(parcels_dispatch_parcel.sync(parcel_id, client=ada), Parcel)
again = parcels_dispatch_parcel.sync_detailed(parcel_id, client=ada)
assert again.status_code == 409
assert isinstance(again.parsed, AlreadySent)
assert (again.parsed.title, again.parsed.note) == ("Already sent", "sent")

removed = remove_parcel.sync_detailed(parcel_id, client=ada)
assert (removed.status_code, removed.parsed) == (204, None)
