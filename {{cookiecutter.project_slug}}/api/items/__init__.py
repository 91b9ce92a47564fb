"""The example to replace: items, stored in the datastore."""

from .views import items

__all__ = ["items"]
