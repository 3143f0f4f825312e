"""The numbers of notifications that contradict a payment, for people who look into it. Before this, only their hash."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    for name in ("order_number", "shop_number", "weixin_number"):
        op.add_column("payment_conflicts", sa.Column(name, sa.Text))
