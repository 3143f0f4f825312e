"""What tests of the readers need: somewhere to collect issues."""

from schema.normalise.issues import Issues
from schema.normalise.vocabulary import DataProblem, PlatformName


class CollectedIssues(Issues):
    platform = PlatformName.WJDH

    @property
    def noted(self) -> list[tuple[str, str | None, DataProblem]]:
        return [(issue.field, issue.raw, issue.problem) for issue in self.found]
