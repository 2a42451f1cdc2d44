"""Which version of signalpost is installed."""

from importlib.metadata import version

INSTALLED_VERSION = version("signalpost")
