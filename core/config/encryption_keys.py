"""The keys that seal our secrets, as settings write them. Must not seal anything."""

from core.config.environment import Environment, MalformedSetting, SettingSpec
from core.crypto import KEY_ID_PATTERN, decode_key
from platforms.secret import Secret

EncryptionKeys = tuple[
    tuple[str, Secret], ...
]  # key id and base64 of 32 bytes, the current one first

SINGLE_KEY_ID = "1"  # the id of a key that stands alone; in a ring later, it is listed as `1:…`


def parse_single_key(value: str) -> EncryptionKeys:
    return ((SINGLE_KEY_ID, parse_key(value)),)


def parse_key_list(value: str) -> EncryptionKeys:
    keys = tuple(parse_key_entry(word) for word in value.split(",") if word.strip())
    if len({key_id for key_id, _ in keys}) != len(keys):
        raise MalformedSetting("names an id twice")
    return keys


def parse_key_entry(word: str) -> tuple[str, Secret]:
    key_id, _, key = word.strip().partition(":")
    if not KEY_ID_PATTERN.fullmatch(key_id):
        raise MalformedSetting("must be id:base64,id:base64 with ids of letters, digits, _ and -")
    return key_id, parse_key(key)


def parse_key(value: str) -> Secret:
    try:
        decode_key(Secret(value))
    except ValueError as fault:
        raise MalformedSetting(str(fault)) from None
    return Secret(value)


SINGLE_KEY_SETTING = SettingSpec("TOKEN_ENCRYPTION_KEY", parse_single_key, default=None)
KEY_LIST_SETTING = SettingSpec("TOKEN_ENCRYPTION_KEYS", parse_key_list, default=None)


def read_encryption_keys(environment: Environment) -> EncryptionKeys:
    single_key, key_list = environment.read(SINGLE_KEY_SETTING), environment.read(KEY_LIST_SETTING)
    configured = {SINGLE_KEY_SETTING.name, KEY_LIST_SETTING.name} & environment.configured_names
    if not configured:
        environment.faults[SINGLE_KEY_SETTING.name] = "is missing (`signalpost keygen` makes one)"
    if len(configured) > 1:
        environment.faults[SINGLE_KEY_SETTING.name] = (
            f"excludes {KEY_LIST_SETTING.name}: set one of them"
        )
    return key_list or single_key or ()
