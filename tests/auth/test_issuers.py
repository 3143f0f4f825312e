"""Issuers that differ in their tokens, and several of them: whose keys verify what, and who is who."""

import json
from pathlib import Path

import pytest
from callers import AUDIENCE, ISSUER, NOW, KeyServer, Signers, claims, jwks, sign
from joserfc.jwk import OKPKey
from standing_clock import Clock

from gateway.auth.authenticator import Authenticator, open_authenticator
from gateway.auth.principal import Principal
from gateway.auth.refusals import InvalidTokenError
from gateway.auth.tokens import find_claim
from gateway.errors import IssuerUnavailableError, UnauthenticatedError
from gateway.settings import Settings, SettingsError, load_settings

STAFF = "https://staff.example"


def toml(**values: object) -> str:
    """A table of the file; JSON's texts, lists and booleans are TOML's, too."""
    return "[[issuer]]\n" + "".join(f"{name} = {json.dumps(value)}\n" for name, value in values.items())


@pytest.fixture
def key_file(signers: Signers, tmp_path: Path) -> str:
    path = tmp_path / "jwks.json"
    path.write_bytes(signers_public(signers))
    return str(path)


def signers_public(signers: Signers) -> bytes:
    return jwks(*signers.known.values())


@pytest.fixture
def staff_key() -> OKPKey:
    """Under a key id that the other issuer has, too."""
    return OKPKey.generate_key("Ed25519", {"kid": "ed"})


@pytest.fixture
def one(key_file: str) -> Settings:
    return Settings(auth_issuer=ISSUER, auth_audience=AUDIENCE, auth_key_file=key_file)


def changed(settings: Settings, **changes: object) -> Settings:
    return type(settings)(**{name: getattr(settings, name) for name in settings.__struct_fields__} | changes)


async def caller(authenticator: Authenticator, token: str) -> Principal:
    return await authenticator.authenticate(f"Bearer {token}")


async def reason(authenticator: Authenticator, token: str) -> str:
    with pytest.raises(UnauthenticatedError) as refused:
        await authenticator.authenticate(f"Bearer {token}")
    cause = refused.value.__cause__ or refused.value
    assert isinstance(cause, InvalidTokenError)
    return str(cause.reason)


class TestDialects:
    @pytest.mark.parametrize(
        ("names", "given"),
        [
            ("scope scopes scp", {"scp": "order:read"}),
            ("scope scopes scp", {"scp": ["order:read", "openid"]}),
            ("roles", {"roles": ["order:read"]}),
            ("realm_access.roles", {"realm_access": {"roles": ["order:read", "offline_access"]}}),
            ("resource_access.wanjia.roles", {"resource_access": {"wanjia": {"roles": "order:read"}}}),
            ("https://example.org/scopes", {"https://example.org/scopes": "order:read"}),
            ("roles, scp", {"roles": None, "scp": "order:read"}),
        ],
    )
    async def test_scopes_come_from_the_claims_named(
        self, one: Settings, signers: Signers, clock: Clock, names: str, given: dict[str, object]
    ) -> None:
        authenticator = open_authenticator(changed(one, auth_scope_claims=names), clock)
        token = sign(signers.ed, claims(scope=None, **given), "EdDSA")
        assert (await caller(authenticator, token)).scopes == {"order:read"}

    async def test_other_claims_grant_nothing(self, one: Settings, signers: Signers, clock: Clock) -> None:
        settings = changed(one, auth_scope_claims="roles", auth_community_claims="tenant.codes")
        token = sign(signers.ed, claims(scope="pii:read", tenant="10002", roles=None), "EdDSA")
        found = await caller(open_authenticator(settings, clock), token)
        assert (found.scopes, found.communities) == (set(), set())

    async def test_communities_come_from_the_claims_named(self, one: Settings, signers: Signers, clock: Clock) -> None:
        settings = changed(one, auth_community_claims="tenant.codes")
        token = sign(signers.ed, claims(communities=["00001"], tenant={"codes": ["10002"]}), "EdDSA")
        assert (await caller(open_authenticator(settings, clock), token)).codes == ("10002",)

    async def test_named_claim_of_a_wrong_type_is_refused(self, one: Settings, signers: Signers, clock: Clock) -> None:
        authenticator = open_authenticator(changed(one, auth_scope_claims="realm_access.roles"), clock)
        token = sign(signers.ed, claims(realm_access={"roles": {"order:read": True}}), "EdDSA")
        assert await reason(authenticator, token) == "claims"

    @pytest.mark.parametrize(("needs", "typ", "refused"), [(True, None, "header"), (False, "logout+jwt", "typ")])
    async def test_typ_is_checked_where_it_is_needed_or_there(
        self, one: Settings, signers: Signers, clock: Clock, needs: bool, typ: str | None, refused: str
    ) -> None:
        authenticator = open_authenticator(changed(one, auth_require_typ=needs), clock)
        assert await reason(authenticator, sign(signers.ed, claims(), "EdDSA", typ=typ)) == refused

    async def test_token_without_typ_is_accepted_by_option(self, one: Settings, signers: Signers, clock: Clock) -> None:
        authenticator = open_authenticator(changed(one, auth_require_typ=False), clock)
        assert (await caller(authenticator, sign(signers.ed, claims(), "EdDSA", typ=None))).subject == "lin"

    def test_whole_name_comes_before_the_path(self) -> None:
        given = {"a.b": 1, "a": {"b": 2, "c": {"d": 3}}, "x": "text"}
        assert [find_claim(given, name) for name in ("a.b", "a.c.d", "a.c.d.e", "x.y", "z")] == [1, 3, None, None, None]


class TestSeveral:
    @pytest.fixture
    def staff_file(self, staff_key: OKPKey, tmp_path: Path) -> str:
        path = tmp_path / "staff.json"
        path.write_bytes(jwks(staff_key))
        return str(path)

    @pytest.fixture
    def tables(self, key_file: str, staff_file: str) -> list[str]:
        return [
            toml(issuer=ISSUER, audience=AUDIENCE, key_file=key_file),
            toml(
                name="staff",
                issuer=STAFF,
                audience="gateway",
                key_file=staff_file,
                scope_claims=["scp"],
                community_claims=["tenant.codes"],
                require_typ=False,
            ),
        ]

    @pytest.fixture
    def both(self, tables: list[str], tmp_path: Path) -> Settings:
        file = tmp_path / "issuers.toml"
        file.write_text("\n".join(tables))
        return Settings(auth_issuers=str(file))

    @pytest.fixture
    def authenticator(self, both: Settings, clock: Clock) -> Authenticator:
        return open_authenticator(both, clock)

    def staff(self, key: OKPKey, **changes: object) -> str:
        own = {"iss": STAFF, "aud": "gateway", "scp": "repair:read", "tenant": {"codes": ["00001"]}}
        return sign(key, claims(**own | changes), "EdDSA", typ=None)

    async def test_each_issuer_has_its_own_terms(
        self, authenticator: Authenticator, signers: Signers, staff_key: OKPKey
    ) -> None:
        first = await caller(authenticator, sign(signers.ed, claims(), "EdDSA"))
        second = await caller(authenticator, self.staff(staff_key))
        assert (first.subject, first.scopes, first.codes) == ("lin", {"order:read"}, ("10002",))
        assert (second.subject, second.scopes, second.codes) == ("staff:lin", {"repair:read"}, ("00001",))

    async def test_keys_of_one_issuer_do_not_speak_for_another(
        self, authenticator: Authenticator, signers: Signers, staff_key: OKPKey
    ) -> None:
        assert await reason(authenticator, self.staff(signers.ed)) == "signature"
        assert await reason(authenticator, sign(staff_key, claims(), "EdDSA")) == "signature"
        unknown = sign(signers.rsa, claims(iss=STAFF, aud="gateway"), "RS256", typ=None)
        assert await reason(authenticator, unknown) == "key"

    @pytest.mark.parametrize(
        ("changes", "refused"),
        [
            ({"iss": "https://evil.example"}, "iss"),
            ({"iss": [STAFF]}, "claims"),
            ({"iss": None}, "claims"),
            ({"aud": AUDIENCE}, "aud"),
            ({"exp": NOW - 60}, "exp"),
            ({"sub": "x" * 250}, "claims"),
        ],
    )
    async def test_terms_of_the_named_issuer_hold(
        self, authenticator: Authenticator, staff_key: OKPKey, changes: dict[str, object], refused: str
    ) -> None:
        assert await reason(authenticator, self.staff(staff_key, **changes)) == refused

    async def test_first_issuer_still_needs_typ(self, authenticator: Authenticator, signers: Signers) -> None:
        assert await reason(authenticator, sign(signers.ed, claims(), "EdDSA", typ=None)) == "header"

    async def test_unnamed_issuer_cannot_name_callers_of_another(
        self, authenticator: Authenticator, signers: Signers
    ) -> None:
        assert await reason(authenticator, sign(signers.ed, claims(sub="staff:lin"), "EdDSA")) == "claims"
        token = sign(signers.ed, claims(sub="staffing:lin"), "EdDSA")
        assert (await caller(authenticator, token)).subject == "staffing:lin"

    async def test_garbage_is_refused(self, authenticator: Authenticator, signers: Signers) -> None:
        header, _, rest = sign(signers.ed, claims(), "EdDSA").partition(".")
        for token in (f"{header}.%%%.AAAA", f"{header}..AAAA", f"{header}.{'W1' * 500}.AAAA"):
            assert await reason(authenticator, token) == "claims"
        assert await reason(authenticator, rest) == "form"

    async def test_one_unreachable_issuer_leaves_the_other(
        self,
        tables: list[str],
        key_server: KeyServer,
        signers: Signers,
        staff_key: OKPKey,
        tmp_path: Path,
        clock: Clock,
    ) -> None:
        key_server.status = "503 Unavailable"
        file = tmp_path / "both.toml"
        down = toml(name="staff", issuer=STAFF, audience="gateway", jwks_url=key_server.url, require_typ=False)
        file.write_text(down + tables[0])
        authenticator = open_authenticator(Settings(auth_issuers=str(file)), clock)

        assert (await caller(authenticator, sign(signers.ed, claims(), "EdDSA"))).subject == "lin"
        with pytest.raises(IssuerUnavailableError):
            await caller(authenticator, self.staff(staff_key))
        await authenticator.ready()
        with pytest.raises(IssuerUnavailableError):
            await authenticator.ready_for_all()
        await authenticator.aclose()


FIRST = {"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": "https://a.example/jwks"}


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "missing required field `issuer`"),
        ("[[issuer", "the file is no TOML"),
        (toml(**FIRST | {"audience": ""}), "length >= 1 - at `$.issuer[0].audience`"),
        (toml(**FIRST, secret="s3cr3t"), "unknown field `secret`"),
        (toml(**FIRST, key_file="x"), "issuer 1: exactly one of jwks_url and key_file is needed"),
        (toml(**FIRST | {"jwks_url": "http://a.example/jwks"}), "issuer 1: jwks_url: needs an https address"),
        (toml(issuer=ISSUER, audience=AUDIENCE, key_file="/nowhere"), "issuer 1: key_file: not a readable JWK set"),
        (toml(**FIRST, name="Staff"), "matching regex"),
        (toml(**FIRST) + toml(**FIRST, name="b"), "issuer 2: repeats an issuer"),
        (toml(**FIRST) + toml(**FIRST | {"issuer": STAFF}), "issuer 2: needs a name; one issuer alone may go without"),
        (toml(**FIRST, name="b") + toml(**FIRST | {"issuer": STAFF}, name="b"), "issuer 2: repeats a name"),
    ],
)
def test_mistake_in_issuers_file_is_named(tmp_path: Path, text: str, mistake: str) -> None:
    file = tmp_path / "issuers.toml"
    file.write_text(text)
    with pytest.raises(SettingsError) as refused:
        open_authenticator(Settings(auth_issuers=str(file)))
    assert str(refused.value).startswith("GATEWAY_AUTH_ISSUERS: ")
    assert mistake in str(refused.value)
    assert "s3cr3t" not in str(refused.value)


def test_missing_issuers_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"^GATEWAY_AUTH_ISSUERS: the file cannot be read"):
        open_authenticator(Settings(auth_issuers=str(tmp_path / "none")))


def test_issuers_file_excludes_settings_of_one_issuer() -> None:
    with pytest.raises(SettingsError, match=r"^GATEWAY_AUTH_ISSUERS: takes the place of"):
        load_settings({"GATEWAY_AUTH_ISSUERS": "x", "GATEWAY_AUTH_AUDIENCE": "a"})


class TestAdopt:
    """Other settings of the issuer while requests are served."""

    async def test_replaced_key_file_ends_old_tokens(
        self, one: Settings, key_file: str, signers: Signers, staff_key: OKPKey, clock: Clock
    ) -> None:
        authenticator = open_authenticator(one, clock)
        old, new = (sign(key, claims(), "EdDSA") for key in (signers.ed, staff_key))
        await caller(authenticator, old)
        trusted = authenticator.cached(f"Bearer {old}")
        assert trusted is not None
        assert authenticator.trusts(trusted)

        Path(key_file).write_bytes(jwks(staff_key))  # noqa: ASYNC240 # a small file, and nobody else waits
        await (await authenticator.adopt(one))()

        assert not authenticator.trusts(trusted)  # which a connection may hold
        assert await reason(authenticator, old) == "signature"
        assert (await caller(authenticator, new)).subject == "lin"

    async def test_unusable_key_file_leaves_all_as_it_is(
        self, one: Settings, key_file: str, signers: Signers, clock: Clock
    ) -> None:
        authenticator = open_authenticator(one, clock)
        token = sign(signers.ed, claims(), "EdDSA")
        await caller(authenticator, token)
        Path(key_file).write_text("no key")  # noqa: ASYNC240 # likewise

        with pytest.raises(SettingsError):
            await authenticator.adopt(one)

        assert authenticator.cached(f"Bearer {token}") is not None

    async def test_keys_of_the_same_address_are_fetched_again_and_kept(
        self, one: Settings, key_server: KeyServer, signers: Signers, clock: Clock
    ) -> None:
        key_server.body = signers_public(signers)
        fetched = changed(one, auth_key_file="", auth_jwks_url=key_server.url)
        authenticator = open_authenticator(fetched, clock)
        token = sign(signers.ed, claims(), "EdDSA")
        await caller(authenticator, token)
        key_server.status = "503 Unavailable"

        await (await authenticator.adopt(fetched))()

        assert (await caller(authenticator, token)).subject == "lin"  # the last good keys hold
        await authenticator.aclose()

    async def test_adopted_claim_names_hold(self, one: Settings, signers: Signers, clock: Clock) -> None:
        authenticator = open_authenticator(one, clock)
        token = sign(signers.ed, claims(roles="repair:read"), "EdDSA")
        assert (await caller(authenticator, token)).scopes == {"order:read"}

        await (await authenticator.adopt(changed(one, auth_scope_claims="roles")))()

        assert (await caller(authenticator, token)).scopes == {"repair:read"}
