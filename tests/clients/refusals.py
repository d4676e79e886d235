"""Submits that DashScope refuses, and what a client reads of each: one table for three interfaces of the SDK."""

from __future__ import annotations

from typing import Any, NamedTuple


class Refused(NamedTuple):
    """Arguments of the submit; what comes back; the exception class that the SDK's second interface makes of it."""

    arguments: dict[str, Any]
    status: int
    code: str
    message: str
    raised: str


def _case(status: int, code: str, message: str, raised: str, **changes: Any) -> Refused:
    arguments = {"model": "happyhorse-1.0-t2v", "prompt": f"[[refuse:{code}]]", **changes}
    return Refused(arguments, status, code, message, raised)


REFUSALS = {
    "wrong key": _case(
        401, "InvalidApiKey", "Invalid API-key provided.", "AuthenticationError", prompt="a horse", api_key="sk-invalid"
    ),
    "unknown model": _case(
        400, "InvalidParameter", "Model not exist.", "BadRequestError", prompt="a horse", model="happyhorse-9-t2v"
    ),
    "violation": _case(
        400,
        "InvalidParameter",
        "Duration should be between 3 and 15",
        "BadRequestError",
        prompt="a horse",
        duration=2,
    ),
    "two violations": _case(
        400,
        "InvalidParameter",
        "Field required: input.media & Input should be '1080P' or '720P': parameters.resolution",
        "BadRequestError",
        prompt="a horse",
        model="happyhorse-1.0-i2v",
        resolution="720p",
    ),
    "moderation": _case(
        400,
        "DataInspectionFailed",
        "Input or output data may contain inappropriate content.",
        "ContentFilterError",
    ),
    "overdue": _case(
        400, "Arrearage", "Access denied, please make sure your account is in good standing.", "PermissionDeniedError"
    ),
    "not purchased": _case(
        403,
        "AccessDenied.Unpurchased",
        "Access to model denied. Please make sure you are eligible for using the model.",
        "PermissionDeniedError",
    ),
    "429": _case(
        429, "Throttling.RateQuota", "Requests rate limit exceeded, please try again later.", "RateLimitError"
    ),
    "500": _case(
        500,
        "InternalError",
        "An internal error has occured, please try again later or contact service support.",
        "InternalServerError",
    ),
    "503": _case(503, "ModelUnavailable", "Model is unavailable, please try again later.", "ServiceUnavailableError"),
}
