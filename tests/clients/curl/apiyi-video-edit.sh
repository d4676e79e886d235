curl -X POST "https://api.apiyi.com/wan/api/v1/services/aigc/video-generation/video-synthesis" \
  -H "X-DashScope-Async: enable" \
  -H "Authorization: Bearer sk-your-api-key" \
  -H "Content-Type: application/json" \
  -d '{
    "model": "happyhorse-1.0-video-edit",
    "input": {
      "prompt": "Replace the clothes of the girl in the video with the clothes in the image",
      "media": [
        {"type": "video",           "url": "https://your-cdn.com/source.mp4"},
        {"type": "reference_image", "url": "https://your-cdn.com/new-clothes.png"}
      ]
    },
    "parameters": {"resolution": "720P", "prompt_extend": true, "watermark": true}
  }'
