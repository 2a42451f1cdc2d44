"""TikTok's endpoints and the names under which they are logged and faults are injected."""

from platforms.sandbox.fault_behaviours import SandboxEndpoint
from platforms.sandbox.tiktok.authorize import AUTHORIZE_PATH
from platforms.sandbox.tiktok.responses import (
    envelope_error_body,
    oauth_error_body,
    upload_error_body,
)

ENDPOINTS = {
    ("GET", AUTHORIZE_PATH): SandboxEndpoint("authorize", oauth_error_body),
    ("POST", AUTHORIZE_PATH): SandboxEndpoint("consent", oauth_error_body),
    ("POST", "/v2/oauth/token/"): SandboxEndpoint("token", oauth_error_body),
    ("POST", "/v2/oauth/revoke/"): SandboxEndpoint("revoke", oauth_error_body),
    ("PUT", "/upload"): SandboxEndpoint("upload", upload_error_body),
    ("GET", "/v2/user/info/"): SandboxEndpoint("user_info", envelope_error_body),
    ("POST", "/v2/video/list/"): SandboxEndpoint("video_list", envelope_error_body),
    ("POST", "/v2/video/query/"): SandboxEndpoint("video_query", envelope_error_body),
    ("POST", "/v2/post/publish/creator_info/query/"): SandboxEndpoint(
        "creator_info", envelope_error_body
    ),
    ("POST", "/v2/post/publish/video/init/"): SandboxEndpoint("video_init", envelope_error_body),
    ("POST", "/v2/post/publish/inbox/video/init/"): SandboxEndpoint(
        "inbox_init", envelope_error_body
    ),
    ("POST", "/v2/post/publish/content/init/"): SandboxEndpoint(
        "content_init", envelope_error_body
    ),
    ("POST", "/v2/post/publish/status/fetch/"): SandboxEndpoint("status", envelope_error_body),
    ("POST", "/v2/post/publish/cancel/"): SandboxEndpoint("cancel", envelope_error_body),
}
