"""The web application as this house runs it. Must add nothing to what it does."""

from app import ingress
from local.orphans import die_with_parent


def create_ingress() -> ingress.Ingress:
    """In the server's own child: killed without a word, the server takes it along."""
    die_with_parent()
    return ingress.create_ingress()
