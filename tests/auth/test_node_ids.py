"""Node ids: one per record, signed, and opaque to callers."""

import string
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.auth.node_ids import InvalidNodeIdError, NodeId, NodeIds, looks_like_number, read_id_key
from gateway.settings import Settings

IDS = NodeIds(b"a key for tests, of any length")
URL_SAFE = string.ascii_letters + string.digits + "-_"

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
NODES = st.builds(
    NodeId,
    st.sampled_from(["Order", "Shenhe", "Repair", "House", "Community"]),
    st.none() | TEXTS,
    TEXTS,
)


@pytest.mark.parametrize(
    ("node", "text"),
    [
        (NodeId("Order", "10002", "1"), "AZOlT3JkZXKlMTAwMDKhMclUymWJ17zrYtwtIS745kk"),
        (NodeId("Shenhe", None, "2"), "AZOmU2hlbmhlwKEyEM9e97AUZvcUa8UWVVMEEg"),
        (NodeId("House", "00001", "1-2-3-301"), "AZOlSG91c2WlMDAwMDGpMS0yLTMtMzAx9R91jcZz90jppIH-m8pLXA"),
        (
            NodeId("Order", "10002", "20201213110146000001"),
            "AZOlT3JkZXKlMTAwMDK0MjAyMDEyMTMxMTAxNDYwMDAwMDE1lxbGtQx12lpBcPtD5jB-",
        ),
    ],
)
def test_version_1_ids_are_stable(node: NodeId, text: str) -> None:
    assert IDS.encode(*node) == text
    assert IDS.decode(text) == node


def test_numbers_are_encoded_as_their_text() -> None:
    assert IDS.encode("Order", "10002", 1) == IDS.encode("Order", "10002", "1")
    assert IDS.encode("House", "00001", -1, 2, 3, 301) == IDS.encode("House", "00001", "-1-2-3-301")


@settings(deadline=None)
@given(NODES)
def test_node_id_round_trips_and_fits_a_url(node: NodeId) -> None:
    text = IDS.encode(*node)

    assert IDS.decode(text) == node
    assert set(text) <= set(URL_SAFE)
    assert not looks_like_number(text)


@settings(deadline=None)
@given(NODES, st.data())
def test_altered_node_id_is_refused(node: NodeId, data: st.DataObject) -> None:
    text = IDS.encode(*node)
    position = data.draw(st.integers(0, len(text) - 1))
    change = data.draw(st.sampled_from(["replace", "insert", "delete", "cut", "double"]))
    letter = data.draw(st.sampled_from(URL_SAFE + "+/=. \n0é"))
    changed = {
        "replace": text[:position] + letter + text[position + 1 :],
        "insert": text[:position] + letter + text[position:],
        "delete": text[:position] + text[position + 1 :],
        "cut": text[:position],
        "double": text + text[position:],
    }[change]

    if changed != text:
        with pytest.raises(InvalidNodeIdError):
            IDS.decode(changed)


def test_hash_ids_are_stable_and_unlike_each_other() -> None:
    ids = {
        IDS.hashed("People", "李明", "19900000001"),
        IDS.hashed("People", "李明1", "9900000001"),
        IDS.hashed("People", "19900000001", "李明"),
        IDS.hashed("People", None, "李明"),
        IDS.hashed("People", "", "李明"),
        IDS.hashed("Member", "李明", "19900000001"),
        NodeIds(b"another key").hashed("People", "李明", "19900000001"),
    }

    assert len(ids) == 7
    assert "AucGlllNl3Ud7D_77Jz5nlw" in ids
    for text in ids:
        assert not looks_like_number(text)
        with pytest.raises(InvalidNodeIdError, match=r"^not an id of this gateway$"):
            IDS.decode(text)


def test_platform_number_is_recognised() -> None:
    assert all(map(looks_like_number, ["1", "0", "10002", "00001", "9" * 18]))
    for text in ("", "-1", "+1", "1.0", "1e3", " 1", "1\n", "0x1", "1_0", "１", "¹", "9" * 19, "A1"):
        assert not looks_like_number(text), text


def test_id_key_is_set_or_kept_in_the_data_directory(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="key"):
        NodeIds(b"")
    assert read_id_key(Settings(id_key="k" * 32, data_dir=tmp_path)) == b"k" * 32
    assert not list(tmp_path.iterdir())
    made = read_id_key(Settings(data_dir=tmp_path))
    assert made == read_id_key(Settings(data_dir=tmp_path)) != read_id_key(Settings(data_dir=tmp_path / "other"))
