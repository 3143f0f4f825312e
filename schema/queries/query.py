"""The root of all reads."""

import strawberry

from schema.queries.announcement import AnnouncementQueries
from schema.queries.community import CommunityQueries
from schema.queries.data_quality import DataQualityQueries
from schema.queries.dictionary import DictionaryQueries
from schema.queries.house import HouseQueries
from schema.queries.module import ModuleQueries
from schema.queries.node import NodeQueries
from schema.queries.operation import OperationQueries
from schema.queries.order import OrderQueries
from schema.queries.payment import PaymentQueries
from schema.queries.people import PeopleQueries
from schema.queries.platform import PlatformQueries
from schema.queries.record_list import RecordListQueries
from schema.queries.reveal import RevealQueries
from schema.queries.viewer import ViewerQueries


@strawberry.type(description="All reads (查询).")
class Query(
    NodeQueries,
    ViewerQueries,
    CommunityQueries,
    PeopleQueries,
    HouseQueries,
    RecordListQueries,
    OrderQueries,
    ModuleQueries,
    AnnouncementQueries,
    DictionaryQueries,
    OperationQueries,
    PaymentQueries,
    RevealQueries,
    DataQualityQueries,
    PlatformQueries,
):
    """One class per entity."""
