"""Writes the tables of fidelity.md: what the mock plays, from where it is known, and which test proves it.

Facts come from schemas/, so that the page cannot say what the mock does not play; here are the rows only, and the tests
that prove them. `make docs` writes the page anew; a test fails where the page is older than the data.
"""

# ruff: noqa: E501 - a row of a table is a line

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pages import PROVIDERS, cite, lines, renewed, title

from happyhorse_spec.contract import Provider
from happyhorse_spec.wording import span_of_time

PAGE = Path(__file__).with_name("fidelity.md")
Cell = Callable[[Provider], str]


class Row(NamedTuple):
    """One behaviour: what each provider's data say of it, and the tests that prove it (relative to tests/)."""

    title: str
    cell: Cell
    tests: str


def endpoint(*names: str) -> Cell:
    def cell(provider: Provider) -> str:
        found = [provider.endpoints[name] for name in names if name in provider.endpoints]
        return lines(f"`{entry.method} {entry.path}` {cite(entry.data['source'])}" for entry in found)

    return cell


def required_headers(provider: Provider) -> str:
    found = [header for entry in provider.endpoints.values() for header in entry.data.get("headers", ())]
    return lines(f"`{entry['name']}: {entry['const']}` {cite(entry['source'])}" for entry in found)


def key(provider: Provider) -> str:
    entry = provider.data["key"]
    return f"`{entry['header']}: {entry['scheme']} …` {cite(entry['source'])}"


def states(provider: Provider) -> str:
    words = ", ".join(dict.fromkeys(provider.data["states"].values()))
    return f"{words} {cite(provider.endpoints['poll'].data['source'])}"


def progress(provider: Provider) -> str:
    entry = provider.data.get("progress")
    if not entry:
        return ""
    steps = [entry["pending"], *entry["running"].values(), entry["succeeded"]]
    return f"{', '.join(str(step) for step in dict.fromkeys(steps))} {cite(entry['source'])}"


def moment(word: str) -> Cell:
    def cell(provider: Provider) -> str:
        entry = provider.data["validation"].get(word)
        default = " (default)" if provider.data["validation"]["default"] == word else ""
        return f"yes{default} {cite(entry['source'])}" if entry else ""

    return cell


def limits(unit: str, show: str, default: str = "model") -> Cell:
    def cell(provider: Provider) -> str:
        found = {name: entry for name, entry in provider.data["limits"].items() if unit in entry}
        return lines(
            show.format(name=name, number=entry[unit], per=entry.get("per", default)) + f" {cite(entry['source'])}"
            for name, entry in found.items()
        )

    return cell


def fact(group: str, name: str, show: Callable[[Any], str] = str) -> Cell:
    def cell(provider: Provider) -> str:
        entry = provider.data.get(group, {}).get(name)
        return f"{show(entry['value'])} {cite(entry['source'])}" if entry else ""

    return cell


def file_of(role: str) -> Cell:
    """What a file in that role is judged by."""

    def cell(provider: Provider) -> str:
        rules = provider.media[role].book.rules
        facts = dict.fromkeys(rule.place[-1].replace("_", " ") for rule in rules if rule.place)
        return f"{', '.join(facts)} {cite(dict.fromkeys(source.key for rule in rules for source in rule.sources))}"

    return cell


def delivery(how: str) -> Cell:
    def cell(provider: Provider) -> str:
        found = [entry for entry in provider.endpoints["submit"].data.get("delivery", ()) if entry["how"] == how]
        words = [f"`Accept: {entry['accept']}`" if "accept" in entry else "yes" for entry in found]
        return lines(f"{word} {cite(entry['source'])}" for word, entry in zip(words, found, strict=True))

    return cell


def callback(provider: Provider) -> str:
    entry = provider.data.get("callback")
    return f"`{entry['url'].strip('/')}` {cite(entry['source'])}" if entry else ""


def profiles(provider: Provider) -> str:
    return lines(f"`{name}` {cite(entry['source'])}" for name, entry in provider.data.get("profiles", {}).items())


def signature(provider: Provider) -> str:
    ids = provider.data["ids"]
    return f"{'signed, expires' if '{signature}' in ids['video_url'] else 'open'} {cite(ids['source'])}"


def cover(provider: Provider) -> str:
    ids = provider.data["ids"]
    return f"JPEG {cite(ids['source'])}" if "cover_url" in ids else ""


def grammar(provider: Provider) -> str:
    entry = provider.data["grammar"]
    return f"`{entry['enum'].replace('|', '/')}` {cite(entry['source'])}"


def refusal(noticed: str) -> Cell:
    def cell(provider: Provider) -> str:
        error = provider.errors.get(provider.data["refusals"].get(noticed, ""))
        return f"{error.status} `{error.code}` {cite(source.key for source in error.sources)}" if error else ""

    return cell


def full(provider: Provider) -> str:
    """What a submit gets where no place is left; a provider without a limit of its queue lets it wait."""
    if "queued" in provider.data["limits"]:
        return refusal("queue_full")(provider)
    return refusal("running_full")(provider)


def unknown_task(provider: Provider) -> str:
    poll = provider.endpoints["poll"]
    if "unknown" not in poll.answers:
        return refusal("unknown_task")(provider)
    word = provider.data["states"].get("unknown")
    return f"{poll.answers['unknown']} `{word or '{}'}` {cite(poll.data['source'])}"


def catalogue(provider: Provider) -> str:
    sources = {source.key for error in provider.errors.values() for source in error.sources}
    return f"{len(provider.errors)} {cite(name for name in provider.sources if name in sources)}"


TABLES: dict[str, list[Row]] = {
    "endpoints": [
        Row("submit", endpoint("submit"), "wire/test_providers.py::test_plays_a_task_from_submit_to_the_clip"),
        Row("poll", endpoint("poll", "poll_upstream"), "wire/test_providers.py::test_plays_a_task_from_submit_to_the_clip wire/test_validation_moment.py::TestObserved::test_gateway_tells_it_in_upstreams_form_too"),
        Row("poll many", endpoint("batch"), "clients/test_mcp_happyhorse.py::test_a_batch_moves_tasks_until_they_are_settled"),
        Row("cancel, PENDING only", endpoint("cancel"), "clients/test_dashscope.py::test_a_pending_task_is_canceled_once clients/test_dashscope.py::test_a_running_task_is_not_canceled"),
        Row("list", endpoint("list"), "wire/test_listing.py::test_row_has_the_members_of_the_page wire/test_listing.py::test_filters_by_what_a_row_says wire/test_listing.py::test_window_is_the_day_that_is_asked_for wire/test_listing.py::test_query_that_the_page_does_not_allow_is_refused wire/test_listing.py::test_pages clients/test_dashscope.py::test_list_pages_and_filters_the_tasks_newest_first"),
        Row("upload", endpoint("upload_policy"), "clients/test_dashscope_upload.py::test_a_picture_on_disk_becomes_the_first_frame"),
        Row("temporary key", endpoint("token"), "wire/test_limits.py::TestLifetime::test_temporary_key_lives_as_long_as_it_was_asked_for"),
        Row("model limits", endpoint("limits"), "wire/test_openapi_fuzz.py::test_gets_every_endpoint_to_do_its_work"),
        Row("key", key, "wire/test_providers.py::test_refuses_as_documented"),
        Row("required headers", required_headers, "wire/test_providers.py::test_refuses_a_submit_without_its_required_headers wire/test_inspection.py::TestUploadedFile::test_url_without_the_header_is_refused"),
    ],
    "tasks": [
        Row("state words", states, "wire/test_providers.py::test_says_that_a_task_is_queued_before_it_runs"),
        Row("progress", progress, "unit/test_law_apiyi.py::test_an_answer_template_satisfies_its_schema wire/test_callbacks.py::TestStream::test_has_a_line_whenever_there_is_something_to_tell"),
        Row("violation told at submit", moment("documented"), "wire/test_validation_moment.py::TestDocumented::test_violation_is_refused_at_submit"),
        Row("violation told by the task", moment("observed"), "wire/test_validation_moment.py::TestObserved::test_violation_is_accepted_and_fails_the_task_at_its_first_poll"),
        Row("rate (`--limits`)", limits("per_second", "{name} {number}/s per {per}", "account"), "wire/test_limits.py::TestRate::test_sixth_submit_in_a_second_is_refused wire/test_limits.py::TestRate::test_each_model_has_its_own wire/test_limits.py::TestRate::test_each_kind_of_query_has_twenty_in_a_second wire/test_limits.py::TestRate::test_gateway_with_sixty_queries_in_a_second"),
        Row("tasks at once (`--limits`)", limits("tasks", "{number} {name} per {per}"), "wire/test_limits.py::TestPlaces::test_five_of_a_model_run_and_the_rest_waits wire/test_limits.py::TestPlaces::test_token_of_a_gateway_has_ten_places_for_all_its_models wire/test_limits.py::TestPlaces::test_sixth_task_of_a_token_is_refused_where_nothing_waits"),
        Row("a task is known for", fact("retention", "task_seconds", span_of_time), "wire/test_limits.py::TestLifetime::test_task_is_known_to_the_last_second_and_unknown_after_it"),
        Row("unknown task", unknown_task, "wire/test_providers.py::test_answers_an_unknown_task_as_documented"),
        Row("other shapes (`--profile`)", profiles, "unit/test_law_acedata.py::test_a_profile_gives_records_that_are_recognised_by_the_same_state"),
    ],
    "delivery": [
        Row("submit waits for the result", delivery("wait"), "clients/test_acedatacloud.py::test_a_synchronous_submit_is_born_done wire/test_callbacks.py::TestGone::test_wait_ends_in_the_providers_timeout"),
        Row("submit streams", delivery("stream"), "wire/test_callbacks.py::TestStream::test_has_a_line_whenever_there_is_something_to_tell wire/test_callbacks.py::TestStream::test_ends_with_the_error_of_a_task_that_fails"),
        Row("submit answers at once on request", delivery("answer"), "clients/test_acedatacloud.py::test_generate_and_wait_follow_a_task_to_its_video"),
        Row("callback", callback, "wire/test_callbacks.py::TestCallback::test_success_is_what_a_waiting_submit_would_have_got wire/test_callbacks.py::TestCallback::test_failure_has_its_code_and_message wire/test_callbacks.py::TestReceiver::test_that_is_down_is_noted"),
        Row("callback tries", fact("callback", "attempts"), "wire/test_callbacks.py::TestReceiver::test_that_refuses_is_asked_once_and_noted"),
    ],
    "media": [
        Row("first frame judged by", file_of("first_frame"), "wire/test_inspection.py::TestDataUrl::test_wrong_picture_is_refused_at_submit wire/test_inspection.py::TestDataUrl::test_each_provider_has_its_words"),
        Row("reference image judged by", file_of("reference_image"), "wire/test_inspection.py::TestDataUrl::test_each_role_has_its_own_law"),
        Row("image of an edit judged by", file_of("edit_image"), "wire/test_inspection.py::TestDataUrl::test_each_role_has_its_own_law"),
        Row("video judged by", file_of("video"), "wire/test_inspection.py::TestUploadedFile::test_wrong_clip_is_refused"),
        Row("uploads are kept for", fact("retention", "upload_seconds", span_of_time), "wire/test_uploads.py::TestUrl::test_lasts_as_long_as_documented"),
        Row("upload policy is good for", fact("upload", "policy_seconds", span_of_time), "wire/test_uploads.py::TestRefusal::test_policy_ends_after_its_seconds"),
        Row("largest upload, MB", fact("upload", "max_mb"), "wire/test_uploads.py::TestRefusal::test_file_larger_than_the_policy_allows"),
        Row("result URL", signature, "wire/test_signed_urls.py::TestSignature::test_altered_query_is_refused"),
        Row("result is kept for", fact("retention", "result_seconds", span_of_time), "wire/test_signed_urls.py::TestExpiry::test_signed_url_ends_after_its_time wire/test_signed_urls.py::TestExpiry::test_open_url_ends_with_the_file"),
        Row("a key sent to the storage is", fact("result", "authorization"), "wire/test_signed_urls.py::TestRefusal::test_key_on_a_download_is_refused_where_the_provider_says_so"),
        Row("frames per second", fact("result", "fps"), "wire/test_result.py::test_has_the_seconds_that_are_asked_for unit/test_clip.py::test_length_is_exact_to_the_frame"),
        Row("longest edited clip, s", fact("result", "max_edit_seconds"), "wire/test_inspection.py::TestResult::test_edited_clip_is_as_long_as_its_source"),
        Row("watermark", fact("result", "watermark_text"), "wire/test_result.py::test_is_marked_unless_that_is_not_wanted unit/test_clip.py::test_a_watermark_changes_the_bottom_right_and_nothing_else"),
        Row("cover image", cover, "wire/test_downloads.py::TestFile::test_cover_is_a_picture_of_the_clips_size"),
    ],
    "errors": [
        Row("violated limit", refusal("violation"), "wire/test_validation_moment.py::TestDocumented::test_violation_is_refused_at_submit"),
        Row("wording of a violation", grammar, "wire/test_validation_moment.py::TestDocumented::test_violation_is_refused_at_submit"),
        Row("no key", refusal("no_key"), "wire/test_providers.py::test_refuses_as_documented"),
        Row("wrong key", refusal("wrong_key"), "wire/test_providers.py::test_refuses_as_documented"),
        Row("unreadable body", refusal("unreadable_body"), "wire/test_providers.py::test_refuses_as_documented"),
        Row("too large a body", refusal("too_large"), "wire/test_hostile.py::TestLargeBody::test_over_the_limit_is_refused_by_its_length"),
        Row("unknown path", refusal("not_found"), "wire/test_providers.py::test_answers_an_unknown_path_and_a_wrong_method_in_the_providers_words"),
        Row("wrong method", refusal("wrong_method"), "wire/test_providers.py::test_answers_an_unknown_path_and_a_wrong_method_in_the_providers_words"),
        Row("rate exceeded", refusal("submit_rate"), "wire/test_limits.py::TestRate::test_sixth_submit_in_a_second_is_refused wire/test_providers.py::test_meets_every_error_of_the_catalogue_by_its_key"),
        Row("queue or places full", full, "wire/test_limits.py::TestPlaces::test_sixth_task_of_a_token_is_refused_where_nothing_waits wire/test_limits.py::TestPlaces::test_queue_of_five_hundred_is_full"),
        Row("media not found", refusal("download"), "wire/test_inspection.py::TestHttpUrl::test_failure_is_told_in_the_providers_words"),
        Row("moderation, on request", refusal("moderation"), "wire/test_providers.py::test_meets_every_error_of_the_catalogue_by_its_key"),
        Row("errors to be met", catalogue, "wire/test_providers.py::test_meets_every_error_of_the_catalogue_by_its_key"),
    ],
}  # fmt: skip


def table(rows: list[Row]) -> Iterator[str]:
    titles = [title(provider) for provider in PROVIDERS]
    yield f"| behaviour | {' | '.join(titles)} | proved by |"
    yield "|---|" + "---|" * (len(titles) + 1)
    for row in rows:
        cells = [row.cell(provider) or "–" for provider in PROVIDERS]
        yield f"| {row.title} | {' | '.join(cells)} | {lines(f'`{test}`' for test in row.tests.split())} |"


def chosen(entry: object, path: tuple[str, ...] = ()) -> Iterator[str]:
    """The places of provider.yaml that rest on a choice."""
    if isinstance(entry, Mapping):
        if "chosen" in cite(entry.get("source", ())):
            yield ".".join(path)
        for name, value in entry.items():
            yield from chosen(value, (*path, name))


def choices() -> Iterator[str]:
    for provider in PROVIDERS:
        rules = [rule for rule in provider.rules() if any(source.key == "chosen" for source in rule.sources)]
        places = ", ".join(f"`{place}`" for place in chosen(provider.data))
        yield f"- **{title(provider)}**: {len(rules)} of its {len(list(provider.rules()))} rules; {places}."


def written(page: str) -> str:
    """The page with its parts made anew from the data."""
    return renewed(page, {name: table(rows) for name, rows in TABLES.items()} | {"chosen": choices()})


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text("utf-8")), "utf-8")
