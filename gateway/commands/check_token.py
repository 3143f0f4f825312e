"""`gateway check --token`: whether a caller's token is taken, and what its caller may see."""

import sys
from contextlib import aclosing
from pathlib import Path

from gateway.auth.authenticator import open_authenticator
from gateway.auth.refusals import InvalidTokenError
from gateway.errors import GatewayError
from gateway.settings import Settings, SettingsError


def read_token(path: str) -> str:
    """The token in a file. Raises SettingsError."""
    try:
        return Path(path).read_text(encoding="utf-8").strip().removeprefix("Bearer ")
    except (OSError, UnicodeDecodeError):
        raise SettingsError("--token: the file cannot be read, or is no text") from None


async def check_token(settings: Settings, token: str) -> int:
    """Print the token's scopes and communities and return 0, or print why it is refused and return 1.

    Raises SettingsError.
    """
    async with aclosing(open_authenticator(settings)) as authenticator:
        try:
            principal = await authenticator.authenticate(f"Bearer {token}")
        except GatewayError as error:
            cause = error.__cause__ or error
            why = cause.reason.words if isinstance(cause, InvalidTokenError) else error.message
            sys.stdout.write(f"The token is refused: {why}\n\n")
            return 1
    scopes = " ".join(sorted(principal.scopes)) or "none"
    communities = "all" if principal.codes is None else " ".join(principal.codes) or "none"
    sys.stdout.write(f"The token is taken.\n  scopes: {scopes}\n  communities: {communities}\n\n")
    return 0
