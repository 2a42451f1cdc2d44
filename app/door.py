"""The door for signed deliveries: a small Flask application that stands before the large one.

A platform brings thousands of letters and neither cookie nor page: nothing that browsers are asked
or told costs it anything here. Must answer as the large one would, word for word.
"""

from typing import Any

from flask import Flask, Response

from app import envelope, security, trace, webhooks
from app.body import Json
from app.context import HOUSE, House

PATH = "/api/webhooks/"
STORED = 200  # gets no line of its own: it is counted, and its row keeps its correlation id

ROOMS = (webhooks,)


def stand_before(app: Flask, house: House) -> None:
    """Everything below PATH comes here from now on."""
    signed, everything = opened(house).wsgi_app, app.wsgi_app
    told = list(security.headers(PATH, house.settings).items())  # the same with every answer

    def chosen(environ: Any, start: Any) -> Any:
        if not environ.get("PATH_INFO", "").startswith(PATH):
            return everything(environ, start)
        return signed(environ, lambda status, own, *fault: start(status, own + told, *fault))

    app.wsgi_app = chosen  # type: ignore[assignment,method-assign]  # Flask's documented way


def opened(house: House) -> Flask:
    """Without a key of its own it reads and writes no session."""
    door = Flask(__name__, static_folder=None)
    door.json = Json(door)
    door.extensions[HOUSE] = house
    door.before_request(trace.begin)
    door.after_request(leave)
    envelope.speak(door)
    if house.settings.is_production:
        door.before_request(security.over_tls)
    door.before_request(security.readable)
    for room in ROOMS:
        door.register_blueprint(room.blueprint)
    return door


def leave(response: Response) -> Response:
    """Who is refused is worth a line."""
    spent = trace.mark(response)
    if response.status_code != STORED:
        trace.tell(response, spent)
    return response
