"""The name of a browser and its system, as far as its User-Agent tells."""

BROWSERS = {
    "Edg": "Edge",
    "OPR/": "Opera",
    "SamsungBrowser/": "Samsung Internet",
    "Firefox/": "Firefox",
    "FxiOS/": "Firefox",
    "CriOS/": "Chrome",
    "Chrome/": "Chrome",
    "Safari/": "Safari",
}
"""Word in the header → browser. The first that occurs counts: most name others beside their own."""

SYSTEMS = {
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Android": "Android",
    "Windows": "Windows",
    "Mac OS X": "macOS",
    "CrOS": "ChromeOS",
    "Linux": "Linux",
}


def browser_name(user_agent: str | None) -> str | None:
    """Return "Firefox, Linux", or the header itself if it is of no known browser."""
    if not user_agent:
        return None
    known = (
        next((name for word, name in table.items() if word in user_agent), None)
        for table in (BROWSERS, SYSTEMS)
    )
    return ", ".join(name for name in known if name) or user_agent
