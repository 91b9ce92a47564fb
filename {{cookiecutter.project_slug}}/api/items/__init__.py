"""The example to replace: items, kept in the datastore."""

from .views import items

__all__ = ["items"]
