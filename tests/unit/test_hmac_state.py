"""HMACs with a key that was read before are those of Python's `hmac`."""

import hmac
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from platforms.hmac_state import HmacState


def python_digest(key, message):
    return hmac.new(key, message, "sha256").hexdigest()


@given(st.binary(max_size=200), st.binary(max_size=300))
def test_a_digest_is_that_of_python_for_any_key_and_message(key, message):
    assert HmacState(key).hex_digest(message) == python_digest(key, message)


def test_keys_around_the_size_of_a_block_are_padded_or_hashed():
    for size in (0, 1, 63, 64, 65, 128, 1000):
        assert HmacState(b"k" * size).hex_digest(b"m") == python_digest(b"k" * size, b"m")


def test_a_vector_of_rfc_4231():
    digest = HmacState(b"Jefe").hex_digest(b"what do ya want for nothing?")
    assert digest == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"


def test_a_message_leaves_the_state_as_it_was():
    state = HmacState(b"key")
    messages = [str(number).encode() for number in range(500)]
    with ThreadPoolExecutor(4) as threads:
        digests = list(threads.map(state.hex_digest, messages))
    assert digests == [python_digest(b"key", message) for message in messages]
