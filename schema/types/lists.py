"""The lists of a community's records that the schema shows."""

from schema.types.order import ORDERS
from schema.types.repair import REPAIRS
from schema.types.shenhe import SHENHES

LISTS = (SHENHES, ORDERS, REPAIRS)
