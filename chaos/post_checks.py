"""Checks of posts: each was published once, or has ended with a stated reason and never was."""

from collections import Counter
from typing import Any

from chaos.campaign_stack import CampaignStack
from chaos.workload import Workload
from tests.flows import instagram_posts, post_kinds

COUNT_POSTS = """
SELECT oauth_account_id, count(*) FROM posts WHERE oauth_account_id = ANY(%s)
 GROUP BY 1 HAVING count(*) > 1
"""
LIST_POSTS = """
SELECT id, title, kind, state, error_code FROM posts WHERE oauth_account_id = ANY(%s)
"""
DRAFT_QUOTA = 5  # drafts that an account may have pending: TikTok's, and so ours


def find_post_violations(stack: CampaignStack, load: Workload) -> tuple[int, list[str]]:
    """Return how many publications there are, and what is wrong."""
    problems = find_repeated_requests(stack, load)
    for user, post_ids in load.kind_posts:
        problems += post_kinds.find_problems(stack.running, user, post_ids)
    problems += instagram_posts.find_problems(stack.running, load.sample_posts)
    publications = 0
    for user in load.busy_users:
        count, more = find_busy_violations(stack, user)
        publications += count
        problems += more
    published = sum(user.count_publications() for user, _ in load.kind_posts)
    published += sum(user.count_publications() for user, _ in load.sample_posts)
    return publications + published, problems


def find_repeated_requests(stack: CampaignStack, load: Workload) -> list[str]:
    """Requests are repeated with one key: nobody who wanted one post may have two."""
    accounts = [user.account_id for user, _ in (*load.users, *load.instagram_users)]
    rows = stack.query(COUNT_POSTS, accounts)
    return [f"account {account}: {count} posts for one key" for account, count in rows]


def find_busy_violations(stack: CampaignStack, user: Any) -> tuple[int, list[str]]:
    """Return the publications of a user with many posts, each with a title of its own."""
    at_platform = [post for post in user.list_platform_posts() if post["kind"] == "direct"]
    published = Counter(post["post_info"].get("title") for post in at_platform if post["published"])
    twice = [post for post in at_platform if post["published"] > 1]
    problems = [f"{post['publish_id']}: published {post['published']} times" for post in twice]
    for post_id, title, kind, state, code in stack.query(LIST_POSTS, [user.account_id]):
        if not kind.startswith("DIRECT"):
            continue
        expected = 1 if state == "PUBLISHED" else 0
        if published[title] != expected or (state != "PUBLISHED" and code is None):
            problems.append(f"post {post_id}: {state} {code or ''}, published {published[title]}")
    drafts = [post for post in user.list_platform_posts() if post["kind"] == "inbox"]
    pending = sum(post["status"] == "SEND_TO_USER_INBOX" for post in drafts)
    if pending > DRAFT_QUOTA:
        problems.append(f"account {user.account_id}: {pending} drafts pending")
    return sum(published.values()), problems
