"""Return 422 for a value that Firestore cannot store, such as 2**64 or a string of a megabyte.

The types of chassis.values refuse such values. Other types, such as int, str and Any, accept them.
"""

import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core.exceptions import InvalidArgument
from werkzeug.exceptions import UnprocessableEntity

# Messages of the library or Firestore for an int over 64 bits, a long string, a large document.
MISFIT = re.compile(r"^Value out of range|is longer than|maximum \w+ size")


@contextmanager
def fitting() -> Iterator[None]:
    """Raise UnprocessableEntity (422) if Firestore cannot store a value; do not log the value."""
    try:
        yield
    except (InvalidArgument, OverflowError, ValueError) as error:
        own = isinstance(error, OverflowError | UnicodeEncodeError)  # a time, a lone surrogate
        if not own and not MISFIT.search(getattr(error, "message", str(error))):
            raise
        name = type(error).__name__
        logging.getLogger(__name__).warning("Firestore cannot store a value: %s", name)
        detail = "A value is out of range or too long, or has a character that cannot be stored."
        raise UnprocessableEntity(detail) from error
