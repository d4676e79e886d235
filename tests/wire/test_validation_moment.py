"""What a provider says of a broken rule, word for word, and when: at submit, or by the task.

The messages of DashScope that were read live stand in its table as they were read; the others follow their pattern.
"""

import pytest

from happyhorse_spec.contract import load_provider, provider_names
from mockserver.settings import Settings

PROVIDERS = {name: load_provider(name) for name in provider_names()}
IMAGE, CLIP = "https://example.com/a.png", "https://example.com/a.mp4"
FRAME = {"type": "first_frame", "url": IMAGE}
REFERENCE = {"type": "reference_image", "url": IMAGE}
VIDEO = {"type": "video", "url": CLIP}
ROUTER = "dashscope/happyhorse-1.0"


def nested(model, media=None, prompt="a horse", **parameters):
    """A request of the form that DashScope has; None leaves a member out."""
    given = {"prompt": prompt, "media": media}
    body = {
        "model": f"happyhorse-{model}",
        "input": {name: value for name, value in given.items() if value is not None},
    }
    return {**body, "parameters": parameters} if parameters else body


def flat(**members):
    return {"model": ROUTER, "prompt": "a horse", **members}


def images(*kinds):
    return [{"url": IMAGE, "reference_type": kind} for kind in kinds]


def without(body, name):
    return {key: value for key, value in body.items() if key != name}


TIERS = "Input should be '1080P' or '720P': parameters.resolution"
RATIOS = "'16:9', '9:16', '4:3', '3:4', '1:1', '5:4', '4:5', '9:21' or '21:9'"
AUDIO = "Input should be 'auto' or 'origin': parameters.audio_setting"
MOST = "List should have at most {} items after validation, not {}: input.media"
NO_BODY = "Required body invalid, please check the request body format."
NO_MODEL = 'Required parameter "model" missing from request.'
NO_INPUT = "Required input parameter missing from request."
NO_OBJECT = "The input parameter requires json format."
NO_URL = "The provided URL does not appear to be valid. Ensure it is correctly formatted."

#: What upstream finds: at submit or by the task. Status, code, message, body.
DASHSCOPE = [
    (400, "InvalidParameter", message, body)
    for message, body in [
        ("Field required: input.prompt", nested("1.0-t2v", prompt=None)),
        ("Field required: input.media", nested("1.0-i2v")),
        ("Field required: input.media", nested("1.1-r2v")),
        ("Field required: input.media.0.type", nested("1.0-i2v", [{"url": IMAGE}])),
        ("Field required: input.media.0.url & Field required: input.media.0.type", nested("1.1-i2v", [{"image": "a"}])),
        ("Input should be a valid list: input.media", nested("1.0-i2v", {})),
        ("Input should be 'first_frame': input.media.0.type", nested("1.1-i2v", [REFERENCE])),
        ("Input should be 'reference_image': input.media.0.type", nested("1.0-r2v", [FRAME])),
        ("Input should be 'video' or 'reference_image': input.media.1.type", nested("1.0-video-edit", [VIDEO, FRAME])),
        ("Multiple first_frame items are not allowed", nested("1.1-i2v", [FRAME, FRAME])),
        (TIERS, nested("1.0-t2v", resolution="720p")),
        (TIERS, nested("1.0-i2v", [FRAME], resolution="480P")),
        (TIERS, nested("1.0-video-edit", [VIDEO], resolution="1280*720")),
        ("Input should be '1080P', '720P' or '480P': parameters.resolution", nested("1.1-t2v", resolution="4K")),
        (f"Field required: input.media & {TIERS}", nested("1.0-i2v", resolution="720p")),
        (f"Input should be {RATIOS}: parameters.ratio", nested("1.1-t2v", ratio="adaptive")),
        ("Duration should be between 3 and 15", nested("1.0-t2v", duration=2)),
        ("Duration should be between 3 and 15", nested("1.0-t2v", duration=16)),
        ("Input should be a valid integer: parameters.duration", nested("1.0-t2v", duration="5")),
        ("Input should be a valid boolean: parameters.watermark", nested("1.0-t2v", watermark="true")),
        ("Input should be a valid dictionary: parameters", {**nested("1.0-t2v"), "parameters": []}),
        (AUDIO, nested("1.0-video-edit", [VIDEO], audio_setting="off")),
        ("Multiple video items are not allowed", nested("1.0-video-edit", [VIDEO, VIDEO])),
        ("Field required: input.media.video", nested("1.0-video-edit", [REFERENCE])),
        ("Input should be 'video' or 'reference_image': input.media.0.type", nested("1.0-video-edit", [FRAME])),
        (MOST.format(5, 6), nested("1.0-video-edit", [VIDEO, *[REFERENCE] * 6])),
        (MOST.format(9, 10), nested("1.0-r2v", [REFERENCE] * 10)),
        (NO_URL, nested("1.0-i2v", [{**FRAME, "url": "C:\\horse.png"}])),
    ]
]  # fmt: skip

_GO = "cannot unmarshal {} into Go struct field ... of type {}"
_NO_PICTURE = "图生视频模型 ... 必须提供图片"
APIYI = [
    (400, "InvalidParameter", "Field required: input.prompt", nested("1.0-t2v", prompt=None)),
    (500, "InvalidParameter", "Field required: input.media", nested("1.1-r2v")),
    (500, "InvalidParameter", _NO_PICTURE, nested("1.0-i2v")),
    (500, "InvalidParameter", _NO_PICTURE, nested("1.0-i2v", [])),
    (500, "InvalidParameter", "Field required: input.media.video", nested("1.0-video-edit", [REFERENCE])),
    (500, "InvalidParameter", "Field required: input.media.reference_image", nested("1.0-video-edit", [VIDEO])),
    (400, "InvalidParameter", "Input should be 'first_frame': input.media.0.type", nested("1.0-i2v", [REFERENCE])),
    (400, "InvalidParameter", "Multiple first_frame items are not allowed", nested("1.0-i2v", [FRAME, FRAME])),
    (400, "InvalidParameter", TIERS, nested("1.1-t2v", resolution="480P")),
    (400, "InvalidParameter", "Duration should be between 2 and 15", nested("1.0-t2v", duration=1)),
    (400, "InvalidParameter", _GO.format("string", "int"), nested("1.0-t2v", duration="5")),
    (400, "InvalidParameter", _GO.format("value", "slice"), nested("1.0-i2v", {})),
    (400, "InvalidImageUrl", NO_URL, nested("1.0-i2v", [{**FRAME, "url": "C:\\horse.png"}])),
]

#: What a provider finds before it has a task, whatever the moment; the last two have no other moment.
AT_SUBMIT = {
    "dashscope": [
        (400, "InvalidParameter", "Model not exist.", nested("9.9-t2v")),
        (400, "BadRequest.EmptyModel", NO_MODEL, without(nested("1.0-t2v"), "model")),
        (400, "BadRequest.EmptyInput", NO_INPUT, without(nested("1.0-t2v"), "input")),
        (400, "BadRequest.IllegalInput", NO_OBJECT, {**nested("1.0-t2v"), "input": "a"}),
        (400, "InvalidParameter", NO_BODY, b"{"),
    ],
    "apiyi": [
        (404, "model_unavailable", "no available channel for this model", nested("9.9-t2v")),
        (400, "InvalidParameter", "Field required: model", without(nested("1.0-t2v"), "model")),
        (400, "InvalidParameter", "Field required: input", without(nested("1.0-t2v"), "input")),
        (400, "InvalidParameter", _GO.format("value", "struct"), {**nested("1.0-t2v"), "input": "a"}),
        (400, "InvalidParameter", NO_BODY, b"{"),
    ],
    "imini": [
        (400, "INVALID_PARAMETER", message, body)
        for message, body in [
            ("model is required", without(flat(), "model")),
            (f"model must be '{ROUTER}'", flat(model="happyhorse-1.0-t2v")),
            ("prompt is required", without(flat(), "prompt")),
            ("prompt must be a string", flat(prompt=5)),
            ("prompt must be at most 5000 characters", flat(prompt="a" * 5001)),
            ("resolution must be '720P' or '1080P'", flat(resolution="480P")),
            ("duration must be at least 3", flat(duration=2)),
            ("duration must be at most 15", flat(duration=16)),
            ("duration must be an integer", flat(duration="5")),
            ("resolution must be '720P' or '1080P'; duration must be at most 15", flat(resolution="4K", duration=99)),
            ("aspect_ratio must be '16:9', '9:16', '1:1', '4:3' or '3:4'", flat(aspect_ratio="4:5")),
            (
                "aspect_ratio is only accepted in text-to-video and reference-to-video mode",
                flat(aspect_ratio="1:1", reference_images=images("first_frame")),
            ),
            ("duration is not accepted in video-edit mode", flat(duration=5, reference_videos=[{"url": CLIP}])),
            ("reference_videos must have exactly 1 item in video-edit mode", flat(reference_videos=[])),
            ("reference_images must have at most 9 items", flat(reference_images=images(*["asset"] * 10))),
            ("reference_images.0.reference_type is required", flat(reference_images=[{"url": IMAGE}])),
            ("reference_videos.0.url must be a public URL", flat(reference_videos=[{"url": "data:video/mp4;,A"}])),
            ("Request body is not valid JSON", b"{"),
        ]
    ],
    "acedata": [
        (400, "bad_request", message, body)
        for message, body in [
            ("prompt is required for text-to-video.", {}),
            ("prompt is required for reference-to-video.", {"action": "reference_to_video"}),
            ("prompt is required for video-edit.", {"action": "video_edit"}),
            ("image_url is required for image-to-video.", {"action": "image_to_video"}),
            ("image_urls is required for reference-to-video.", {"action": "reference_to_video", "prompt": "a"}),
            ("video_url is required for video-edit.", {"action": "video_edit", "prompt": "a"}),
            ("action fly is not supported.", {"action": "fly"}),
            (
                "model happyhorse-1.0-i2v is not supported for text-to-video.",
                {"prompt": "a", "model": "happyhorse-1.0-i2v"},
            ),
            ("duration must be between 3 and 15.", {"prompt": "a", "duration": 2}),
            ("duration must be of type integer.", {"prompt": "a", "duration": "5"}),
            ("resolution must be '1080P' or '720P'.", {"prompt": "a", "resolution": "480P", "duration": 2}),
            ("image_url is not a valid URL.", {"action": "image_to_video", "image_url": "a.png"}),
            ("The request body must be a JSON object.", []),
            ("The request body must be a JSON object.", b"{"),
        ]
    ],
}  # fmt: skip


FINDINGS = {"dashscope": DASHSCOPE, "apiyi": APIYI}
ROW = ("status", "code", "message", "body")


def rows(tables, wanted=ROW):
    return [
        pytest.param(
            PROVIDERS[name], *(row[ROW.index(column)] for column in wanted), id=f"{name}-{row[2][:60]}-{number}"
        )
        for name, table in tables.items()
        for number, row in enumerate(table)
    ]


def envelope(provider, answer):
    """Code and message of a refusal, from where the provider puts them; the rest of the envelope is as documented."""
    body = answer.body
    if provider.name == "dashscope":
        assert body.keys() == {"code", "message", "request_id"}
        return body["code"], body["message"]
    if provider.name == "imini":
        assert body["error"].keys() == {"code", "message", "status", "request_id"}
        assert body["error"]["status"] == answer.status
    if provider.name == "acedata":
        assert body.keys() == {"error", "trace_id"}
        assert body["trace_id"] == answer.headers["x-trace-id"]
    return body["error"]["code"], body["error"]["message"]


@pytest.fixture
def observed(wire):
    """A client of the test's session, in which a violation is told by the task."""
    return type(wire)(f"{wire.url},validation=observed")


class TestDocumented:
    @pytest.mark.parametrize(("provider", *ROW), rows(FINDINGS))
    def test_violation_is_refused_at_submit(self, wire, provider, status, code, message, body):
        answer = wire.call(provider, "submit", body)
        assert (answer.status, *envelope(provider, answer)) == (status, code, message)

    @pytest.mark.parametrize(("provider", *ROW), rows(AT_SUBMIT))
    def test_what_no_task_is_made_of_is_refused_too(self, wire, provider, status, code, message, body):
        answer = wire.call(provider, "submit", body)
        assert (answer.status, *envelope(provider, answer)) == (status, code, message)

    def test_type_of_a_refusal_says_where_the_gateway_stopped(self, wire):
        for kind, body in (
            ("task_error", nested("1.0-t2v", duration=1)),
            ("parse_request_failed", nested("1.0-t2v", duration="5")),
            ("build_request_failed", nested("1.0-i2v")),
            ("shell_api_error", nested("9.9-t2v")),
        ):
            assert wire.call(PROVIDERS["apiyi"], "submit", body).body["error"]["type"] == kind

    def test_refused_request_makes_no_task(self, wire):
        wire.call(PROVIDERS["dashscope"], "submit", nested("1.0-t2v", duration=2))
        assert wire.call(PROVIDERS["dashscope"], "list").body["total"] == 0


class TestObserved:
    @pytest.mark.parametrize(("provider", "code", "message", "body"), rows(FINDINGS, ("code", "message", "body")))
    def test_violation_is_accepted_and_fails_the_task_at_its_first_poll(self, observed, provider, code, message, body):
        submitted = observed.call(provider, "submit", body)
        assert (submitted.status, submitted.body["output"]["task_status"]) == (200, "PENDING")
        answer = observed.call(provider, "poll", task_id=submitted.body["output"]["task_id"])
        assert answer.status == 200
        if provider.name == "apiyi":
            assert answer.body["status"] == "failed"
            assert answer.body["error"]["message"] == answer.body["fail_reason"] == f"[{code}] {message}"
        else:
            told = answer.body["output"]
            assert (told["task_status"], told["code"], told["message"]) == ("FAILED", code, message)
            assert "usage" not in answer.body

    @pytest.mark.parametrize(("provider", *ROW), rows(AT_SUBMIT))
    def test_what_no_task_is_made_of_is_refused_all_the_same(self, observed, provider, status, code, message, body):
        answer = observed.call(provider, "submit", body)
        assert (answer.status, *envelope(provider, answer)) == (status, code, message)

    def test_missing_header_and_key_are_refused_all_the_same(self, observed):
        wrong = nested("1.0-t2v", duration=2)
        no_key = observed.call(PROVIDERS["dashscope"], "submit", wrong, without=("Authorization",))
        no_header = observed.call(PROVIDERS["dashscope"], "submit", wrong, without=("X-DashScope-Async",))
        assert (no_key.status, no_header.status) == (401, 403)

    def test_failed_task_never_ran(self, observed):
        dashscope = PROVIDERS["dashscope"]
        task_id = observed.call(dashscope, "submit", nested("1.0-t2v", duration=2)).body["output"]["task_id"]
        observed.call(dashscope, "poll", task_id=task_id)
        record = observed.call(dashscope, "list").body["data"][0]
        assert (record["status"], "start_time" in record) == ("FAILED", False)

    def test_gateway_tells_it_in_upstreams_form_too(self, observed):
        submitted = observed.call(PROVIDERS["apiyi"], "submit", nested("1.0-i2v"))
        task_id = submitted.body["output"]["task_id"]
        told = observed.call(PROVIDERS["apiyi"], "poll_upstream", task_id=task_id).body["output"]
        assert (told["task_status"], told["code"], told["message"]) == ("FAILED", "InvalidParameter", _NO_PICTURE)

    def test_right_request_succeeds(self, observed):
        dashscope = PROVIDERS["dashscope"]
        task_id = observed.call(dashscope, "submit", nested("1.0-t2v")).body["output"]["task_id"]
        told = [observed.call(dashscope, "poll", task_id=task_id).body["output"]["task_status"] for _ in range(2)]
        assert told == ["RUNNING", "SUCCEEDED"]


class TestChoice:
    def test_documented_is_the_default(self, play):
        body = nested("1.0-t2v", duration=2)
        assert play().call(PROVIDERS["dashscope"], "submit", body).status == 400
        assert play(Settings(validation="observed")).call(PROVIDERS["dashscope"], "submit", body).status == 200
