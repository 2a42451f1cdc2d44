"""Between arrival and processing: a film is looked at, if films are, and then takes its course."""

from platforms.sandbox.agenda import in_background
from platforms.sandbox.tiktok import course, lint
from platforms.sandbox.tiktok.films import Film
from platforms.sandbox.tiktok.posts import Post
from platforms.sandbox.tiktok.reel import Reel
from platforms.sandbox.tiktok.state import TikTok


def a_reel(tiktok: TikTok, size: int) -> Reel | None:
    """To keep a film of that many bytes for the look; None if nobody is going to look."""
    return Reel(size) if tiktok.settings.strict_media else None


def begin(tiktok: TikTok, post: Post) -> None:
    """All of it is there. Returns at once; only a film that nobody has seen yet takes longer."""
    known = tiktok.films.known(post.sha256)
    if post.reel is None:
        course.process(tiktok, post)
    elif known:
        judge(tiktok, post, known)
    else:
        in_background(lambda: look(tiktok, post, post.reel))


def look(tiktok: TikTok, post: Post, reel: Reel | None) -> None:
    judge(tiktok, post, tiktok.films.look(post.sha256, reel) if reel else None)


def judge(tiktok: TikTok, post: Post, film: Film | None) -> None:
    drop(post)
    with tiktok.lock:
        post.film, post.is_seen = film, True
        lint.watch(tiktok, tiktok.creator(post), film)
        course.process(tiktok, post)


def drop(post: Post) -> None:
    if post.reel:
        post.reel.drop()
    post.reel = None


def drop_unfinished(post: Post) -> None:
    """Of an upload whose address has ended. Waits for the chunk that is just coming in."""
    if post.upload:
        with post.upload.lock:
            if post.upload.received < post.upload.size:
                drop(post)
