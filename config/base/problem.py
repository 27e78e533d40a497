"""Errors of the API as RFC 9457 problem documents (`application/problem+json`), whose `errors[]` name the fields."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as drf_exception_handler
from rest_framework.views import set_rollback

from config.base.refusal import Refusal

CONTENT_TYPE = "application/problem+json"


def problem_body(*, status: int, code: str, detail: str, errors: list[dict[str, str]] | None = None) -> dict[str, Any]:
    """The members of an RFC 9457 document; `type` is a path of the error reference."""
    return {
        "type": f"/api/v1/docs#error-{code}",
        "title": code.replace("_", " ").capitalize(),
        "status": status,
        "code": code,
        "detail": detail,
        "errors": errors or [],
    }


def problem_response(*, status: int, code: str, detail: str, more: dict[str, Any] | None = None) -> HttpResponse:
    """A problem document for views outside DRF; `more` are further members."""
    body = problem_body(status=status, code=code, detail=detail) | (more or {})
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def refusal_members(refusal: Refusal) -> dict[str, Any]:
    """The members that a refusal over a limit has beside the usual ones: `used`, `limit`, `resets_at`."""
    return refusal.allowance.as_members() if refusal.allowance else {}


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler: every error of the API as a problem document."""
    if isinstance(error, Refusal):
        set_rollback()
        errors = [{"field": error.field, "code": error.problem_code, "message": error.sentence}] if error.field else []
        body = problem_body(status=error.status, code=error.problem_code, detail=error.sentence, errors=errors)
        body |= refusal_members(error)
        headers = {"Retry-After": str(error.retry_after)} if error.retry_after is not None else None
        return Response(body, status=error.status, headers=headers, content_type=CONTENT_TYPE)
    if isinstance(error, RecursionError):
        # JSON that is nested deeper than anything that means something.
        error = exceptions.ParseError()
    response = drf_exception_handler(error, context)
    if response is None:
        return None
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    if isinstance(error, exceptions.ValidationError):
        response.data = problem_body(
            status=422,
            code="invalid_input",
            detail=_("Some of the input is wrong; see errors."),
            errors=list(_flatten(error.get_full_details())),
        )
        response.status_code = 422
    elif isinstance(error, exceptions.APIException):
        details = error.get_full_details()
        code = details["code"] if isinstance(details, dict) and "code" in details else error.default_code
        response.data = problem_body(status=response.status_code, code=str(code), detail=str(error.detail))
    response.content_type = CONTENT_TYPE
    return response


def _flatten(details: Any, path: str = "") -> list[dict[str, str]]:
    """Nested DRF details as a flat list of `{field, code, message}`."""
    if isinstance(details, dict) and set(details) == {"message", "code"}:
        return [{"field": path, "code": str(details["code"]), "message": str(details["message"])}]
    if isinstance(details, dict):
        items = [(f"{path}.{key}" if path else str(key), value) for key, value in details.items()]
    else:
        # A list of messages belongs to the field itself; a list of forms is numbered.
        leaf = all(isinstance(value, dict) and set(value) == {"message", "code"} for value in details)
        items = [(path if leaf else f"{path}.{number}", value) for number, value in enumerate(details)]
    return [row for name, value in items for row in _flatten(value, name)]
