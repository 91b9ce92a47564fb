"""Define your settings."""

from dataclasses import dataclass

from flask import current_app

import chassis


@dataclass(frozen=True, kw_only=True)
class Settings(chassis.Settings):
    """Add your settings here: `max_things: int = 3` is read from the variable MAX_THINGS.

    chassis/settings.py lists the types that a setting can have. .env.example lists the settings.
    """


def settings() -> Settings:
    """Return the settings of the current application: `settings().max_things`."""
    found: Settings = current_app.extensions["settings"]
    return found
