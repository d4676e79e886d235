curl --request POST \
  --url https://openapi.imini.ai/imini/router/v1/videos/generate \
  --header 'Authorization: Bearer <token>' \
  --header 'Content-Type: application/json' \
  --data '
{
  "model": "dashscope/happyhorse-1.0",
  "prompt": "A miniature city built from cardboard and bottle caps comes alive at night, with a cardboard train rolling past lit by tiny string lights.",
  "resolution": "720P",
  "aspect_ratio": "16:9",
  "duration": 5
}
'
