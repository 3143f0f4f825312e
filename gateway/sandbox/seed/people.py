"""The person registry's birth office: makes synthetic people, one after the other."""

from datetime import date, timedelta
from random import Random

from gateway.sandbox import words
from gateway.sandbox.model import Person
from gateway.sandbox.seed.names import name_for

REGION = "999302"
"""999 is no province: no such identity number is ever given to anyone."""

PHONE_PREFIX = "199000"

_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK_DIGITS = "10X98765432"

JOBS = (("WEB工程师", "万家灯火科技（河北）有限责任公司"), ("教师", "秦皇小学"), ("个体", "秦皇小吃店"), ("退休", ""))


def check_digit(first_seventeen: str) -> str:
    """The last character of an identity number (GB 11643)."""
    return _CHECK_DIGITS[sum(int(digit) * weight for digit, weight in zip(first_seventeen, _WEIGHTS, strict=True)) % 11]


class PeopleMaker:
    """Makes people whose phones, identity numbers and names follow from the seed alone."""

    def __init__(self, rng: Random) -> None:
        self._rng = rng
        self._made = 0

    def make(self, sex: str, age: int, address: str, phone: str | None = None) -> Person:
        """A new person of about `age` years in 2020; with `phone`, one who shares it (quirk 82)."""
        rng = self._rng
        self._made += 1
        number = self._made
        birth = date(2020 - age, 1, 1) + timedelta(days=rng.randrange(365))
        job, company = ("学生", "秦皇小学") if age < 18 else rng.choice(JOBS)
        return Person(
            name=name_for(number, sex, rng),
            phone=phone or f"{PHONE_PREFIX}{10000 + number}",
            sex=sex,
            birth=birth,
            id_card=self._id_card(number, sex, birth),
            address=address,
            nation="维吾尔族" if number % 20 == 7 else "汉族",
            political_status="党员" if rng.random() < 0.2 else "群众",
            is_veteran=age > 20 and rng.random() < 0.1,
            receives_allowance=rng.random() < 0.08,
            is_petitioner=age > 20 and rng.random() < 0.05,
            job_name=job,
            company_name=company,
        )

    @staticmethod
    def _id_card(number: int, sex: str, birth: date) -> str:
        """Odd 17th digit: male. Every ninth has a wrong check digit, as most printed in the document do (quirk 84)."""
        sequence = (number % 50) * 20 + (number // 50) * 2 + (1 if sex == words.MALE else 0)
        body = f"{REGION}{birth:%Y%m%d}{sequence % 1000:03d}"
        right = check_digit(body)
        if number % 9 == 0:
            return body + _CHECK_DIGITS[(_CHECK_DIGITS.index(right) + 1) % 11]
        return body + right
