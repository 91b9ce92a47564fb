"""Alembic runs this file. Importing the application adds its tables to the metadata."""

import api  # noqa: F401
from chassis.database.migrations import run

run()
