"""What pages say of TikTok's posts, and TikTok's own publishing page.

The page is not the general form: TikTok asks for a consent in its own sentences, for choices that
depend on the creator, and that nothing is preset.

Source: TikTok, content-sharing-guidelines, read 2026-11-22.
"""

from pathlib import Path

from platforms.platform import OwnPage, PublishForm
from platforms.publishing import Capability
from platforms.tiktok.composer import BLOCK

FORM = PublishForm(
    kind_labels={
        "INBOX_VIDEO": "Video, to the inbox",
        "DIRECT_VIDEO": "Video, posted directly",
        "INBOX_PHOTO": "Photos, to the inbox",
        "DIRECT_PHOTO": "Photos, posted directly",
    },
    phase_labels={
        "PROCESSING_UPLOAD": "it is being processed",
        "PROCESSING_DOWNLOAD": "the file is being fetched",
        "SEND_TO_USER_INBOX": "it is in your inbox",
        "PUBLISH_COMPLETE": "it is published",
        "FAILED": "it failed",
    },
    capability_labels={
        Capability.DRAFT: "inboxUpload",
        Capability.PUBLISH: "directPost",
        Capability.INSIGHTS: "analytics",
    },
    quota_labels={
        "drafts": "Drafts in the inbox",
        "direct": "Direct posts in 24 hours",
        "starts": "Starts in this minute",
        "users": "Accounts that may post directly in a day until TikTok has audited this app",
    },
    draft_label="In TikTok inbox",
    draft_icon="inbox",
    draft_sentence=(
        "It is in your %(platform)s inbox. Open the %(platform)s app to finish the post."
    ),
    page=OwnPage(folder=Path(__file__).parent / "pages"),
    block=BLOCK,
)
