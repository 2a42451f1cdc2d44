"""Everything one can do with numbers, under one name for the edges. Decides nothing itself."""

from core.insights.enrol import enrol
from core.insights.figures import (
    Figures,
    Overview,
    Page,
    of_posts,
    overview,
    sums,
    together,
    videos,
)
from core.insights.history import METRICS, STEPS, Series, series, step_for
from core.insights.sampling import WORK
from core.insights.sweep import Swept, sample

__all__ = [
    "METRICS",
    "STEPS",
    "WORK",
    "Figures",
    "Overview",
    "Page",
    "Series",
    "Swept",
    "enrol",
    "of_posts",
    "overview",
    "sample",
    "series",
    "step_for",
    "sums",
    "together",
    "videos",
]
