"""The surface of TikTok by name, for the log and the faults. Must not know what they do."""

from platforms.sandbox.plays import Endpoint
from platforms.sandbox.tiktok.answers import faulty_envelope, faulty_flat, faulty_upload
from platforms.sandbox.tiktok.authorize import PATH

ENDPOINTS = {
    ("GET", PATH): Endpoint("authorize", faulty_flat),
    ("POST", PATH): Endpoint("consent", faulty_flat),
    ("POST", "/v2/oauth/token/"): Endpoint("token", faulty_flat),
    ("POST", "/v2/oauth/revoke/"): Endpoint("revoke", faulty_flat),
    ("PUT", "/upload"): Endpoint("upload", faulty_upload),
    ("GET", "/v2/user/info/"): Endpoint("user_info", faulty_envelope),
    ("POST", "/v2/video/list/"): Endpoint("video_list", faulty_envelope),
    ("POST", "/v2/video/query/"): Endpoint("video_query", faulty_envelope),
    ("POST", "/v2/post/publish/creator_info/query/"): Endpoint("creator_info", faulty_envelope),
    ("POST", "/v2/post/publish/video/init/"): Endpoint("video_init", faulty_envelope),
    ("POST", "/v2/post/publish/inbox/video/init/"): Endpoint("inbox_init", faulty_envelope),
    ("POST", "/v2/post/publish/content/init/"): Endpoint("content_init", faulty_envelope),
    ("POST", "/v2/post/publish/status/fetch/"): Endpoint("status", faulty_envelope),
    ("POST", "/v2/post/publish/cancel/"): Endpoint("cancel", faulty_envelope),
}
