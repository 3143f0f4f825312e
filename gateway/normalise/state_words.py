"""The words of the gateway's own enums (see `states`)."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from gateway.normalise.enum_words import EnumWords, Word
from gateway.normalise.states import (
    Availability,
    CircuitState,
    DeliveryState,
    FindingCode,
    Outcome,
    Severity,
    UserErrorCode,
)

STATES: Mapping[type[StrEnum], EnumWords[Any]] = MappingProxyType(
    {
        words.enum: words
        for words in (
            EnumWords(
                Outcome,
                "写入结果",
                "How a write ended",
                {
                    Outcome.CONFIRMED: Word("已确认", "It is done; a dry run has made its plan"),
                    Outcome.REFUSED: Word(
                        "已拒绝", "It is not done, or, of syncModules, not all of it; userErrors say why"
                    ),
                    Outcome.UNKNOWN: Word(
                        "结果未知", "It was sent and the answer was lost; the operation tells how it ends"
                    ),
                },
            ),
            EnumWords(
                UserErrorCode,
                "写入被拒绝的原因",
                "Why a write was refused",
                {
                    UserErrorCode.INVALID: Word("输入无效", "A value of the input cannot be used"),
                    UserErrorCode.NOT_FOUND: Word("记录不存在", "There is no such record"),
                    UserErrorCode.PERSON_NOT_FOUND: Word("查无此人", "The platform does not know this person"),
                    UserErrorCode.VEHICLE_NOT_FOUND: Word("查无此车", "The platform does not know this vehicle"),
                    UserErrorCode.NOT_REGISTERED: Word(
                        "用户未注册", "The person is known and has not registered in the mini program"
                    ),
                    UserErrorCode.FORBIDDEN_COMMUNITY: Word(
                        "无权操作该小区", "The community is not the caller's to write to"
                    ),
                    UserErrorCode.ALREADY_REVIEWED: Word("已审核", "The review has been decided before"),
                    UserErrorCode.CONFLICT: Word("冲突", "The write contradicts what is recorded already"),
                    UserErrorCode.IDEMPOTENCY_MISMATCH: Word(
                        "幂等键参数不一致", "The idempotency key was used with other arguments"
                    ),
                    UserErrorCode.IDEMPOTENCY_IN_PROGRESS: Word(
                        "正在处理", "The write with this idempotency key is still under way"
                    ),
                    UserErrorCode.NOT_SUPPORTED: Word(
                        "无法更正", "What was submitted cannot be read, so nothing in it can be corrected"
                    ),
                    UserErrorCode.UPSTREAM_REFUSED: Word("平台拒绝", "The platform said no"),
                    UserErrorCode.UPSTREAM_UNAVAILABLE: Word(
                        "平台不可用", "The platform could not be asked; nothing was changed"
                    ),
                },
            ),
            EnumWords(
                DeliveryState,
                "缴费通知投递状态",
                "Where the delivery of a payment notification stands",
                {
                    DeliveryState.QUEUED: Word("待投递", "Kept for good and to be delivered"),
                    DeliveryState.DELIVERED: Word("已送达", "The security platform has saved it"),
                    DeliveryState.DEAD: Word("投递失败", "Given up after the last attempt; can be retried"),
                },
            ),
            EnumWords(
                FindingCode,
                "核验发现",
                "What a check of an application against the security platform found",
                {
                    FindingCode.NOT_REGISTERED: Word(
                        "安防平台无此人", "The security platform does not know the applicant"
                    ),
                    FindingCode.FIELD_DIFFERS: Word("信息不一致", "A value differs from the registered one"),
                    FindingCode.HOUSE_HAS_OTHER_OWNER: Word("房屋已有其他业主", "The house has another owner"),
                    FindingCode.HOUSE_HAS_NO_OWNER: Word("房屋无业主", "The house has no registered owner"),
                    FindingCode.ALREADY_BOUND: Word("已绑定该房屋", "The applicant is bound to this house already"),
                    FindingCode.ID_CARD_INVALID: Word(
                        "身份证号校验不通过", "The ID number does not pass its check digit"
                    ),
                    FindingCode.SECURITY_UNAVAILABLE: Word(
                        "安防平台不可用", "The security platform could not be asked"
                    ),
                    FindingCode.NOT_CHECKED: Word(
                        "无法核验", "Not held against anything: what is needed for it is not told, or cannot be read"
                    ),
                },
            ),
            EnumWords(
                Severity,
                "严重程度",
                "How much a finding weighs",
                {
                    Severity.INFO: Word("提示", "Good to know"),
                    Severity.WARNING: Word("警告", "Look before deciding"),
                    Severity.BLOCKING: Word("阻断", "Speaks against approval"),
                },
            ),
            EnumWords(
                Availability,
                "接口可用性",
                "Whether an endpoint can be used",
                {
                    Availability.AVAILABLE: Word("可用", "Configured"),
                    Availability.NOT_CONFIGURED: Word("未配置", "The settings give no path for it"),
                    Availability.NOT_OFFERED: Word("平台未开发", "The platform has not developed it"),
                },
            ),
            EnumWords(
                CircuitState,
                "熔断状态",
                "The circuit breaker of an endpoint",
                {
                    CircuitState.CLOSED: Word("正常", "Calls pass"),
                    CircuitState.OPEN: Word("熔断", "Calls fail at once after repeated failures"),
                    CircuitState.HALF_OPEN: Word("试探", "One call is tried"),
                },
            ),
        )
    }
)
"""The words of every enum of `states`."""
