"""Durations as operators read them: short, with units that are the same in every language."""

NO_VALUE = "\N{EN DASH}"  # stands where there is nothing to show
SECONDS_PER_MINUTE, SECONDS_PER_HOUR, SECONDS_PER_DAY = 60, 3600, 86_400


def format_seconds(seconds: float) -> str:
    """Format 0.4 as 0.4 s, 131 as 2 min 11 s, 7400 as 2 h 3 min, 180000 as 2 d 2 h."""
    if seconds < SECONDS_PER_MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{int(seconds)} s"  # noqa: PLR2004 - digits
    whole = int(seconds)
    if whole < SECONDS_PER_HOUR:
        return f"{whole // SECONDS_PER_MINUTE} min {whole % SECONDS_PER_MINUTE} s"
    if whole < SECONDS_PER_DAY:
        minutes = whole % SECONDS_PER_HOUR // SECONDS_PER_MINUTE
        return f"{whole // SECONDS_PER_HOUR} h {minutes} min"
    hours = whole % SECONDS_PER_DAY // SECONDS_PER_HOUR
    return f"{whole // SECONDS_PER_DAY} d {hours} h"
