"""How the platforms write times (quirks 125 to 130). All of them mean China."""

from datetime import date, datetime

from gateway.sandbox.model import CHINA


def written_out(moment: datetime) -> str:
    """2020年11月18日11:01:46"""
    return f"{moment:%Y年%m月%d日%H:%M:%S}"


def eight_digits(day: date) -> str:
    """19921130"""
    return f"{day:%Y%m%d}"


def epoch(day: date) -> int:
    """Seconds since 1970 at midnight in China, summer time of 1986 to 1991 included: 723052800 is 1992-11-30."""
    return int(datetime(day.year, day.month, day.day, tzinfo=CHINA).timestamp())
