"""Every mutation that writes to a platform, as a client sends it, and what it does there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from documents import write_document

PAYLOAD = "outcome userErrors { code field message upstreamMessage } operation { id outcome }"
OPERATION = "query ($id: ID!) { operation(id: $id) { outcome userErrors { code message } finishedAt } }"

FIRST = {
    "shenhe": '{ list: shenhes(communityCode: "10002", filter: { status: PENDING }, first: 1) { nodes { id } } }',
    "repair": '{ list: repairs(communityCode: "10002", filter: { status: OPEN }, first: 1) { nodes { id } } }',
}
MODULES = '{ community(code: "10002") { modules { name enabled } } }'
DRIFT = 'mutation { setModule(input: { communityCode: "00001", name: COMPLAINTS, enabled: true }) { outcome } }'
"""Makes wjdh differ from what the security platform reports, in this one module."""

HOUSE = {"building": 1, "unit": 1, "floor": 1, "room": 101}
"""王芳's, in 10002."""

TITLED = {"communityCode": "10002", "title": "物业费", "allowRepeat": True}
CHARGE = {"amount": "12.30", "details": [{"name": "面积", "value": "10"}]}
ORDERS = {"orders": [CHARGE | {"payer": {"house": HOUSE}}], "idempotencyKey": "orders"}
ORDER = "orderNumber order { number title amount { yuan } }"
SYNCHRONISED = "changes { name label wjdh security } modules { name enabled }"


@dataclass(frozen=True)
class Case:
    """`endpoint`: where it has one effect. `record`: which of `FIRST` gives the record to write to.

    `readable`: whether the platform lets one read the write back at once; `readable_later`: also from the journal
    alone, when the caller's arguments are gone. Of these alone it is known, too, that one was not done.
    """

    name: str
    mutation: str
    endpoint: str
    input: Mapping[str, Any]
    payload: str
    record: str | None = None
    readable: bool = True
    readable_later: bool = True

    @property
    def is_bulk(self) -> bool:
        """Whether it writes several records: here it is given one."""
        return self.mutation.endswith("s") and self.mutation != "syncModules"

    @property
    def document(self) -> str:
        fields = f"{PAYLOAD} {self.payload}"
        if self.is_bulk:
            fields = f"results {{ {fields} }}"
        return write_document(self.mutation, fields)

    async def prepare(self, gateway: Any, turn: int = 0) -> dict[str, Any]:
        """The input of another write of this kind: of a record that can be written to, or not written so before."""
        prepared = dict(self.input)
        if self.record is not None:
            found = (await gateway.ask(FIRST[self.record])).data["list"]["nodes"][0]["id"]
            prepared |= {"ids": [found]} if self.is_bulk else {"id": found}
        if "reply" in prepared:
            prepared["reply"] += f"（{turn}）"
        if "idempotencyKey" in prepared:
            prepared["idempotencyKey"] += str(turn)
        if self.mutation in ("setModule", "setModules"):
            modules = (await gateway.ask(MODULES)).data["community"]["modules"]
            [module] = [module for module in modules if module["name"] == prepared["name"]]
            prepared["enabled"] = not module["enabled"]
        if self.mutation == "syncModules":
            await gateway.ask(DRIFT)
        return prepared

    async def write(self, gateway: Any, prepared: Mapping[str, Any], **options: Any) -> Any:
        """The payload."""
        return self.result((await gateway.ask(self.document, {"input": prepared}, **options)).data)

    def result(self, data: Mapping[str, Any]) -> Any:
        payload = data[self.mutation]
        return payload["results"][0] if "results" in payload else payload


def decision(mutation: str, **given: Any) -> Case:
    name = f"{mutation} with corrections" if "content" in given else mutation
    return Case(name, mutation, "shenhe/update", given, "shenhe { status } reasonRecorded", "shenhe")


def order(name: str, payer: Mapping[str, Any], *, readable: bool = True, readable_later: bool = False) -> Case:
    given = TITLED | CHARGE | {"payer": payer, "idempotencyKey": "order"}
    return Case(f"createOrder for {name}", "createOrder", "order/new", given, ORDER, None, readable, readable_later)


def repair(name: str, status: str, reply: str) -> Case:
    given = {"status": status, "reply": reply}
    return Case(name, name.split(maxsplit=1)[0], "repair/update", given, "repair { status reply }", "repair")


def switch(mutation: str, **given: Any) -> Case:
    return Case(mutation, mutation, "module", given, "module { name enabled }")


def announcement(mutation: str, **given: Any) -> Case:
    given |= {"title": "停水通知", "content": "明日停水", "idempotencyKey": mutation}
    payload = "announcement { title content pinned published }"
    return Case(mutation, mutation, "announcement/new", given, payload, readable=False, readable_later=False)


CASES = (
    decision("approveShenhe"),
    decision("approveShenhe", content={"people": {"nation": "回族"}, "house": {"room": 102}}),
    decision("rejectShenhe", reason="照片不清晰"),
    decision("approveShenhes"),
    decision("rejectShenhes", reason="照片不清晰"),
    order("a house", {"house": HOUSE}, readable_later=True),
    order("a phone", {"phone": {"phone": "19900000002"}}),
    order("a name and phone", {"phone": {"phone": "19900000002", "name": "王芳"}}),
    order("an ID number", {"idCard": "999302199211302226"}),
    order("a car", {"carNumber": "GK12001"}, readable=False),
    order("a parking space", {"parkingNumber": "A011"}, readable=False),
    Case("createOrders for a house", "createOrders", "order/new", TITLED | ORDERS, ORDER),
    repair("updateRepair", "RESOLVED", "已修复"),
    repair("updateRepairs", "RESOLVED", "已修复"),
    repair("updateRepair with a reply alone", "OPEN", "明天上门"),
    switch("setModule", communityCode="10002", name="CLOUD_PARKING"),
    switch("setModules", communityCodes=["10002"], name="COMPLAINTS", dryRun=False),
    Case("syncModules", "syncModules", "module", {"communityCode": "00001", "dryRun": False}, SYNCHRONISED),
    announcement("createAnnouncement", communityCode="10002"),
    announcement("createAnnouncements", communityCodes=["10002"]),
)

BY_NAME = {case.name: case for case in CASES}
