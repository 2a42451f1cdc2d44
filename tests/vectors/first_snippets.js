// The calls by which the first documents validated their endpoints, letter by letter.

// upload
const response = await fetch('/api/tiktok/upload', {
  method: 'POST',
  body: JSON.stringify({
    source: 'PULL_FROM_URL',
    videoUrl: 'https://example.com/video.mp4',
    title: 'Test Video',
    privacy_level: 'PUBLIC_TO_EVERYONE'
  })
});
// Returns: { publish_id, status, quota }

// status
const status = await fetch('/api/tiktok/status/v_pub_abc123');
// Returns: { status, metadata, timestamps }

// webhook
const response = await fetch('/api/webhooks/tiktok', {
  method: 'POST',
  headers: {
    'x-tiktok-signature': 'valid-signature',
    'Content-Type': 'application/json'
  },
  body: JSON.stringify({
    event_type: 'video.publish.complete',
    event_id: 'evt_123',
    publish_id: 'v_pub_abc123',
    post_id: '7123456789'
  })
});
// Returns: { success: true, message: 'Webhook received' }

// worker
const workerResponse = await fetch('/api/workers/webhooks', {
  method: 'POST',
  headers: {
    'Authorization': 'Bearer worker-secret'
  }
});
// Returns: { success: true, processed: 5 }
