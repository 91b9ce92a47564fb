"""Call a server with items, through the client that openapi-python-client made."""

import sys
from datetime import timedelta
from uuid import uuid4

from client import Client
from client.api.items import (
    items_change_item,
    items_create_item,
    items_delete_item,
    items_get_item,
    items_list_items,
    items_replace_item,
)
from client.api.ready import ready_get_ready
from client.models import Health, Item, ItemIn, ItemPatch, Items, Problem

client = Client(sys.argv[1], raise_on_unexpected_status=True)

assert isinstance(ready_get_ready.sync(client=client), Health)
created = items_create_item.sync_detailed(client=client, body=ItemIn(name="Ada"))
assert created.status_code == 201
item = created.parsed
assert isinstance(item, Item)
assert item.created_at.utcoffset() == timedelta(0)
assert created.headers["Location"].endswith(str(item.id))

items_create_item.sync(client=client, body=ItemIn(name="Bob", description="a friend"))
first = items_list_items.sync(client=client, per_page=1)
assert isinstance(first, Items)
second = items_list_items.sync(client=client, per_page=1, cursor=first.next_cursor)
assert isinstance(second, Items)
assert [each.name for each in [*first.items, *second.items]] == ["Bob", "Ada"]
assert second.next_cursor is None

tag = created.headers["ETag"]
change = {"client": client, "if_match": tag}
changed = items_change_item.sync(item.id, body=ItemPatch(description="a poet"), **change)
assert isinstance(changed, Item)
assert (changed.name, changed.description) == ("Ada", "a poet")
stale = items_replace_item.sync_detailed(item.id, body=ItemIn(name="Eve"), **change)
assert stale.status_code == 412
assert isinstance(stale.parsed, Problem)

refused = items_create_item.sync_detailed(client=client, body=ItemIn(name="x" * 101))
assert refused.status_code == 422
assert isinstance(refused.parsed, Problem)
assert refused.parsed.errors[0].pointer == "/name"
lost = items_list_items.sync_detailed(client=client, per_page=1000)
assert isinstance(lost.parsed, Problem)
assert lost.parsed.errors[0].parameter == "per_page"

missing = items_get_item.sync_detailed(uuid4(), client=client)
assert missing.status_code == 404
assert isinstance(missing.parsed, Problem)
removed = items_delete_item.sync_detailed(item.id, client=client)
assert (removed.status_code, removed.parsed) == (204, None)
