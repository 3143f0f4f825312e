"""The call log, the effects, the tokens and the reset of the sandbox."""

from gateway.sandbox.faults import Fault, FaultKind
from gateway.sandbox.server import SandboxOptions


async def test_calls_are_logged_with_form_and_headers(client):
    await client.wjdh("order/list", xiaoqu="10002", page="2")
    await client.security("people", name="李明", phone="19900000001")
    first, second = client.sandbox.calls
    assert (first.platform, first.endpoint, first.method) == ("WJDH", "order/list", "POST")
    assert first.form == {"xiaoqu": "10002", "page": "2"}
    assert first.headers["authorization"] == client.bearer
    assert second.form == {"token": client.token, "name": "李明", "phone": "19900000001"}
    assert second.at >= first.at
    await client.wjdh("modules", xiaoqu="10002")
    assert client.sandbox.calls[2].connection == first.connection


async def test_counts_separate_reads_writes_and_logins(client):
    await client.wjdh("secret")
    await client.wjdh("shenhe", id="1")
    await client.wjdh("shenhe/update", id="1", status="1")
    await client.wjdh("shenhe/update", id="1", status="1")
    await client.security("token")
    assert client.sandbox.counts() == {
        ("WJDH", "secret"): 1,
        ("WJDH", "shenhe"): 1,
        ("WJDH", "shenhe/update"): 2,
        ("SECURITY", "token"): 1,
    }
    assert client.sandbox.count("WJDH", "shenhe/update") == 2
    assert client.sandbox.count("WJDH", "repair") == 0
    client.sandbox.reset_calls()
    assert client.sandbox.counts() == {}
    assert client.sandbox.calls == []


async def test_call_with_a_fault_is_logged(client):
    client.sandbox.faults.set("WJDH", "modules", Fault(FaultKind.HTTP_500))
    await client.send("WJDH", "modules", xiaoqu="10002")
    assert client.sandbox.count("WJDH", "modules") == 1


async def test_effects_count_repeated_writes(client):
    effects = client.sandbox.effects
    order = {
        "xiaoqu": "10002",
        "type": "car_number",
        "identifier": '{"number":"GK12001"}',
        "title": "临时停车费",
        "amount": "5",
    }
    assert effects.count("order/new") == 0
    number = (await client.wjdh("order/new", **order))["data"]
    assert [effect.result for effect in effects.of("order/new", title="临时停车费")] == [str(number)]
    assert effects.repeated("order/new") == {}
    await client.wjdh("order/new", **dict(reversed(order.items())))
    assert list(effects.repeated("order/new").values()) == [2]

    await client.wjdh("module", xiaoqu="00001", module_name="绑定房屋", module_status="0")
    await client.wjdh("module", xiaoqu="00002", module_name="绑定房屋", module_status="0")
    assert effects.count("module", xiaoqu="00001") == 1
    assert effects.repeated("module") == {}
    effects.clear()
    assert effects.all() == []


async def test_tokens_expire_by_the_clock(start):
    now = [1_000_000.0]
    async with start(clock=lambda: now[0], token_lifetime=60.0) as client:
        now[0] += 59
        assert int((await client.wjdh("modules", xiaoqu="10002"))["code"]) == 0
        now[0] += 1
        assert (await client.wjdh("modules", xiaoqu="10002"))["code"] == "9"
        assert client.sandbox.calls[-1].at == now[0]


async def test_single_token_option_ends_the_old_token(start, client):
    for single, code in ((True, "9"), (False, 0)):
        async with start(single_token=single) as other:
            secret_id, secret_key = other.sandbox.options.wjdh_credentials
            await other.wjdh("secret", secret_id=secret_id, secret_key=secret_key)
            assert (await other.wjdh("modules", xiaoqu="10002"))["code"] == code


async def test_tokens_expire_per_platform(client):
    client.sandbox.expire_tokens("SECURITY")
    assert (await client.security("modules-sync"))["code"] == "9"
    assert (await client.wjdh("modules", xiaoqu="10002"))["code"] == 0


async def test_reset_restores_the_initial_state(client):
    await client.wjdh("repair/update", id="1", status="1")
    client.sandbox.faults.set("WJDH", None, Fault(FaultKind.RESET))
    client.sandbox.reset()
    assert client.sandbox.effects.all() == []
    assert client.sandbox.counts() == {}
    assert (await client.wjdh("repair", id="1"))["code"] == "9"
    await client.sign_in()
    assert (await client.wjdh("repair", id="1"))["data"]["status"] == "未处理"


async def test_settings_point_at_the_running_servers(client):
    settings = client.sandbox.settings()
    assert settings["GATEWAY_WJDH_URL"] == client.sandbox.wjdh.url
    assert settings["GATEWAY_SECURITY_URL"] == client.sandbox.security.url
    assert settings["GATEWAY_SECURITY_OWNER_PATH"] == SandboxOptions().security_paths.owner
