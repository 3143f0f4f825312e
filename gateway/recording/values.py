"""Which values of an answer or a form are kept, and what stands for the others. Pure.

A value is kept where its key is declared to hold no personal data and the value is what such a key holds: a word of a
closed list, the number of a record, the code of a community, an amount, a time of a record, page information. All
others are replaced, those under keys that nobody knows included.
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, get_args

from gateway.normalise.field import DeclaredField, declared_fields
from gateway.normalise.house import address_in_label
from gateway.normalise.order import OrderQuery
from gateway.normalise.profile import ENUMS
from gateway.normalise.table import TABLES
from gateway.normalise.values import is_blank
from gateway.normalise.vocabulary import NATION, SWITCHES, ModuleName, PiiKind
from gateway.normalise.wire_enum import WireEnum
from gateway.recording.folder import TOKEN
from gateway.recording.pseudonyms import Pseudonyms
from gateway.recording.sentences import shown_part, words_to_keep

PEOPLES_OWN = frozenset({"extra"})
"""Under these, people write keys of their own (quirk 111)."""

_NUMBER = re.compile(r"-?[0-9]{1,10}")
_PART = re.compile(r"-?[0-9]{1,5}")
_CODE = re.compile(r"[0-9]{1,6}")
_LEGACY_WORD = re.compile(r"-?[0-9]{1,3}")
_ORDER_NUMBER = re.compile(r"[0-9]{20}")
_ROW_NUMBER = re.compile(r"[0-9]{1,9}")
_MONEY = re.compile(r"[¥￥]?\s*-?(?:[0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.[0-9]{1,4})?\s*元?")
_TIME = re.compile(r"[0-9]{4}[年/.-][0-9年月日时分秒:.\-/TZ+ ]{4,28}|[0-9]{10}")
_PAGE_URL = re.compile(r"https?://(?!.*[0-9]{5})[^/?#]*([/A-Za-z_0-9.-]*)(?:\?page=([0-9]{1,9}))?")
_DIGIT = re.compile(r"[0-9]")
_WIRE_KEY = re.compile(r"[A-Za-z][A-Za-z_]{0,40}[0-9]{0,2}")

_KEPT: Mapping[re.Pattern[str], tuple[str, ...]] = {
    _NUMBER: (
        *("code", "token_expired", "expires_in", "current_page", "from", "last_page", "per_page", "to", "total"),
        *("page", "id", "shenhe_id", "order", "top"),
    ),
    _CODE: ("xiaoqu", "community_identifier"),
    _PART: (
        *("louhao", "danyuan", "louceng", "fangjian"),
        *("building_number", "unit_number", "floor_number", "house_number"),
    ),
    _TIME: ("created_at", "updated_at", "date"),
    _MONEY: ("amount",),
    _ORDER_NUMBER: ("number", "order_number"),
}
"""By the form that is kept, the keys of rows, envelopes and forms under which it is. 11 digits may be a phone, 15 and
18 a person's number: no number of a record has so many.
"""

_PAGE_URLS = ("path", "first", "prev", "next", "last", *(f"{at}_page_url" for at in ("first", "last", "next", "prev")))
_PAYERS = frozenset({"house", "phone", "idcard", "car_number", "parking_number"})

Rule = Callable[[str], str]


class Values:
    """Replaces values, by their keys.

    `communities` are codes that are kept wherever a code stands; `not_found` the profile's wordings of that. Made after
    the profile is in use: its words and keys are known then.
    """

    def __init__(self, key: bytes, communities: Collection[str] = (), not_found: Collection[str] = ()) -> None:
        self._words = frozenset(word for enum in ENUMS.values() for word in _spellings(enum))
        self._switch_words = {str(word) for words in SWITCHES.values() for word in words if word is not None}
        names = {*self._words, *self._switch_words, *NATION, *NATION.values()}
        self._pseudonyms = Pseudonyms(key, names.__contains__)
        self._communities = frozenset(communities)
        self._said = words_to_keep(not_found)
        self._rules: dict[str, Rule] = dict(self._own_rules())
        self._scalars: set[str] = set()
        self._declare()

    def key(self, key: str, above: Collection[str] = ()) -> str:
        """What stands for a key. `above`: the keys of the objects around it."""
        if key in self._words or key in self._communities:
            return key
        is_of_protocol = _WIRE_KEY.fullmatch(key) or _CODE.fullmatch(key)
        if is_of_protocol and not PEOPLES_OWN.intersection(above):
            return key
        return self._pseudonyms.text(key)

    def value(self, key: str, value: str, above: Collection[str] = ()) -> str:
        """What stands for a value under a key."""
        if is_blank(value):
            return value
        if PEOPLES_OWN.intersection((key, *above)):
            return self._pseudonyms.text(value)
        return self._rules.get(key, self._unknown)(value)

    def text(self, value: str) -> str:
        """What stands for text that is under no key."""
        return self._pseudonyms.text(value)

    def may_hold_json(self, key: str) -> bool:
        """Whether text under this key may hold more of the protocol, and is no value of a person or what one wrote."""
        return key not in self._scalars

    def _own_rules(self) -> Iterator[tuple[str, Rule]]:
        """Of the envelope, of forms, and of rows as far as they are kept."""
        for form, keys in _KEPT.items():
            yield from ((key, self._kept(form)) for key in keys)
        yield from ((key, self._community) for key in _KEPT[_CODE])
        yield from ((key, self._page_value) for key in _PAGE_URLS)
        yield from ((key, self._sentence) for key in ("msg", "message"))
        yield from ((key, lambda _value: TOKEN) for key in ("token", "access_token"))
        yield from ((key, self._nation) for key in ("people_nation", "member_nation"))
        yield "token_type", self._kept(words=("Bearer",))
        yield "data", self._kept(_ORDER_NUMBER, _ROW_NUMBER)
        yield "house", self._label
        yield "type", self._kept(words=self._words | _PAYERS)
        yield from ((word, self._kept(words=self._switch_words)) for word in _spellings(ModuleName))

    def _declare(self) -> None:
        """The rules of all keys that records declare, those of the deployment's profile included. Where a key is
        personal in one record, it is so in all.
        """
        pseudonyms = self._pseudonyms
        by_pii: Mapping[PiiKind, Rule] = {
            PiiKind.NAME: pseudonyms.name,
            PiiKind.PHONE: pseudonyms.phone,
            PiiKind.ID_CARD: pseudonyms.id_card,
            PiiKind.BIRTH: pseudonyms.birth,
            PiiKind.ADDRESS: pseudonyms.text,
            PiiKind.PHOTO: pseudonyms.url,
        }
        words: dict[str, set[str]] = {}
        personal: dict[str, Rule] = {}
        for key, declared, first_key in _declared_keys():
            pii = declared.field.pii
            known = self._get_words(declared)
            if pii is not None and pii in by_pii:
                personal[key] = by_pii[pii]
            elif known:
                words.setdefault(key, set()).update(known)
            else:
                self._rules.setdefault(key, self._rules.get(first_key, self._kept(words=self._words)))
            if pii in by_pii or declared.field.free_text:
                self._scalars.add(key)
        self._rules |= {key: self._kept(_LEGACY_WORD, words=known | self._words) for key, known in words.items()}
        self._rules |= personal

    def _get_words(self, declared: DeclaredField) -> set[str]:
        """The closed list of a field's values; empty where there is none."""
        if declared.attribute == "label":
            return _spellings(ModuleName)
        kinds = [declared.type, *get_args(declared.type)]
        enum = next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, WireEnum)), None)
        if enum is not None:
            return _spellings(enum)
        names = () if declared.field.kind is None else declared.field.kind.names.values()
        return self._switch_words if any(words is each for words in SWITCHES.values() for each in names) else set()

    def _kept(self, *forms: re.Pattern[str], words: Collection[str] = ()) -> Rule:
        """As it is where it is of one of these forms, or one of these words; else replaced."""

        def replace(value: str) -> str:
            core = value.strip()
            is_kept = core in words or any(form.fullmatch(core) for form in forms)
            return value if is_kept else self._pseudonyms.text(value)

        return replace

    def _community(self, value: str) -> str:
        core = value.strip()
        return value if core in self._communities or _CODE.fullmatch(core) else self._pseudonyms.text(value)

    def _page_value(self, value: str) -> str:
        """A page's number, or its address: on a host that does not exist, without what it filters by."""
        if _NUMBER.fullmatch(value):
            return value
        if found := _PAGE_URL.fullmatch(value):
            path, page = found.groups()
            return f"https://platform.invalid{path}" + (f"?page={page}" if page else "")
        return self._pseudonyms.url(value)

    def _sentence(self, value: str) -> str:
        return shown_part(value, self._said, self._pseudonyms.text)

    def _nation(self, value: str) -> str:
        """An ethnic group, with and without the word for one; the most frequent one is kept."""
        core = value.strip()
        if core.isdecimal() or core in NATION or core in NATION.values():
            return value
        group = core.removesuffix("族")
        return value.replace(group, self._pseudonyms.text(group)) if group else value

    def _label(self, value: str) -> str:
        """A house's label: the numbers at its end are kept."""
        end = address_in_label(value)
        return self._pseudonyms.text(value.removesuffix(end)) + end

    def _unknown(self, value: str) -> str:
        """A single digit and a word of a closed list say nothing of anybody."""
        return self._kept(_DIGIT, words=self._words)(value)


def _declared_keys() -> Iterator[tuple[str, DeclaredField, str]]:
    """Each key of the records and of the filters, with its field and the key that is declared first for that."""
    fields = [(declared, table.key) for table in TABLES for declared in declared_fields(table.record).values()]
    fields += [(declared, str) for declared in declared_fields(OrderQuery).values()]
    for declared, own_key in fields:
        keys = [*map(own_key, declared.field.keys), *declared.more_keys]
        yield from ((key, declared, keys[0]) for key in keys)


def _spellings(enum: Any) -> set[str]:
    return {str(word) for word in (*enum.by_value, *enum.misplaced)}
