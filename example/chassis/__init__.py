"""Provide the chassis, the code that all services share. `cruft update` updates it.

Import these names in your code, and the names of chassis.security. The chassis never imports your code.
"""

from .application import Settings, close_app, open_app
from .errors import Error
from .media import Media, Upload
from .operations import Input, operation, undocumented
from .patch import Patch
from .per_process import per_process
from .secret import Secret
from .values import Date, Float, Int64, Money, Text, Time, dec_hook

__all__ = [
    "Date",
    "Error",
    "Float",
    "Input",
    "Int64",
    "Media",
    "Money",
    "Patch",
    "Secret",
    "Settings",
    "Text",
    "Time",
    "Upload",
    "close_app",
    "dec_hook",
    "open_app",
    "operation",
    "per_process",
    "undocumented",
]
