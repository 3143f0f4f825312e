"""graphql-core's parser, with locations that hold no tokens.

Tokens are linked to both neighbours, and each location holds two of them: every document would stay, when nobody needs
it any more, until the cycle collector comes. What errors need of a location is where it starts, and in which source.
"""

import msgspec
from graphql import DocumentNode, Source, Token
from graphql.language.parser import Parser, nested_too_deeply_error


class Span(msgspec.Struct, frozen=True, gc=False):
    """What graphql-core reads of a `Location`, without being an object that the garbage collector looks at."""

    start: int
    end: int
    source: Source


def parse(text: str, tokens: int) -> DocumentNode:
    """As `graphql.parse`, for documents of up to so many tokens and comments. Raises GraphQLSyntaxError."""
    return _Parser(text, max_lexical_tokens=tokens, max_comments=tokens).document()


class _Parser(Parser):
    def document(self) -> DocumentNode:
        token: Token | None = self._lexer.token
        try:
            return self.parse_document()
        except RecursionError:
            pass
        finally:
            while token:
                token.prev, token = None, token.next
        raise nested_too_deeply_error(self)

    def loc(self, start_token: Token) -> Span:  # type: ignore[override] # which has no base class to share
        lexer = self._lexer
        return Span(start_token.start, lexer.last_token.end, lexer.source)
