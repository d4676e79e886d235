curl --request GET \
  --url https://openapi.imini.ai/imini/router/v1/videos/tasks/{task_id} \
  --header 'Authorization: Bearer <token>'
