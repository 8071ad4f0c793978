"""Arguments of a request: query string, form or JSON object, checked against the route's model.

A route takes them as `arguments: Annotated[NewUser, arguments(NewUser)]`. Names are Proxmox VE's, with `-` where
Python has `_`. What is wrong is said per argument, in Proxmox VE's words, without the value: it may be a secret.
"""

# Annotations are no text here: FastAPI does not find what they mean for a callable object.
import json
import re
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, get_origin
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import ClientDisconnect

from trebol_node.api.audit import noted
from trebol_node.api.errors import ApiError, wrong_arguments
from trebol_node.api.limits import BODY, too_large

#: Control characters but tab and line ends, and halves of characters that JSON can smuggle in.
_HARMFUL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")

#: More arguments than any call has.
FIELDS = 256

UNKNOWN = "property is not defined in schema and the schema does not allow additional properties"
MISSING = "property is missing and it is not optional"


class Parameters(BaseModel):
    """The arguments of a call. Numbers may come as text, as forms have nothing else, and text as numbers."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=lambda name: name.rstrip("_").replace("_", "-"),
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
    )


class Nothing(Parameters):
    """No arguments at all."""


def split_words(value: object) -> object:
    """Lists of Proxmox VE come as text with commas, semicolons or blanks between, or as a key that is repeated."""
    if not isinstance(value, str):
        return value
    return [word for word in value.replace(",", " ").replace(";", " ").replace("\0", " ").split(" ") if word]


#: A list of words, in one text or several.
Words = Annotated[tuple[str, ...], BeforeValidator(split_words)]


class Arguments:
    """The dependency that reads a request's arguments as a `model`."""

    def __init__(self, model: type[Parameters]) -> None:
        self.model = model
        self._lists = frozenset(
            field.alias or name for name, field in model.model_fields.items() if _is_list(field.annotation)
        )

    async def __call__(self, request: Request) -> Parameters:
        """The arguments, or 400 with each one that is wrong."""
        pairs = [*_pairs(request.scope["query_string"], "query string"), *await _of_body(request)]
        values = _gathered(pairs, self._lists)
        noted(request.scope).names = tuple(sorted(map(_shown, values)))
        return self.checked(values)

    def checked(self, values: Mapping[str, Any]) -> Parameters:
        """`values` as the model, or 400."""
        try:
            return self.model.model_validate(values)
        except ValidationError as error:
            raise wrong_arguments(dict(explain(error.errors(include_url=False, include_input=False)))) from None


def arguments(model: type[Parameters]) -> Any:
    """The dependency for arguments that fit `model`."""
    return Depends(Arguments(model))


#: For calls without arguments: those that are given are refused.
no_arguments = arguments(Nothing)


def _is_list(annotation: Any) -> bool:
    return get_origin(annotation) in (tuple, list)


async def _of_body(request: Request) -> Iterable[tuple[str, Any]]:
    body = await whole_body(request)
    if not body:
        return ()
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/json":
        return _json(body)
    if kind == "application/x-www-form-urlencoded":
        return _pairs(body, "body")
    raise ApiError(415, "the body is to be application/x-www-form-urlencoded or application/json")


async def whole_body(request: Request) -> bytes:
    """All of the body; 413 as soon as it is more than BODY."""
    parts: list[bytes] = []
    size = 0
    try:
        async for part in request.stream():
            size += len(part)
            if size > BODY:
                raise too_large()
            parts.append(part)
    except ClientDisconnect:
        raise ApiError(400, "the request ended before its body") from None
    return b"".join(parts)


def _pairs(text: bytes, where: str) -> list[tuple[str, Any]]:
    if not text:
        return []
    try:
        return list(parse_qsl(text.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=FIELDS))
    except ValueError:
        raise ApiError(400, f"the {where} is not URL-encoded UTF-8, or holds too much") from None


def _json(body: bytes) -> Iterable[tuple[str, Any]]:
    try:
        value = json.loads(body, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ApiError(400, "the body is not valid JSON") from None
    if not isinstance(value, dict) or len(value) > FIELDS:
        raise ApiError(400, "the body is not a JSON object of arguments")
    if nested := [name for name, each in value.items() if not _is_flat(each)]:
        raise wrong_arguments(
            {_shown(name): "value must be a string, number, boolean or a list of these" for name in nested}
        )
    return value.items()


def _is_flat(value: object) -> bool:
    """No objects, no lists of lists: whatever comes as JSON can come as a form too."""
    each = value if isinstance(value, list) else [value]
    return not any(isinstance(one, dict | list) for one in each)


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def _gathered(pairs: Iterable[tuple[str, Any]], lists: frozenset[str]) -> dict[str, Any]:
    """Pairs by name; only lists may be given more than once. Text without what steers terminals and logs."""
    found: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, value in pairs:
        if not _harmless(name) or not _harmless(value):
            problems[_shown(name)] = "value contains control characters"
        elif name not in found:
            found[name] = value
        elif name not in lists:
            problems[name] = "property is given more than once"
        else:
            before = found[name] if isinstance(found[name], list) else [found[name]]
            found[name] = [*before, value]
    if problems:
        raise wrong_arguments(problems)
    return found


def _harmless(value: object) -> bool:
    match value:
        case str():
            return not _HARMFUL.search(value)
        case list():
            return all(_harmless(each) for each in value)
        case _:
            return True


def _shown(name: str) -> str:
    return name.encode("ascii", "backslashreplace").decode()


def explain(errors: Iterable[ErrorDetails]) -> Iterable[tuple[str, str]]:
    """Each argument that is wrong, and why."""
    for error in errors:
        names = [str(part) for part in error["loc"] if part not in ("query", "body", "path")]
        yield names[0] if names else "arguments", _words(error)


def _words(error: ErrorDetails) -> str:
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            return UNKNOWN
        case "missing":
            return MISSING
        case "int_parsing" | "int_type" | "int_from_float" | "int_parsing_size":
            return "type check ('integer') failed"
        case "float_parsing" | "float_type" | "finite_number":
            return "type check ('number') failed"
        case "bool_parsing" | "bool_type":
            return "type check ('boolean') failed"
        case "string_type":
            return "type check ('string') failed"
        case "string_pattern_mismatch":
            return "value does not match the regex pattern"
        case "string_too_short":
            return f"value must be at least {context['min_length']} characters long"
        case "string_too_long":
            return f"value may only be {context['max_length']} characters long"
        case "greater_than_equal":
            return f"value must have a minimum value of {context['ge']}"
        case "less_than_equal":
            return f"value must have a maximum value of {context['le']}"
        case "enum" | "literal_error":
            return f"value does not have a value in the enumeration {context['expected']}"
        case "value_error":
            return str(context["error"])
        case _:
            return error["msg"]
