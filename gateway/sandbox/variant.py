"""What a deployment does beyond every dialect of the document: other words and keys, pages of another size."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """`replaced` are texts that stand otherwise in every answer, keys and words alike. `turns_pages`: whether
    order/list gives the page that it is asked for, and not always the first; `counts_pages`: whether it then calls that
    the page that it is asked for.
    """

    replaced: Mapping[str, str] = field(default_factory=dict)
    turns_pages: bool = True
    counts_pages: bool = False

    def __call__(self, answer: bytes) -> bytes:
        for text, other in self.replaced.items():
            answer = answer.replace(f'"{text}"'.encode(), f'"{other}"'.encode())
            answer = answer.replace(f'\\"{text}\\"'.encode(), f'\\"{other}\\"'.encode())
        return answer


AS_DOCUMENTED = Variant()

STRANGE = Variant(
    replaced={
        "possion": "position",
        "people_zhengzhimianmao": "people_political",
        "remark": "beizhu",
        "住宅": "居住用房",
        "私有": "个人所有",
        "群众": "普通居民",
        "业主绑定": "绑定业主",
        "云停车场": "智慧停车",
        "访客通行": "智能门禁",
    },
    turns_pages=False,
)
"""Nobody has documented this one. 智能门禁 is a module that the document does not have."""
