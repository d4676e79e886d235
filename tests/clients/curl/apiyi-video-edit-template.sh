curl --request POST \
  --url https://api.apiyi.com/wan/api/v1/services/aigc/video-generation/video-synthesis \
  --header 'Authorization: Bearer <token>' \
  --header 'Content-Type: application/json' \
  --header 'X-DashScope-Async: <x-dashscope-async>' \
  --data '
{
  "model": "happyhorse-1.0-video-edit",
  "input": {
    "prompt": "Replace the clothes of the girl in the video with the clothes in the image",
    "media": [
      {
        "type": "video",
        "url": "https://your-cdn.com/source.mp4"
      },
      {
        "type": "reference_image",
        "url": "https://your-cdn.com/new-clothes.png"
      }
    ]
  }
}
'
