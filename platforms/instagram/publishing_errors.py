"""What the error codes of Instagram's content publishing mean."""

from platforms.instagram.error_meaning import MeaningTable

PUBLISHING_MEANINGS: MeaningTable = {}
