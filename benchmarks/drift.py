#!/usr/bin/env -S .venv/bin/python
"""Whether drift is noticed, and nothing else is: documented answers without an alarm, and answers until it is seen.

    benchmarks/drift.py [--answers 1000000] [--runs 200] [--seed 0]

First it looks closely at so many answers of all endpoints that are as documented, no two alike, and counts what is
found: nothing may be. Then, `--runs` times each, it sends repairs with something new in one of a hundred rows past the
gateway's own decoder, reader and share of answers, until it is found, and prints after how many answers that was.
"""

import argparse
import asyncio
import sys
import time
from itertools import islice
from pathlib import Path
from random import Random
from statistics import median, quantiles
from typing import Any, cast

import msgspec

sys.path.insert(0, str(Path(__file__).parent.parent / "tests" / "normalise"))

from documented_answers import DocumentedAnswers

from gateway.journal.drift import DriftRecords
from gateway.journal.journal import utc_now
from gateway.loaders.drift import Drift
from gateway.normalise.drift import DriftWatch
from gateway.normalise.repair import parse_repair_page
from gateway.ops.tally import Tally
from gateway.platforms.answer import Head, RawAnswer
from gateway.platforms.call import Call
from gateway.platforms.envelope import open_envelope
from gateway.platforms.wjdh import REPAIR_LIST, Wjdh
from gateway.settings import Settings

PAGE = 20
ONE_IN = 100

Row = dict[str, Any]


def look_at_documented(answers: int, seed: int) -> int:
    """How many findings there are."""
    watch = DriftWatch()
    spent = 0.0
    for endpoint, rows in islice(DocumentedAnswers(seed, most_rows=4), answers):
        began = time.process_time()
        watch.look(endpoint, rows)
        spent += time.process_time() - began
    sightings, seen = watch.take()
    print(f"{answers:,} documented answers, {seen.total():,} rows and records within: {len(sightings)} findings")
    print(f"{spent / seen.total() * 1e6:.1f} us for each of them")
    return len(sightings)


def row(number: int, rows: Random) -> Row:
    return {
        "id": number,
        "possion": "东门",
        "description": "灯坏",
        "status": rows.choice((0, 1)),
        "reply": "",
        "name": "李明",
        "phone": "19900000001",
    }


def answers_until_found(change: Row, one_in: int, seed: int) -> int:
    """Answers of 20 rows, of which one in so many is changed."""
    random = Random(seed)
    drift = Drift(cast("DriftRecords", None), utc_now, Tally(), sample=Settings().drift_sample)
    head = Head(200, [])
    answers = 0
    while not drift.found:
        answers += 1
        rows = [row(at, random) | (change if random.randrange(one_in) == 0 else {}) for at in range(1, PAGE + 1)]
        body = {"code": 0, "data": {"repairs": rows, "pages": {"total": PAGE, "current_page": 1}}}
        answer = RawAnswer(head, msgspec.json.encode(body))
        envelope = open_envelope(answer, REPAIR_LIST.decode)
        call: Call[object] = Call(cast("Wjdh", None), REPAIR_LIST, b"", lambda *_: None)
        call.answer, call.is_documented = answer, envelope.is_documented
        page = parse_repair_page(envelope.body, "10002", 1)
        drift.until_next -= 1
        if page.issues or drift.until_next <= 0 or not call.is_documented:
            drift.offer(call, page)
        drift.look_now()
    return answers


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    cases: dict[str, Row] = {
        "a word that is in no list": {"status": "待派单"},
        "a number for text": {"reply": 12},
        "a key that is not documented": {"urgency": "高"},
    }

    async def measure() -> None:
        for name, change in cases.items():
            for one_in in (ONE_IN,) if "urgency" in change else (ONE_IN, ONE_IN * PAGE):
                counts = [answers_until_found(change, one_in, seed) for seed in range(options.runs)]
                tenths = quantiles(counts, n=20)
                print(f"{name}, 1 row in {one_in}: median {median(counts):.0f} answers, 95 % within {tenths[-1]:.0f}")

    if options.runs:
        asyncio.run(measure())
    return 1 if look_at_documented(options.answers, options.seed) else 0


if __name__ == "__main__":
    sys.exit(main())
