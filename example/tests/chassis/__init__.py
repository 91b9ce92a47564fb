"""The tests of the chassis; they create applications of their own."""
