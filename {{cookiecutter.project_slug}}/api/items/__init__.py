"""Define items, an example resource to replace. The datastore stores them."""

from .views import items

__all__ = ["items"]
