"""Encryption of stored secrets: bound to their context, authenticated, with a ring of keys."""

import time
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.crypto import (
    AbsentKeyRing,
    KeyRing,
    access_token_context,
    destination_token_context,
    part_upload_url_context,
    refresh_token_context,
)
from core.encryption_keys import generate_key
from core.errors import DecryptionFailed, Misconfigured
from platforms.secret import Secret

OLD_KEY, NEW_KEY = Secret(generate_key()), Secret(generate_key())
KEY_RING = KeyRing([("new", NEW_KEY), ("old", OLD_KEY)])
SAMPLE_CONTEXT = access_token_context("tiktok", "open-1", 7)
ENCRYPTED_SAMPLE = KEY_RING.encrypt(Secret("act.canary"), SAMPLE_CONTEXT)

contexts = st.lists(st.text(), min_size=1, max_size=5).map(tuple)
secrets = st.text(min_size=1)


def decrypt_or_none(encrypted, context=SAMPLE_CONTEXT, key_ring=KEY_RING):
    try:
        return key_ring.decrypt(encrypted, context).reveal()
    except DecryptionFailed:
        return None


@given(secrets, contexts)
def test_what_is_encrypted_decrypts_again(text, context):
    assert KEY_RING.decrypt(KEY_RING.encrypt(Secret(text), context), context).reveal() == text


@pytest.mark.parametrize("text", [" ", "é漢字🎬", "\ud800", "x" * 65_536, "a.b:c"])
def test_unusual_and_long_secrets_are_decrypted_unchanged(text):
    assert decrypt_or_none(KEY_RING.encrypt(Secret(text), SAMPLE_CONTEXT)) == text


@given(contexts, contexts)
def test_another_context_does_not_decrypt(context, other_context):
    encrypted = KEY_RING.encrypt(Secret("canary"), context)
    is_decrypted = decrypt_or_none(encrypted, other_context) == "canary"
    assert is_decrypted == (context == other_context)


def test_a_failure_does_not_say_why_decryption_failed():
    for encrypted in ["x", ENCRYPTED_SAMPLE[:-1], ENCRYPTED_SAMPLE.replace("new", "gone")]:
        with pytest.raises(DecryptionFailed) as caught:
            KEY_RING.decrypt(encrypted, SAMPLE_CONTEXT)
        assert str(caught.value) == DecryptionFailed.__doc__
        assert caught.value.details == {}
        assert caught.value.__suppress_context__ or caught.value.__context__ is None


def test_parts_of_a_context_cannot_be_joined_or_split():
    encrypted = KEY_RING.encrypt(Secret("canary"), ("table", "column"))
    for other in [
        ("tablecolumn",),
        ("table", "column", ""),
        ("table,column",),
        ("tab", "lecolumn"),
    ]:
        assert decrypt_or_none(encrypted, other) is None


@given(st.data())
def test_a_single_changed_character_does_not_decrypt(data):
    at = data.draw(st.integers(0, len(ENCRYPTED_SAMPLE) - 1))
    character = data.draw(st.characters(codec="utf-8"))
    changed = ENCRYPTED_SAMPLE[:at] + character + ENCRYPTED_SAMPLE[at + 1 :]
    assert (decrypt_or_none(changed) is None) == (changed != ENCRYPTED_SAMPLE)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_changed_bit_in_any_part_does_not_decrypt(part):
    prefix, encoded = ENCRYPTED_SAMPLE.rsplit(".", 1)
    parts = [bytearray(b64decode(text)) for text in encoded.split(":")]
    parts[part][-1] ^= 1
    changed = ":".join(b64encode(value).decode() for value in parts)
    assert decrypt_or_none(f"{prefix}.{changed}") is None


def test_a_value_under_another_key_id_does_not_decrypt_even_if_the_keys_are_equal():
    twins = KeyRing([("a", NEW_KEY), ("b", NEW_KEY)])
    encrypted = twins.encrypt(Secret("canary"), SAMPLE_CONTEXT)
    assert decrypt_or_none(encrypted, key_ring=twins) == "canary"
    assert decrypt_or_none(encrypted.replace("v1.a.", "v1.b."), key_ring=twins) is None


def test_another_key_does_not_decrypt():
    assert decrypt_or_none(ENCRYPTED_SAMPLE, key_ring=KeyRing([("new", OLD_KEY)])) is None
    assert decrypt_or_none(ENCRYPTED_SAMPLE, key_ring=KeyRing([("old", NEW_KEY)])) is None


def test_old_keys_decrypt_and_the_first_encrypts():
    before = KeyRing([("old", OLD_KEY)]).encrypt(Secret("canary"), SAMPLE_CONTEXT)
    assert decrypt_or_none(before) == "canary"
    assert (
        KEY_RING.key_id(before),
        KEY_RING.key_id(ENCRYPTED_SAMPLE),
        KEY_RING.current_key_id,
    ) == ("old", "new", "new")


@pytest.mark.parametrize(
    "text", ["v1", "v1.new", "v1.new.a:b", "v2.new.a:b:c", "a:b:c", "v1.new.a:b:c:d", "....", ":::"]
)
def test_what_was_never_encrypted_does_not_decrypt(text):
    assert decrypt_or_none(text) is None
    with pytest.raises(DecryptionFailed):
        KEY_RING.key_id(text.replace("v1.new", "v1.new!"))


def test_an_empty_text_is_neither_encrypted_nor_decrypted():
    with pytest.raises(ValueError):
        KEY_RING.encrypt(Secret(""), SAMPLE_CONTEXT)
    with pytest.raises(ValueError):
        KEY_RING.decrypt("", SAMPLE_CONTEXT)


def test_no_two_encryptions_share_an_iv():
    with ThreadPoolExecutor(8) as threads:
        encrypted = list(
            threads.map(lambda _: KEY_RING.encrypt(Secret("same"), SAMPLE_CONTEXT), range(2000))
        )
    assert len({value.split(".")[2].split(":")[0] for value in encrypted}) == 2000
    assert {decrypt_or_none(value) for value in encrypted} == {"same"}


def test_the_format_is_the_documented_one():
    version, key_id, encoded = ENCRYPTED_SAMPLE.split(".")
    iv, tag, ciphertext = (b64decode(part) for part in encoded.split(":"))
    assert (version, key_id, len(iv), len(tag), len(ciphertext)) == ("v1", "new", 12, 16, 10)


def test_the_key_ring_shows_ids_and_no_keys():
    assert repr(KEY_RING) == "KeyRing(new, old)"


def test_a_key_ring_without_keys_names_the_variable():
    with pytest.raises(Misconfigured, match="TOKEN_ENCRYPTION_KEY"):
        KeyRing([])


def test_a_key_ring_reports_whether_it_is_healthy():
    broken = KeyRing([("a", NEW_KEY)])
    assert broken.is_usable()
    broken._keys["a"] = None
    assert not broken.is_usable()


def test_tables_columns_and_rows_have_contexts_of_their_own():
    contexts_of_rows = {
        access_token_context("tiktok", "1", 1),
        refresh_token_context("tiktok", "1", 1),
        part_upload_url_context("tiktok", 1, 0, 1),
        access_token_context("tiktok", "1", 2),
        access_token_context("tiktok", "2", 1),
        access_token_context("instagram", "1", 1),
    }
    assert len(contexts_of_rows) == 6


def test_the_token_of_a_destination_is_bound_to_its_column_as_before():
    column = ("instagram_accounts", "page_access_token_encrypted")
    assert destination_token_context("instagram", "178", 7) == (*column, "instagram", "178", "7")
    with pytest.raises(KeyError):
        destination_token_context("tiktok", "178", 7)


def fastest_time(call, times=300):
    """The shortest of many durations, in seconds; other load only makes them longer."""
    durations = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        durations.append(time.perf_counter() - start)
    return min(durations)


def test_the_time_does_not_depend_on_the_content():
    texts = [Secret("a" * 4096), Secret("zZ09-_.~" * 512), Secret("\0" * 4096)]
    encryption_times = [
        fastest_time(lambda text=text: KEY_RING.encrypt(text, SAMPLE_CONTEXT)) for text in texts
    ]
    assert max(encryption_times) < 3 * min(encryption_times)
    encrypted = [KEY_RING.encrypt(text, SAMPLE_CONTEXT) for text in texts]
    decryption_times = [
        fastest_time(lambda text=text: KEY_RING.decrypt(text, SAMPLE_CONTEXT)) for text in encrypted
    ]
    assert max(decryption_times) < 3 * min(decryption_times)


def test_a_failure_takes_as_long_wherever_the_changed_byte_is():
    prefix, encoded = ENCRYPTED_SAMPLE.rsplit(".", 1)
    iv, tag, ciphertext = (b64decode(part) for part in encoded.split(":"))
    wrong_tags = [bytes([tag[0] ^ 1]) + tag[1:], tag[:-1] + bytes([tag[-1] ^ 1])]
    changed = [
        f"{prefix}." + ":".join(b64encode(part).decode() for part in (iv, wrong_tag, ciphertext))
        for wrong_tag in wrong_tags
    ]
    failure_times = [fastest_time(lambda value=value: decrypt_or_none(value)) for value in changed]
    assert max(failure_times) < 3 * min(failure_times)


def test_ids_are_hashed_with_each_key_and_for_each_platform():
    new, old = KEY_RING.hash_id("tiktok", "open-1")
    assert KeyRing([("new", OLD_KEY)]).hash_id("tiktok", "open-1") == (old,)
    assert len({new, old, *KEY_RING.hash_id("instagram", "open-1")}) == 4
    assert "open-1" not in new


def test_keys_that_a_role_may_not_hold_fail_at_each_use_and_not_before():
    absent = AbsentKeyRing()
    uses = (
        lambda: absent.encrypt(Secret("x"), SAMPLE_CONTEXT),
        lambda: absent.decrypt("v1.1.x", SAMPLE_CONTEXT),
        lambda: absent.hash_id("tiktok", "1"),
    )
    for use in uses:
        with pytest.raises(Misconfigured, match="role"):
            use()
    assert not absent.is_usable()
    assert repr(absent) == "AbsentKeyRing()"
