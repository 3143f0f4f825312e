"""The deployment's profile: the file that `GATEWAY_PROFILE` names (docs/profile.md)."""

import tomllib
from pathlib import Path

from gateway.normalise.profile import NO_PROFILE, Profile, ProfileError, parse_profile
from gateway.settings import Settings, SettingsError

VARIABLE = "GATEWAY_PROFILE"


def read_profile(settings: Settings) -> Profile:
    """Of the file that the settings name; an empty one without a file. Raises SettingsError with every mistake."""
    if not settings.profile:
        return NO_PROFILE
    try:
        return parse_profile(tomllib.loads(Path(settings.profile).read_text(encoding="utf-8-sig")))
    except OSError as error:
        problems = [f"the file cannot be read: {error.strerror}"]
    except UnicodeDecodeError:
        problems = ["the file must be UTF-8"]
    except tomllib.TOMLDecodeError as error:
        problems = [f"the file is no TOML: {error}"]
    except ProfileError as error:
        problems = [*error.mistakes]
    raise SettingsError(*[f"{VARIABLE}: {problem}" for problem in problems])
