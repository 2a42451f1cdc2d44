"""The style sheet with the colours of the platforms, made from what they declare."""

from flask import Blueprint, Response, request
from werkzeug.wrappers import Response as AnyResponse

from platforms.platform import Brand, BrandColours
from platforms.registry import PLATFORMS

blueprint = Blueprint("brand_styles", __name__)


@blueprint.get("/static/platforms.css")
def show_styles() -> AnyResponse:
    """Show the style sheet; browsers ask again whether it has changed."""
    brands = (platform.brand for platform in PLATFORMS.values())
    response = Response("".join(brand_rules(brand) for brand in brands), mimetype="text/css")
    response.cache_control.no_cache = True
    response.add_etag()
    return response.make_conditional(request)


def brand_rules(brand: Brand) -> str:
    """Return the CSS of one platform: logo and buttons, in both themes."""
    rules = [colour_rules(brand.css_class, brand.colours)]
    if brand.symbol:
        rules.append(f'.mark.{brand.css_class}::after {{ content: "{brand.symbol}"; }}\n')
    if brand.dark_colours is not None:
        dark_rules = colour_rules(brand.css_class, brand.dark_colours)
        rules.append(f"@media (prefers-color-scheme: dark) {{\n{dark_rules}}}\n")
    return "".join(rules)


def colour_rules(css_class: str, colours: BrandColours | None) -> str:
    if colours is None:
        return ""
    return (
        f".mark.{css_class} {{ background: {colours.logo}; color: {colours.text}; }}\n"
        f".button.{css_class} {{ background: {colours.button} border-box;"
        f" border-color: transparent; color: {colours.text}; }}\n"
    )
