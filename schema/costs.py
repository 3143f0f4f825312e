"""What fields cost: the calls to platforms that resolving one may cause, and how many items its value has.

    @resolved(..., cost=Cost(calls=1))

Every field that asks a platform declares it; what the journal or memory answers costs nothing, but for texts of any
length and counts of all operations. Tokens, and the repetition of a read that failed, are not counted.
"""

from collections.abc import Callable
from typing import Any

from gateway.context import COMMUNITIES
from gateway.execution.cost import Amount, Cost, OfCaller
from gateway.loaders.lists import RecordList
from gateway.modules import ModuleName
from gateway.shenhe.writes import SEARCHED_PAGES

COST = "cost"  # under this key of a field's metadata stands its `Cost`
LARGEST_FIRST = 100
MOST_IDS = 50
MOST_ENTRIES = 100
"""A list of more is refused as an argument, and asks nobody. Entries are what one mutation writes."""

ASSUMED_HOUSES = ASSUMED_MEMBERS = 10  # how long lists are taken to be that a platform gives as a whole

ASSUMED_NOTIFICATIONS = 10
"""How long a list of notifications in a reconciliation is taken to be. Their orders are on pages already read."""

ORDER_SEARCH = 10  # pages of a list that are read to find an order by halves; it is scanned where that finds none

LONG_TEXT = 4
"""What an announcement of the journal weighs, in calls: all of those read for one request have to be held in memory."""


def _items(first: int) -> int:
    return first if first <= LARGEST_FIRST else 0


def _pages(first: int, page_size: int) -> int:
    """Calls that a slice of `first` items takes, wherever it begins (`gateway/loaders/lists.py`).

    A page beyond the end takes a second call. `page_size` is the one of the document: what a deployment cuts smaller
    takes more.
    """
    return max(2, (first + page_size - 2) // page_size + 1) if 0 < first <= LARGEST_FIRST else 0


ONE_CALL = Cost(calls=1)

COMMUNITY_LIST = Cost(calls=1, items=OfCaller(COMMUNITIES))
"""The communities of the caller: a call where no setting names them."""

MERGED = OfCaller(COMMUNITIES, instead=("communityCode", "communityCodes"))
"""The communities whose lists are read: the one given, or those, or all of the caller."""


def list_cost(records: RecordList[Any], times: int | OfCaller = 1) -> Cost:
    """Of a part of a community's list, or of the lists of several.

    One that is made of several is read from the start of each, to learn how many there are, and again where the part
    begins.
    """
    lists = len(records.queries(records.everything))

    def calls(first: int) -> int:
        return lists * _pages(first, records.page_size or first) + lists - 1

    return Cost(Amount("first", calls), Amount("first", _items), times)


def _each(calls: int, most: int = MOST_IDS) -> Callable[[int], int]:
    return lambda ids: ids * calls if ids <= most else 0


ALL_ORDERS = Cost(lists=1)
ONE_COMMUNITY = Cost(names="code")
ALL_OPERATIONS = Cost(calls=10)
"""All operations of the journal are read: of a million, that takes seconds, in which others read and write as well."""

LIST_OF_THE_JOURNAL = Cost(items=Amount("first", _items))
ANNOUNCEMENTS = Cost(calls=Amount("first", lambda first: LONG_TEXT * _items(first)))

ONE_ORDER = Cost(searches=ORDER_SEARCH)
ANY_RECORD = Cost(calls=1, searches=ORDER_SEARCH)
"""A record by its id: a call, but for an order, which is looked for in its list."""

ANY_RECORDS = Cost(Amount("ids", _each(1)), items=Amount("ids", _each(1)), searches=Amount("ids", _each(ORDER_SEARCH)))

CALLS_OF_A_WRITE = 3  # what it changes is read, it is sent, and it is read back where its answer was lost
WRITE = Cost(calls=CALLS_OF_A_WRITE)
APPROVAL = Cost(calls=CALLS_OF_A_WRITE + SEARCHED_PAGES)  # what is corrected may have to be looked for in the list


def bulk_cost(entries: str, calls: int = CALLS_OF_A_WRITE, most: int = MOST_ENTRIES) -> Cost:
    """Of a mutation that writes as many records as this list of its input has entries, up to `most`."""
    return Cost(calls=Amount(entries, _each(calls, most)), items=Amount(entries, _each(1, most)))


SYNCHRONISATION = Cost(calls=CALLS_OF_A_WRITE + len(ModuleName))
"""Both platforms are read, and every module may have to be switched."""
