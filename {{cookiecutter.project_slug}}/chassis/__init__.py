"""The chassis: code that every service shares. Updated by `cruft update`.

Your code imports these names{{ ", those of chassis.security, chassis.resources and chassis.database" if cookiecutter.datastore == "sql" else ", those of chassis.security, chassis.resources and chassis.firestore" if cookiecutter.datastore == "firestore" else " and those of chassis.security" }}. The chassis never imports your code.
"""

from .application import Settings, close_app, open_app
from .errors import Error
from .media import Media, Upload
from .operations import Input, operation, undocumented
from .patch import Patch
from .per_process import per_process
from .secret import Secret

__all__ = [
    "Error",
    "Input",
    "Media",
    "Patch",
    "Secret",
    "Settings",
    "Upload",
    "close_app",
    "open_app",
    "operation",
    "per_process",
    "undocumented",
]
