"""PKCE in TikTok's variant: the challenge is lower-case hex, not base64url.

Source: TikTok, login-kit-desktop, and PKCEUtils.kt of its Android SDK, read 2026-11-22.
"""

import re
from hashlib import sha256

CHALLENGE_PATTERN = re.compile(r"[0-9a-f]{64}")
VERIFIER_PATTERN = re.compile(r"[A-Za-z0-9._~-]{1,128}")
MIN_VERIFIER_LENGTH = 43  # documented; TikTok's own SDK sends 32, so it is not enforced by default


def is_challenge(challenge: str, method: str) -> bool:
    return method == "S256" and CHALLENGE_PATTERN.fullmatch(challenge) is not None


def is_valid_verifier(verifier: str, challenge: str, *, strict: bool) -> bool:
    long_enough = len(verifier) >= (MIN_VERIFIER_LENGTH if strict else 1)
    well_formed = long_enough and VERIFIER_PATTERN.fullmatch(verifier) is not None
    return well_formed and sha256(verifier.encode()).hexdigest() == challenge
