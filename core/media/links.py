"""Links to media files of ours, from which a platform downloads them without a login."""

from urllib.parse import quote

from core.bootstrap import Services
from core.media.file_names import link_filename
from core.media.signed_urls import sign_media_token

MEDIA_LINK_PATH = "/m/{token}/{name}"
"""The path of `app.api.media_links.serve_media`."""


def build_media_link(
    services: Services, media_id: int, filename: str, content_type: str = ""
) -> str:
    """Return a URL that works until MEDIA_URL_HOURS have passed. It grants access by itself."""
    expires_at = services.now() + services.settings.limits.media_url_lifetime
    token = sign_media_token(services.settings.secret_key, media_id, expires_at=expires_at)
    name = link_filename(filename, content_type)
    path = MEDIA_LINK_PATH.format(token=token, name=quote(name, safe=""))
    return services.settings.public_url.rstrip("/") + path
