"""A package, so that what is heavy here ends with the last test of this folder."""
