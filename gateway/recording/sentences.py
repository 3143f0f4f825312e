"""What is kept of the texts that platforms say beside the data. Platforms echo values in them, so no text is trusted:
kept are the document's own sentences, and of others the words that the gateway goes by. Pure.
"""

import re
from collections.abc import Callable, Collection

from gateway.platforms.envelope import COMMUNITY_REFUSAL
from gateway.platforms.security import FAILED_LOOK_UP
from gateway.platforms.wjdh import FAILED_FETCH

DOCUMENTED = frozenset(
    {
        "请重新建立智慧平台鉴权连接",
        "token值因各种原因而失效，请重新调用接口获取token",
        "token获取成功",
        "token获取失败",
        "获取到了token值",
        "没有找到该密钥对儿对应的用户，请联系万家灯火平台的数据库负责人",
        "告诉负责人，是security_platform_managers表里没有查找到",
        "服务器开小差，请重试",
        "您没有权限管理该小区，请核对授权信息",
        "成功查询到该条审核数据",
        "必须传递shenhe表的id值",
        "订单创建成功",
        "返回订单号",
        "查无此人",
        "查无此车",
        "获取订单列表成功",
        "成功获取模块列表",
        "模块状态更新成功",
        "成功查询返回报修列表",
        "成功获取报修记录",
        "修改成功",
        "公告发布成功",
        "没查找到",
        "查找成功",
    }
)

_CODE = r"message编码[A-Za-z]{1,40}[0-9]{1,5}"


def words_to_keep(not_found: Collection[str] = ()) -> re.Pattern[str]:
    """What is kept of a sentence that is not documented. `not_found`: the wordings of the deployment's profile."""
    wordings = [re.escape(wording) for wording in not_found]
    patterns = [COMMUNITY_REFUSAL.pattern, FAILED_LOOK_UP.pattern, FAILED_FETCH.pattern]
    return re.compile("|".join([_CODE, *wordings, *patterns]), re.IGNORECASE)


def shown_part(sentence: str, kept: re.Pattern[str], replace: Callable[[str], str]) -> str:
    """The sentence with all replaced that is not kept."""
    if sentence.strip() in DOCUMENTED:
        return sentence
    parts: list[str] = []
    end = 0
    for word in kept.finditer(sentence):
        parts += replace(sentence[end : word.start()]), word[0]
        end = word.end()
    return "".join([*parts, replace(sentence[end:])])
