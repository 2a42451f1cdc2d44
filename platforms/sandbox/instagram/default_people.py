"""The people, Pages and accounts that a new sandbox starts with, and how more of them are added."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from platforms.sandbox.instagram.facebook_dialog import FACEBOOK_SCOPES, find_business
from platforms.sandbox.instagram.people import (
    ALL_TASKS,
    IgAccount,
    LoginConfiguration,
    Page,
    Person,
)
from platforms.sandbox.instagram.state import InstagramState

USER_CONFIGURATION, SYSTEM_USER_CONFIGURATION = "1000000000000001", "1000000000000002"
ACCOUNT_TRAITS = frozenset(field.name for field in fields(IgAccount)) - {"page_id"}
PAGE_TRAITS = frozenset(
    {"id", "name", "category", "is_client_page", "tasks", "account", "business"}
)
PERSON_TRAITS = frozenset({"id", "name", "pages", "accounts"})


ADA = {
    "id": "10150000000000001",
    "name": "Ada",
    "pages": [
        {
            "id": "61550000000000001",
            "name": "Ada's bakery",
            "account": {"id": "17841400000000001", "username": "ada.bakes"},
        },
        {
            "id": "61550000000000002",
            "name": "Ada's studio (portfolio)",
            "business": True,
            "account": {
                "id": "17841400000000002",
                "username": "ada.studio",
                "account_type": "MEDIA_CREATOR",
            },
        },
        {"id": "61550000000000003", "name": "Ada's club (no Instagram)"},
    ],
}
GRACE = {
    "id": "10150000000000002",
    "name": "Grace",
    "pages": [
        {
            "id": "61550000000000004",
            "name": "Grace's garden (analyst only)",
            "tasks": ["ANALYZE"],
            "account": {"id": "17841400000000003", "username": "grace.grows"},
        }
    ],
    "accounts": [{"id": "17841400000000004", "username": "grace.alone"}],
}
LINUS = {"id": "10150000000000003", "name": "Linus (no Pages)"}


def add_default_people(state: InstagramState) -> None:
    """Add people whose Pages show what a login can meet, and two login configurations."""
    for configuration in (
        LoginConfiguration(USER_CONFIGURATION, FACEBOOK_SCOPES),
        LoginConfiguration(SYSTEM_USER_CONFIGURATION, FACEBOOK_SCOPES, is_for_system_user=True),
    ):
        state.configurations[configuration.id] = configuration
    for traits in (ADA, GRACE, LINUS):
        add_person(state, traits)


def add_person(state: InstagramState, traits: Mapping[str, Any]) -> dict[str, Any]:
    """Add a person with Pages and accounts, and return the ids of all. Errors: ValueError.

    `pages`: each with `name` and optionally `account`, `tasks`, `business` (it belongs to the
    person's portfolio) and `is_client_page`. `accounts`: professional accounts without a Page.
    """
    check_names(traits, PERSON_TRAITS)
    person = Person(traits.get("id") or state.new_id("1015"), traits.get("name") or "Nobody")
    state.people[person.id] = person
    pages = [add_page(state, person, page) for page in traits.get("pages") or ()]
    accounts = [add_account(state, account, None) for account in traits.get("accounts") or ()]
    page_accounts = [page.account_id for page in pages if page.account_id]
    return {
        "person_id": person.id,
        "page_ids": [page.id for page in pages],
        "account_ids": [*page_accounts, *(account.id for account in accounts)],
        "business_ids": list(person.business_ids),
    }


def add_page(state: InstagramState, person: Person, traits: Mapping[str, Any]) -> Page:
    check_names(traits, PAGE_TRAITS)
    page = Page(
        traits.get("id") or state.new_id("6155"),
        traits.get("name") or "A Page",
        {person.id: tuple(traits.get("tasks") or ALL_TASKS)},
        category=traits.get("category") or "Brand",
        is_client_page=bool(traits.get("is_client_page")),
    )
    if traits.get("business"):
        page.business_id = find_business(state, person).id
    state.pages[page.id] = page
    person.page_ids.append(page.id)
    if traits.get("account") is not None:
        page.account_id = add_account(state, traits["account"], page.id).id
    return page


def add_account(state: InstagramState, traits: Mapping[str, Any], page_id: str | None) -> IgAccount:
    check_names(traits, ACCOUNT_TRAITS)
    account_id = str(traits.get("id") or state.new_id("17841"))
    defaults = {"app_scoped_id": state.new_id("2540"), "username": f"account{account_id[-6:]}"}
    account = IgAccount(**{**defaults, **traits, "id": account_id, "page_id": page_id})
    state.accounts[account.id] = account
    return account


def check_names(traits: Mapping[str, Any], names: frozenset[str]) -> None:
    if unknown := sorted(set(traits) - names):
        raise ValueError(f"{unknown[0]}: unknown; has to be one of {', '.join(sorted(names))}")
