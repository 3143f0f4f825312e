"""How long the lists of communities were when they were seen last: what the cost of an operation goes by."""

from collections.abc import Collection

from gateway.loaders.order import MOST_PAGES
from gateway.normalise.order import Order
from gateway.normalise.records import Page

ASSUMED_COMMUNITIES = 50
"""How many there are taken to be until the security platform has said."""

ASSUMED_PAGES = 10
"""How many pages a list of orders is taken to have until one was seen."""


class KnownSizes:
    """Of one gateway. `communities` are those that the security platform has reported last, `pages` those of the lists
    that were seen, by community.
    """

    def __init__(self) -> None:
        self.communities: Collection[str] = ()
        self.pages: dict[str, int] = {}

    def look_at(self, page: Page[Order]) -> None:
        """Note the length of a list, of which a filter shows a part: a page more, for it grows."""
        if page.items:
            code, pages = page.items[0].community_code, min((page.last_page or 1) + 1, MOST_PAGES)
            self.pages[code] = max(self.pages.get(code, 0), pages)

    def count(self, codes: Collection[str] | None) -> int:
        """How many communities these are; None: all that there are."""
        return len(self.communities) or ASSUMED_COMMUNITIES if codes is None else len(codes)

    def get_pages(self, codes: Collection[str] | None) -> int:
        """The pages that the lists of orders of these communities have together; None: of all that there are."""
        known = [self.pages[code] for code in self.pages if codes is None or code in codes]
        return sum(known) + ASSUMED_PAGES * max(0, self.count(codes) - len(known))
