"""The sandbox's people, their Pages and their Instagram accounts."""

from dataclasses import dataclass, field

ALL_TASKS = ("ADVERTISE", "ANALYZE", "CREATE_CONTENT", "MESSAGING", "MODERATE", "MANAGE")
TASK_NAMES = frozenset(
    (*ALL_TASKS, *(f"PROFILE_PLUS_{name}" for name in (*ALL_TASKS, "FULL_CONTROL")))
)
FULL_TASKS = frozenset({"MANAGE", "PROFILE_PLUS_FULL_CONTROL"})
TASKS_BY_PERMISSION = {
    "instagram_content_publish": "CREATE_CONTENT",
    "instagram_manage_contents": "CREATE_CONTENT",
    "instagram_manage_comments": "MODERATE",
    "instagram_manage_insights": "ANALYZE",
    "instagram_manage_messages": "MESSAGING",
}
"""Permission → the Page task that its owner needs. Source: Meta, overview, read 2026-11-22."""

ACCOUNT_TYPES = ("BUSINESS", "MEDIA_CREATOR")


@dataclass
class IgAccount:
    """A professional account. `id` names it in paths and webhooks, `app_scoped_id` at logins."""

    id: str
    app_scoped_id: str
    username: str
    name: str = ""
    account_type: str = "BUSINESS"
    profile_picture_url: str = ""
    biography: str = ""
    website: str = ""
    followers_count: int = 1_200
    follows_count: int = 34
    page_id: str | None = None
    is_public: bool = True
    is_restricted: bool = False  # publishing answers 25/2207050
    needs_page_authorization: bool = False  # Page Publishing Authorization or 2FA is missing
    has_trial_reels: bool = True
    # webhook fields by app: "facebook" or "instagram"
    subscribed_fields: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.name = self.name or self.username.capitalize()
        self.profile_picture_url = (
            self.profile_picture_url
            or f"https://scontent.cdninstagram.com/{self.username}.jpg?oh=sandbox"
        )


@dataclass
class Page:
    """A Facebook Page. `tasks`: what each person may do on it, by the person's id."""

    id: str
    name: str
    tasks: dict[str, tuple[str, ...]] = field(default_factory=dict)
    account_id: str | None = None
    business_id: str | None = None
    is_client_page: bool = False  # the portfolio manages it for its owner
    category: str = "Brand"
    # webhook fields of the Facebook app
    subscribed_fields: tuple[str, ...] = ()

    def allows_permission(self, permission: str, person_id: str) -> bool:
        """Return whether the person's tasks on this Page suffice for a permission."""
        tasks, task = set(self.tasks.get(person_id, ())), TASKS_BY_PERMISSION.get(permission)
        return task is None or bool(tasks & {task, f"PROFILE_PLUS_{task}", *FULL_TASKS})


@dataclass
class Person:
    """A person with a Facebook login. `id` is app-scoped."""

    id: str
    name: str
    page_ids: list[str] = field(default_factory=list)
    business_ids: list[str] = field(default_factory=list)
    is_system_user: bool = False  # of a portfolio; nobody signs in as it


@dataclass
class Business:
    """A business portfolio; its Pages name it in `business_id`."""

    id: str
    name: str
    system_user_id: str = ""


@dataclass(frozen=True)
class LoginConfiguration:
    """A configuration of Facebook Login for Business: permissions and the kind of token."""

    id: str
    scopes: tuple[str, ...]
    is_for_system_user: bool = False
