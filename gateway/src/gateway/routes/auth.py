"""Registration, tokens and log-out."""

import base64
from typing import Annotated, Any
from urllib.parse import parse_qsl

import orjson
from fastapi import Body, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from chassis.errors import Refusal
from gateway import context
from gateway.context import Context
from gateway.limits import Limit, counted
from gateway.problems import ProblemError, invalid
from gateway.resources import users as shapes
from gateway.resources.shapes import answer
from gateway.routes.frame import public, refusals
from marquee.users.v1 import users_pb2 as pb

router = public("auth", "/auth")
_NO_STORE = {"Cache-Control": "no-store"}
_WINDOW_SECONDS = 600
_LONGEST_VALUE = 4096
_VALUE = {"type": "string", "minLength": 1, "maxLength": _LONGEST_VALUE}
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "oneOf": [
                        {
                            "type": "object",
                            "required": ["grant_type", "username", "password"],
                            "properties": {
                                "grant_type": {"const": "password"},
                                "username": {**_VALUE, "description": "Username or e-mail."},
                                "password": _VALUE,
                            },
                        },
                        {
                            "type": "object",
                            "required": ["grant_type", "refresh_token"],
                            "properties": {
                                "grant_type": {"const": "refresh_token"},
                                "refresh_token": _VALUE,
                            },
                        },
                    ]
                },
                "example": {
                    "grant_type": "password",
                    "username": "ada",
                    "password": "correct horse battery",
                },
            }
        },
    }
}


@router.post(
    "/register",
    status_code=201,
    response_model=shapes.RegisteredShape,
    summary="Register",
    responses=refusals(400, 409, 413, 429),
)
async def register(request: Request, body: Annotated[shapes.RegisterInput, Body()]) -> Response:
    """Makes an account with profile and preferences, and signs it in."""
    here = context.of(request)
    await _limited(request, here, "register", here.settings.sign_up_limit)
    reply = await here.services.users.Register(
        pb.RegisterRequest(
            username=body.username,
            email=body.email,
            password=body.password,
            address=here.proxies.address_of(request),
            agent=here.client(request).agent,
        ),
        timeout=10.0,
    )
    found = {"user": shapes.user_json(reply.user), **shapes.token_json(reply.tokens)}
    return _tokens(found, status=201)


@router.post(
    "/token",
    response_model=shapes.TokenShape,
    summary="Sign in or refresh",
    responses=refusals(400, 413, 429),
    openapi_extra=_FORM,
)
async def issue_token(request: Request) -> Response:
    """RFC 6749: `grant_type=password` or `grant_type=refresh_token`, as a form."""
    here = context.of(request)
    await _limited(request, here, "token", here.settings.token_limit)
    form = await _form(request)
    grant = form.get("grant_type", "")
    if grant == "password":
        reply = await _sign_in(request, here, form)
    elif grant == "refresh_token":
        reply = await _refresh(request, here, form)
    elif not grant:
        raise _oauth("invalid_request", "grant_type is missing.")
    else:
        raise _oauth("unsupported_grant_type", "grant_type must be password or refresh_token.")
    return _tokens(shapes.token_json(reply.tokens))


@router.post(
    "/revoke",
    summary="Log out",
    responses=refusals(400, 413),
    status_code=200,
    response_class=Response,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": shapes.RevokeInput.model_json_schema()},
                # A form's unknown parameters are not looked at: RFC 7009, section 2.1.
                "application/x-www-form-urlencoded": {
                    "schema": shapes.RevokeInput.model_json_schema()
                    | {"additionalProperties": True}
                },
            },
        }
    },
)
async def revoke_token(request: Request) -> Response:
    """RFC 7009: ends the session of a refresh or access token; 200 whether known or not."""
    here = context.of(request)
    if "json" in request.headers.get("content-type", ""):
        token = _revoked(await request.json())
    else:
        token = (await _form(request)).get("token")
    if not isinstance(token, str) or not 0 < len(token) <= _LONGEST_VALUE:
        raise invalid("/token", "must be a token")
    await here.services.users.RevokeToken(
        pb.RevokeTokenRequest(token=token), metadata=here.audited(request, None)
    )
    return Response(b"{}", media_type="application/json", headers=_NO_STORE)


@router.post(
    "/password-reset",
    status_code=202,
    summary="Ask for a new password",
    response_class=Response,
    responses=refusals(400, 413, 429),
)
async def request_password_reset(
    request: Request, body: Annotated[shapes.PasswordResetInput, Body()]
) -> Response:
    """Mails a token that works once, for half an hour; 202 whether or not the address is known."""
    here = context.of(request)
    await _limited(request, here, "reset", here.settings.reset_limit)
    await here.services.users.RequestPasswordReset(
        pb.RequestPasswordResetRequest(email=body.email, address=here.proxies.address_of(request))
    )
    return _tokens({}, status=202)


@router.post(
    "/password-reset/confirm",
    status_code=202,
    summary="Choose a new password",
    response_class=Response,
    responses=refusals(400, 413, 429),
)
async def confirm_password_reset(
    request: Request, body: Annotated[shapes.NewPasswordInput, Body()]
) -> Response:
    """By the token that was mailed; all sessions are revoked."""
    here = context.of(request)
    await _limited(request, here, "reset", here.settings.reset_limit)
    await here.services.users.ConfirmPasswordReset(
        pb.ConfirmPasswordResetRequest(token=body.token, new_password=body.new_password),
        metadata=here.audited(request, None),
        timeout=10.0,
    )
    return _tokens({}, status=202)


def _revoked(value: Any) -> str:
    """The token in a JSON body, which may as well be a form."""
    try:
        return shapes.RevokeInput.model_validate(value).token
    except ValidationError as error:
        found = error.errors(include_url=False, include_context=False)
        raise RequestValidationError(
            [{**one, "loc": ("body", *one["loc"])} for one in found]
        ) from None


async def _sign_in(request: Request, here: Context, form: dict[str, str]) -> pb.SignInResponse:
    try:
        return await here.services.users.SignIn(
            pb.SignInRequest(
                login=_needed(form, "username"),
                password=_needed(form, "password"),
                address=here.proxies.address_of(request),
                agent=here.client(request).agent,
            ),
            timeout=10.0,
        )
    except Refusal as error:
        raise _granted_or(error) from error


async def _refresh(
    request: Request, here: Context, form: dict[str, str]
) -> pb.RefreshSessionResponse:
    try:
        return await here.services.users.RefreshSession(
            pb.RefreshSessionRequest(
                refresh_token=_needed(form, "refresh_token"),
                address=here.proxies.address_of(request),
                agent=here.client(request).agent,
            )
        )
    except Refusal as error:
        raise _granted_or(error) from error


async def _form(request: Request) -> dict[str, str]:
    raw = await request.body()
    if "application/x-www-form-urlencoded" not in request.headers.get("content-type", ""):
        raise _oauth("invalid_request", "Send application/x-www-form-urlencoded.")
    try:
        pairs = parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=20, errors="strict")
    except ValueError as error:
        raise _oauth("invalid_request", "The body is not a form in UTF-8.") from error
    form = dict(pairs)
    if len(form) != len(pairs):
        raise _oauth("invalid_request", "A parameter stands twice.")
    for name, value in pairs:
        if "\x00" in value or len(value) > _LONGEST_VALUE:
            raise invalid(f"/{name}", "is too long or holds a NUL character")
    return form


def _needed(form: dict[str, str], name: str) -> str:
    if not form.get(name):
        raise _oauth("invalid_request", f"{name} is missing.")
    return form[name]


def _granted_or(error: Refusal) -> Exception:
    """A refused grant in OAuth's words; any other refusal as it is."""
    return _oauth("invalid_grant", error.detail) if error.reason == "INVALID_GRANT" else error


def _oauth(error: str, detail: str) -> ProblemError:
    """RFC 6749 section 5.2 inside a problem document."""
    return ProblemError(400, error.upper(), detail, error=error, error_description=detail)


async def _limited(request: Request, here: Context, name: str, count: int) -> None:
    client = counted(here.proxies.address_of(request))
    await here.limits.take(Limit(name, count, _WINDOW_SECONDS), client, request)


def _tokens(found: dict[str, Any], *, status: int = 200) -> Response:
    return answer(found, status=status, headers=_NO_STORE)


jwks = public("auth")
jwks.prefix = ""


@jwks.get(
    "/.well-known/jwks.json",
    summary="List the public keys of access tokens",
    responses=refusals(),
)
async def list_signing_keys(request: Request) -> Response:
    """JSON Web Key Set (RFC 7517) of Ed25519 keys."""
    reply = await context.of(request).services.users.ListSigningKeys(pb.ListSigningKeysRequest())
    keys = [
        {
            "kty": "OKP",
            "crv": "Ed25519",
            "use": "sig",
            "alg": "EdDSA",
            "kid": key.key_id,
            "x": base64.urlsafe_b64encode(key.public_key).rstrip(b"=").decode(),
        }
        for key in reply.keys
    ]
    headers = {"Cache-Control": "public, max-age=60"}
    return Response(orjson.dumps({"keys": keys}), media_type="application/json", headers=headers)
