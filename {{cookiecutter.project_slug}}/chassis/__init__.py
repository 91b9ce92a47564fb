"""The chassis: code that every service shares. Updated by `cruft update`.

Your code imports these names{{ ", those of chassis.security, chassis.resources and chassis.database" if cookiecutter.datastore == "sql" else ", those of chassis.security, chassis.resources and chassis.firestore" if cookiecutter.datastore == "firestore" else " and those of chassis.security" }}{{ ", and those of chassis.auth" if cookiecutter.auth == "jwt" }}{{ ", and those of chassis.model" if cookiecutter.model == "onnx" }}. The chassis never imports your code.
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
