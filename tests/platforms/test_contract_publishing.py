"""Every adapter publishes each kind of post in steps: exactly once, whichever answer is lost.

The suite is written over steps and their safety. What a post needs is in the platform's profile.
"""

import pytest

from platforms.errors import PlatformError, Unavailable
from platforms.publishing import NO_STEP, RECONCILE_STEP, Safety

WITH_EFFECT = {"drop_after": None, "reset": None, "truncate": None, "http_500": True}
WITHOUT_EFFECT = {"drop_before": None, "http_500": False, "html_200": False, "http_429": False}
"""Kind of fault → `work`, if not the kind's default."""

FAULTS = [
    *(
        pytest.param(kind, work, True, id=f"{kind} with effect")
        for kind, work in WITH_EFFECT.items()
    ),
    *(
        pytest.param(kind, work, False, id=f"{kind} without effect")
        for kind, work in WITHOUT_EFFECT.items()
    ),
]


def lose_answer(account, name, step, endpoint, *, kind, work):
    """Run a post until a step, lose the answer of that step's call, and return the driver.

    An unsafe call is sent once, and whatever may have had an effect is said to be unconfirmed.
    """
    driver = account.start_post(name).run(until=step)
    assert driver.next_step() == step, driver.history
    is_unsafe = driver.publisher.step_safety(step, driver.publication) is Safety.UNSAFE
    options = {} if work is None else {"work": work}
    before = account.sandbox.inject_fault(endpoint, kind, **options)
    error = driver.run_step()
    if is_unsafe:
        assert isinstance(error, PlatformError), (name, error)
        assert len(account.sandbox.log(endpoint)) == before + 1, name
        assert driver.publication.is_unconfirmed or account.posts == [], name
    account.sandbox.control("faults", method="DELETE")
    return driver, is_unsafe


def test_every_kind_of_post_becomes_visible_once(contract_sandbox):
    for name, post in contract_sandbox.profile.posts.items():
        account = contract_sandbox.connect_account()
        driver = account.publish(name)
        assert driver.publication.phase is post.ends_in, name
        assert len(account.posts) == 1, name
        assert driver.errors == [], name
        assert set(driver.history) <= set(driver.publisher.steps)
        assert set(post.calls) <= set(driver.history), name


def test_every_kind_of_the_platform_has_a_post_here(contract_sandbox, contract_account):
    kinds = {post.kind for post in contract_sandbox.profile.posts.values()}
    assert kinds <= set(contract_account.platform.kinds)
    drafts = {name for name in contract_account.platform.kinds if name.startswith("INBOX_PHOTO")}
    assert kinds == set(contract_account.platform.kinds) - drafts


def test_a_post_has_at_most_one_unsafe_step(contract_sandbox, contract_account):
    for name, post in contract_sandbox.profile.posts.items():
        publication = contract_account.start_post(name).publication
        safeties = [
            contract_sandbox.publisher.step_safety(step, publication) for step in post.calls
        ]
        assert safeties.count(Safety.UNSAFE) <= 1, name


@pytest.mark.parametrize(("kind", "work", "has_effect"), FAULTS)
def test_a_lost_answer_leaves_exactly_one_post(contract_sandbox, kind, work, has_effect):
    for name, step, endpoint in list_calls(contract_sandbox):
        account = contract_sandbox.connect_account()
        driver, is_unsafe = lose_answer(account, name, step, endpoint, kind=kind, work=work)
        is_open = driver.publication.is_unconfirmed and not has_effect
        if is_open and step in contract_sandbox.profile.unprovable_steps:
            assert_stays_unconfirmed(driver, step)
            continue
        driver.run()
        assert driver.failure is None, (name, step)
        assert len(account.posts) == 1, (name, step)
        assert driver.publication.phase is contract_sandbox.profile.posts[name].ends_in
        if is_unsafe and has_effect:
            assert driver.history.count(step) == 1, (name, step)


def list_calls(sandbox):
    return [
        (name, step, endpoint)
        for name, post in sandbox.profile.posts.items()
        for step, endpoint in post.calls.items()
    ]


def assert_stays_unconfirmed(driver, step):
    """Nobody can tell whether the post is public: it is not sent again and not called public."""
    for _ in range(5):
        driver.run_step()
    assert driver.publication.is_unconfirmed
    assert driver.history.count(step) == 1
    assert driver.posts == []


def test_a_worker_that_dies_before_it_records_a_step_costs_nothing_but_time(contract_sandbox):
    """The step ran at the platform, and its results are lost with the worker."""
    for name, step, _ in list_calls(contract_sandbox):
        account = contract_sandbox.connect_account()
        driver = account.start_post(name).run(until=step)
        is_unsafe = driver.publisher.step_safety(step, driver.publication) is Safety.UNSAFE
        driver.publisher.run_step(step, driver.publication, driver.tools)
        if is_unsafe:  # core writes down that it began
            driver.change(is_unconfirmed=True, unsafe_at=driver.now)
        driver.run()
        assert len(account.posts) == 1, (name, step)
        assert driver.failure is None, (name, step)


def test_publishing_again_without_looking_makes_two_posts(contract_sandbox):
    """The negative control: the platform publishes whatever is asked of it."""
    for name in contract_sandbox.profile.posts:
        account = contract_sandbox.connect_account()
        for _ in range(2):
            account.start_post(name, text="the same").run()
        assert len(account.posts) == 2, name


def test_the_next_step_is_found_without_a_call(contract_sandbox):
    for name in contract_sandbox.profile.posts:
        driver = contract_sandbox.connect_account().start_post(name)
        for _ in range(20):
            calls = len(contract_sandbox.control("log")["log"])
            step = driver.next_step()
            assert driver.next_step() == step
            assert len(contract_sandbox.control("log")["log"]) == calls
            if step == NO_STEP:
                break
            assert step in {*driver.publisher.steps, RECONCILE_STEP}
            driver.run_step()


def test_a_slow_platform_times_out(contract_sandbox, contract_account):
    name, post = next(iter(contract_sandbox.profile.posts.items()))
    step, endpoint = next(iter(post.calls.items()))
    driver = contract_account.start_post(name)
    contract_sandbox.inject_fault(endpoint, "slow", seconds=4, times=5)
    error = driver.run_step(step)
    assert isinstance(error, Unavailable)  # whoever waited for the answer had none


def test_a_ticket_to_upload_is_not_printed(contract_sandbox, contract_account):
    for name in contract_sandbox.profile.posts:
        driver = contract_account.start_post(name)
        driver.run_step()
        for part in driver.publication.parts:
            if part.upload_url is not None:
                assert part.upload_url.reveal() not in repr(driver.publication)
