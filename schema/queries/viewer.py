"""Who asks."""

import strawberry

from schema.types.viewer import Viewer


@strawberry.type
class ViewerQueries:
    @strawberry.field(description="The caller (当前用户).")
    def viewer(self) -> Viewer:
        return Viewer()
