"""What has an id by which it can be fetched again."""

import strawberry


@strawberry.interface(description="What can be fetched again by its id (节点).")
class Node:
    id: strawberry.ID = strawberry.field(
        description="Opaque and signed: made by this gateway, kept and sent back as it is (节点标识)."
    )
