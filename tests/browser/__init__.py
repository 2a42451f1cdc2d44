"""A package, so that package-scoped fixtures end with the last test of this folder."""
