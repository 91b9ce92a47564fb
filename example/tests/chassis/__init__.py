"""Test the chassis, with applications that the tests create."""
