"""What the mock sees in the files of a request: breaches in the provider's words, and the shape of the result."""

import json
import threading
from base64 import b64encode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO

import pytest
from PIL import Image

from happyhorse_spec import fetch
from happyhorse_spec.check import media_urls
from happyhorse_spec.contract import load_provider, provider_names
from happyhorse_spec.media import probe_bytes, probe_data_url
from mockserver import inspection
from mockserver.clip import Clip, render
from mockserver.uploads import Upload

PROVIDERS = {name: load_provider(name) for name in provider_names()}
#: The providers whose pictures may be data URLs; the pointer of the first picture in the i2v example of each.
TAKERS = ["apiyi", "dashscope", "imini"]
DASHSCOPE = PROVIDERS["dashscope"]


def picture(width=640, height=480, kind="PNG"):
    file = BytesIO()
    Image.new("RGB", (width, height), (90, 140, 40)).save(file, kind)
    return file.getvalue()


def clip(seconds=4, width=640, height=480):
    return render(Clip(width, height, round(seconds * 24)))


def data_url(file, mime="image/png"):
    return f"data:{mime};base64,{b64encode(file).decode()}"


def request(provider, mode, url, role=None):
    """The first example of a mode with the URL of one file in place of its own."""
    mode = provider.modes[mode]
    example = mode.request.book.schema["examples"][0]
    old = next(old for found, _, old in media_urls(example, mode) if role in (None, found))
    return json.loads(json.dumps(example).replace(json.dumps(old), json.dumps(url)))


def submit(wire, provider, body):
    return wire.call(provider, "submit", body, headers={"X-DashScope-OssResourceResolve": "enable"})


def finish(wire, body):
    """The last answer about a task that is polled to its end."""
    answer = submit(wire, DASHSCOPE, body)
    assert answer.status == 200, answer.raw
    for _ in range(4):
        polled = wire.call(DASHSCOPE, "poll", task_id=answer.body["output"]["task_id"])
    return polled.body


def made(wire, answer):
    """The facts of the clip that a finished task yields."""
    return probe_bytes(wire.send("GET", answer["output"]["video_url"]).raw)


@pytest.fixture
def change(session):
    """Play the test's session by other settings."""

    def set_to(**changes):
        session.settings = session.settings.but(**changes)

    return set_to


@pytest.fixture
def put(session):
    """Store a file as if it had been uploaded; its URL."""

    def store(file, key="folder/file"):
        session.uploads[key] = Upload(probe_bytes(file), session.clock.now())
        return f"oss://{key}"

    return store


#: Case -> a file, and what it is called in the catalogue that two of the providers share.
WRONG = {
    "too small": (picture(299, 400), "InvalidImageResolution"),
    "too wide": (picture(1000, 399), "InvalidImageResolution"),
    "gif": (picture(kind="GIF"), "InvalidImageFormat"),
    "a clip": (clip(), "InvalidImageFormat"),
    "text": (b"hello world!", "InvalidImageFormat"),
    "broken off": (picture()[:-30], "InvalidImageFormat"),
    "too heavy": (picture() + bytes(20 * 2**20), "InvalidFile.Size"),
}


class TestDataUrl:
    @pytest.mark.parametrize("name", TAKERS)
    def test_right_picture_is_taken(self, wire, name):
        assert submit(wire, PROVIDERS[name], request(PROVIDERS[name], "i2v", data_url(picture()))).status == 200

    @pytest.mark.parametrize("case", WRONG)
    def test_wrong_picture_is_refused_at_submit(self, wire, session, case):
        file, code = WRONG[case]
        answer = submit(wire, DASHSCOPE, request(DASHSCOPE, "i2v", data_url(file)))
        assert (answer.status, answer.body["code"]) == (400, code)
        assert session.table.tasks == {}

    @pytest.mark.parametrize("case", ["too small", "gif", "broken off"])
    def test_wrong_picture_fails_the_task_as_observed(self, wire, change, case):
        change(validation="observed")
        file, code = WRONG[case]
        answer = submit(wire, DASHSCOPE, request(DASHSCOPE, "i2v", data_url(file)))
        assert (answer.status, answer.body["output"]["task_status"]) == (200, "PENDING")
        first = wire.call(DASHSCOPE, "poll", task_id=answer.body["output"]["task_id"]).body["output"]
        assert (first["task_status"], first["code"]) == ("FAILED", code)

    @pytest.mark.parametrize(
        ("name", "told"),
        [
            ("apiyi", "The input image is in invalid format."),
            ("dashscope", "The input image is in invalid format."),
            ("imini", "reference_images.0.url cannot be read"),
        ],
    )
    def test_each_provider_has_its_words(self, wire, name, told):
        answer = submit(wire, PROVIDERS[name], request(PROVIDERS[name], "i2v", data_url(WRONG["broken off"][0])))
        assert answer.status == 400
        assert (answer.body.get("error") or answer.body)["message"] == told

    @pytest.mark.parametrize("base64", ["AAAA", "A", "====", "AA=A", "%41%41"])
    def test_what_is_no_file_is_refused(self, wire, base64):
        body = request(DASHSCOPE, "i2v", f"data:image/png;base64,{base64}")
        assert submit(wire, DASHSCOPE, body).status == 400

    def test_each_role_has_its_own_law(self, wire):
        file = data_url(picture(350, 350))
        assert submit(wire, DASHSCOPE, request(DASHSCOPE, "i2v", file)).status == 200
        refused = submit(wire, DASHSCOPE, request(DASHSCOPE, "r2v", file))
        assert (refused.status, refused.body["code"]) == (400, "InvalidImageResolution")

    def test_breach_of_the_body_outweighs_that_of_a_file(self, wire):
        body = request(DASHSCOPE, "i2v", data_url(WRONG["gif"][0]))
        answer = submit(wire, DASHSCOPE, body | {"parameters": {"duration": 99}})
        assert answer.body["code"] == "InvalidParameter"

    def test_others_are_answered_while_a_file_is_decoded(self, wire, monkeypatch):
        looking, may_go_on = threading.Event(), threading.Event()

        def slowly(url):
            looking.set()
            assert may_go_on.wait(10)
            return probe_data_url(url)

        monkeypatch.setattr(inspection, "probe_data_url", slowly)
        answers = []
        body = request(DASHSCOPE, "i2v", data_url(picture()))
        slow = threading.Thread(target=lambda: answers.append(submit(wire, DASHSCOPE, body)))
        slow.start()
        assert looking.wait(10)
        assert wire.call(DASHSCOPE, "list").status == 200
        assert answers == []
        may_go_on.set()
        slow.join(10)
        assert answers[0].status == 200


class TestResult:
    @pytest.mark.parametrize(("width", "height"), [(400, 800), (1000, 500), (600, 600)])
    def test_clip_has_the_shape_of_the_first_frame(self, wire, width, height):
        facts = made(wire, finish(wire, request(DASHSCOPE, "i2v", data_url(picture(width, height)))))
        assert facts["width"] / facts["height"] == pytest.approx(width / height, rel=0.02)

    @pytest.mark.parametrize(("source", "result"), [(4, 4), (14.5, 14.5), (20, 15)])
    def test_edited_clip_is_as_long_as_its_source(self, wire, put, source, result):
        answer = finish(wire, request(DASHSCOPE, "video-edit", put(clip(source)), "video"))
        assert answer["usage"]["output_video_duration"] == result
        assert answer["usage"]["duration"] == 2 * result
        assert made(wire, answer)["duration"] == pytest.approx(result, abs=0.05)

    def test_edited_clip_has_the_shape_of_its_source(self, wire, put):
        facts = made(wire, finish(wire, request(DASHSCOPE, "video-edit", put(clip(4, 400, 800)), "video")))
        assert facts["width"] / facts["height"] == pytest.approx(0.5, rel=0.02)


class TestUploadedFile:
    @pytest.mark.parametrize(
        ("file", "code"),
        [
            (clip(2), "InvalidFile.Duration"),
            (clip(61), "InvalidFile.Duration"),
            (clip(4, 320, 320), "InvalidFile.Resolution"),
            (clip(4, 1200, 400), "InvalidFile.AspectRatio"),
            (picture(), "InvalidFile.Format"),
            (clip()[:-50], "InvalidFile.Openerror"),
        ],
        ids=["too short", "too long", "too small", "too wide", "a picture", "broken off"],
    )
    def test_wrong_clip_is_refused(self, wire, put, file, code):
        answer = submit(wire, DASHSCOPE, request(DASHSCOPE, "video-edit", put(file), "video"))
        assert (answer.status, answer.body["code"]) == (400, code)

    def test_unreadable_upload_is_refused(self, wire, session):
        session.uploads["folder/file"] = Upload(None, session.clock.now())
        answer = submit(wire, DASHSCOPE, request(DASHSCOPE, "i2v", "oss://folder/file"))
        assert (answer.status, answer.body["code"]) == (400, "InvalidImageFormat")

    @pytest.mark.parametrize("validation", ["documented", "observed"])
    def test_unknown_upload_cannot_be_downloaded(self, wire, change, validation):
        change(validation=validation)
        answer = submit(wire, DASHSCOPE, request(DASHSCOPE, "i2v", "oss://folder/nothing"))
        if validation == "observed":
            answer = wire.call(DASHSCOPE, "poll", task_id=answer.body["output"]["task_id"])
        told = answer.body.get("output", answer.body)
        assert (told["code"], told["message"]) == ("InvalidParameter", "Failed to download oss://folder/nothing")

    @pytest.mark.parametrize("spelt", ["oss://", "oss:\\/\\/", "\\u006fss://"])
    def test_url_without_the_header_is_refused(self, wire, put, spelt):
        body = json.dumps(request(DASHSCOPE, "i2v", put(picture()))).replace("oss://", spelt).encode()
        answer = wire.call(DASHSCOPE, "submit", body)
        assert (answer.status, answer.body["code"]) == (400, "InvalidParameter.DataInspection")


@contextmanager
def web(answers):
    """A web server: path -> file, or path -> where it redirects to; anything else is not there."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            found = answers.get(self.path)
            self.send_response(404 if found is None else 302 if isinstance(found, str) else 200)
            if isinstance(found, str):
                self.send_header("Location", found)
            self.end_headers()
            if isinstance(found, bytes):
                self.wfile.write(found)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        server.server_close()


class TestHttpUrl:
    def test_is_not_looked_at_unless_asked_for(self, wire):
        with web({}) as (url, asked):
            assert submit(wire, DASHSCOPE, request(DASHSCOPE, "i2v", f"{url}/none.png")).status == 200
        assert asked == []

    @pytest.mark.parametrize(("file", "status"), [(picture(), 200), (picture(100, 100), 400), (b"", 400)])
    def test_is_judged_when_asked_for(self, wire, change, file, status):
        change(fetch_media=True)
        with web({"/a.png": file}) as (url, _):
            assert submit(wire, DASHSCOPE, request(DASHSCOPE, "i2v", f"{url}/a.png")).status == status

    def test_shapes_the_result(self, wire, change):
        change(fetch_media=True)
        with web({"/a.png": picture(400, 800)}) as (url, _):
            facts = made(wire, finish(wire, request(DASHSCOPE, "i2v", f"{url}/a.png")))
        assert facts["width"] / facts["height"] == pytest.approx(0.5, rel=0.02)

    @pytest.mark.parametrize("name", PROVIDERS)
    def test_failure_is_told_in_the_providers_words(self, wire, change, name):
        change(fetch_media=True)
        provider = PROVIDERS[name]
        error = provider.errors[provider.data["refusals"]["download"]]
        with web({}) as (url, asked):
            answer = submit(wire, provider, request(provider, "i2v", f"{url}/none.png"))
        assert asked == ["/none.png"]
        assert answer.status == error.status
        assert error.message.format(url=f"{url}/none.png", detail="download") in json.dumps(answer.body)

    @pytest.mark.parametrize(("hops", "status"), [(3, 200), (4, 400)])
    def test_three_redirects_are_followed(self, wire, change, hops, status):
        change(fetch_media=True)
        pages = {f"/{hop}": f"/{hop - 1}" for hop in range(1, hops + 1)} | {"/0": picture()}
        with web(pages) as (url, _):
            assert submit(wire, DASHSCOPE, request(DASHSCOPE, "i2v", f"{url}/{hops}")).status == status

    def test_too_much_is_not_read(self, wire, change, monkeypatch):
        change(fetch_media=True)
        monkeypatch.setattr(fetch, "MAX_BYTES", 100_000)
        with web({"/a.png": picture() + bytes(100_000)}) as (url, _):
            answer = submit(wire, DASHSCOPE, request(DASHSCOPE, "i2v", f"{url}/a.png"))
        assert (answer.status, answer.body["message"]) == (400, f"Failed to download {url}/a.png")

    def test_silence_is_not_waited_for(self, wire, change, monkeypatch):
        change(fetch_media=True)
        monkeypatch.setattr(fetch, "MAX_SECONDS", 0.1)
        with ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler) as silent:
            url = f"http://127.0.0.1:{silent.server_port}/a.png"
            answer = submit(wire, DASHSCOPE, request(DASHSCOPE, "i2v", url))
        assert (answer.status, answer.body["message"]) == (400, f"Failed to download {url}")

    @pytest.mark.parametrize("url", ["http://", "http://[", "http://127.0.0.1:1/a", "http://a b/", "http://\u0000/"])
    def test_url_that_leads_nowhere_is_told(self, wire, change, url):
        change(fetch_media=True)
        assert submit(wire, DASHSCOPE, request(DASHSCOPE, "i2v", url)).status == 400
