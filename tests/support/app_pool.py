"""Flask applications that serve one test after the other, each time with a new container."""

from app import factory
from core.config.settings import Settings
from tests.support.template_cache import TemplateCache

TEMPLATE_CACHE = TemplateCache()
MAX_IDLE_APPS = 8  # of 3 MB each, and most tests use two


class AppPool:
    """Routes, hooks and loaded templates are the same in all applications with the same settings:
    building them took a third of a test. All that holds data is in the container, which is new.
    """

    def __init__(self):
        self._idle = []  # pairs of a kind and an application, the last one used last
        self._kinds = {}  # of the applications that tests have at present

    def take(self, environ):
        """Return an application that no test has, for these settings."""
        kind = frozenset(item for item in environ.items() if not is_read_by_container(item[0]))
        found = next((pair for pair in reversed(self._idle) if pair[0] == kind), None)
        if found:
            self._idle.remove(found)
        app = found[1] if found else build_app(environ)
        self._kinds[app] = kind
        return app

    def give_back(self, app):
        """Keep it for another test, if it came from here."""
        kind = self._kinds.pop(app, None)
        if kind is not None:
            self._idle.append((kind, app))
            del self._idle[:-MAX_IDLE_APPS]


def is_read_by_container(setting):
    """Whether it is a key, or the address of a server or folder, which differ from test to test:
    all that uses them is in the container.
    """
    is_address = setting.endswith("_URL") and setting != "PUBLIC_URL"
    return is_address or setting == "TOKEN_ENCRYPTION_KEY"


def build_app(environ):
    app = factory.create_app(Settings.from_env(environ))
    app.jinja_env.bytecode_cache = TEMPLATE_CACHE
    return app
