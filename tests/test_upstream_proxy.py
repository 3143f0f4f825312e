"""The gateway in a network with a proxy: every call to a platform goes through it."""

from forward_proxy import PASSWORD, forward_proxy

QUERY = """{
  orders(communityCode: "10002", first: 3) { nodes { number } }
  community(code: "10002") { modules { name enabled } }
}"""
ENABLE = """mutation {
  setModule(input: { communityCode: "10002", name: COMPLAINTS, enabled: %s }) { outcome }
}"""


async def test_every_upstream_call_goes_through_the_proxy(serve, environ, sandbox, capfd):
    async def refuse(_reader, writer):
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    async with forward_proxy() as proxy, serve(environ | {"GATEWAY_UPSTREAM_PROXY": proxy.url}) as gateway:
        modules = (await gateway.ask(QUERY)).data["community"]["modules"]
        [complaints] = [module for module in modules if module["name"] == "COMPLAINTS"]
        written = await gateway.ask(ENABLE % str(not complaints["enabled"]).lower())
        assert written.data["setModule"]["outcome"] == "CONFIRMED"
        assert len(proxy.targets) == len(sandbox.calls) > 3

        sandbox.reset_calls()
        proxy.intercept = refuse
        refused = await gateway.ask(ENABLE % "true")
    assert refused.code == "UPSTREAM_UNAVAILABLE"
    assert refused.error["message"] == "The proxy refused the call: HTTP 407."
    assert sandbox.calls == []
    assert PASSWORD not in "".join(capfd.readouterr())
