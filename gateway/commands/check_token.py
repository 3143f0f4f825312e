"""`gateway check --token`: whether a caller's token is taken, and what its caller may see."""

import sys
from contextlib import aclosing

from gateway.auth.authenticator import open_authenticator
from gateway.auth.refusals import InvalidTokenError
from gateway.errors import GatewayError
from gateway.settings import Settings


async def check_token(settings: Settings, token: str) -> int:
    """Print the token's scopes and communities (0), or why it is refused (1). Raises SettingsError."""
    async with aclosing(open_authenticator(settings)) as authenticator:
        try:
            principal = await authenticator.authenticate(f"Bearer {token.removeprefix('Bearer ')}")
        except GatewayError as error:
            cause = error.__cause__ or error
            why = cause.reason.words if isinstance(cause, InvalidTokenError) else error.message
            sys.stdout.write(f"The token is refused: {why}\n\n")
            return 1
    scopes = " ".join(sorted(principal.scopes)) or "none"
    codes = "all" if principal.codes is None else " ".join(principal.codes) or "none"
    sys.stdout.write(f"The token is taken.\n  scopes: {scopes}\n  communities: {codes}\n\n")
    return 0
