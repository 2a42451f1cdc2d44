"""The style sheet with the colours of the platforms, made from what they declare."""

from functools import cache
from typing import Any
from urllib.parse import quote

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from app.http.static_files import VERSION_PARAMETER, hash_bytes
from platforms.platform import Brand, BrandColours
from platforms.registry import PLATFORMS

blueprint = Blueprint("brand_styles", __name__)

FOLLOWS_SYSTEM = ":root:not([data-theme=light])"


@blueprint.get("/static/platforms.css")
def show_styles() -> AnyResponse:
    """Show the style sheet; browsers ask again whether it has changed."""
    response = Response(all_rules(), mimetype="text/css")
    response.add_etag()
    return response.make_conditional(request)


@blueprint.app_url_defaults
def add_version(endpoint: str, values: dict[str, Any]) -> None:
    """Add the hash of the style sheet to its address."""
    if endpoint == "brand_styles.show_styles":
        values.setdefault(VERSION_PARAMETER, hash_bytes(all_rules().encode()))


def all_rules() -> str:
    return "".join(brand_rules(platform.brand) for platform in PLATFORMS.values())


def brand_rules(brand: Brand) -> str:
    """Return the CSS of one platform: logo and buttons, in both themes."""
    rules = [colour_rules(brand.css_class, brand.colours)]
    if brand.mark_path:
        rules.append(mark_rule(brand.css_class, brand.mark_path))
    elif brand.symbol:
        rules.append(f'.mark.{brand.css_class}::after {{ content: "{brand.symbol}"; }}\n')
    if brand.dark_colours is not None:
        dark_rules = colour_rules(brand.css_class, brand.dark_colours)
        rules.append(
            f"@media (prefers-color-scheme: dark) {{\n{FOLLOWS_SYSTEM} {{ {dark_rules} }}}}\n"
        )
        rules.append(f":root[data-theme=dark] {{ {dark_rules} }}\n")
    return "".join(rules)


@cache
def mark_rule(css_class: str, mark_path: str) -> str:
    """Return the CSS that draws a platform's mark in the colour of the text on it."""
    path = f'<path d="{mark_path}"/>'
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24">{path}</svg>'
    mask = f'url("data:image/svg+xml,{quote(svg)}") center / contain no-repeat'
    return (
        f'.mark.{css_class}::after {{ content: ""; width: 60%; height: 60%;'
        f" background: currentColor; mask: {mask}; }}\n"
    )


def colour_rules(css_class: str, colours: BrandColours | None) -> str:
    if colours is None:
        return ""
    return (
        f".mark.{css_class} {{ background: {colours.logo}; color: {colours.text}; }}\n"
        f".button.{css_class} {{ background: {colours.button} border-box;"
        f" border-color: transparent; color: {colours.text}; }}\n"
    )
