"""Feature modules: list and switch (3.2)."""

from gateway.sandbox.dialects import module
from gateway.sandbox.dialects.dialect import Row
from gateway.sandbox.endpoint import Form, RefusedError
from gateway.sandbox.wjdh.context import SERVER_ERROR, WjdhContext, switch_in


class ModuleEndpoints:
    def __init__(self, context: WjdhContext) -> None:
        self._context = context

    def list(self, form: Form) -> Row:
        """3.2.1: all modules of a community."""
        context = self._context
        rows = context.world.modules_of[context.community(form, "xiaoqu").code]
        return context.envelope.wjdh(
            "modules",
            0,
            "成功获取模块列表",
            data=module.modules(rows, context.dialect),
            message="message编码SecurityPlatformController518",
        )

    def update(self, form: Form) -> Row:
        """3.2.2: switch a module, found by its Chinese name (quirk 80)."""
        context = self._context
        community = context.community(form, "xiaoqu")
        name, enabled = form.get("module_name", ""), switch_in(form, "module_status")
        rows = [row for row in context.world.modules_of[community.code] if row.name == name]
        if not rows or enabled is None:
            raise RefusedError(1, SERVER_ERROR, "message编码SecurityPlatformController480")
        rows[0].enabled = enabled
        context.effects.record("module", f"{community.code} {name}", form, int(enabled))
        return context.envelope.wjdh(
            "module", 0, "模块状态更新成功", message="message编码SecurityPlatformController491"
        )
