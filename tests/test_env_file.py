"""Environment files: what a line may be, what wins, and which mistakes are named by their line."""

from pathlib import Path

import pytest

from gateway.env_file import export_others, read_environment
from gateway.settings import SettingsError, unknown_variables


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "gateway.env"


def read(*files: Path, **environ: str) -> dict[str, str]:
    found = read_environment({"GATEWAY_ENV_FILE": ":".join(map(str, files)), **environ})
    return {name: value for name, value in found.items() if name != "GATEWAY_ENV_FILE"}


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("X=plain", "plain"),
        ("  X=indented  ", "indented"),
        ("export X=exported", "exported"),
        ("X=", ""),
        ("X=a=b", "a=b"),
        ("X='single # quoted'", "single # quoted"),
        ('X="double"', "double"),
        ("X=it's", "it's"),
        ('X="a" "b"', 'a" "b'),
        ("X=p#ss w#rd # no comment", "p#ss w#rd # no comment"),
        ("X=$HOME/${Y}\\n", "$HOME/${Y}\\n"),
        ("X=晨曦家园", "晨曦家园"),
        ("# X=1\n\n   # Y=2\nX=3\r\n", "3"),
        ("X=1\nX=2", "2"),
        ("\ufeffX=after a byte order mark", "after a byte order mark"),
    ],
)
def test_line_is_read_literally(file: Path, line: str, value: str) -> None:
    file.write_text(line, encoding="utf-8")
    assert read(file) == {"X": value}


def test_mistakes_name_file_and_line_never_a_value(file: Path) -> None:
    file.write_text("GOOD=s3cr3t\ns3cr3t\n1BAD=s3cr3t\nX = s3cr3t\nY='s3cr3t\nGATEWAY_ENV_FILE=s3cr3t\n")
    missing = file.with_name("missing.env")

    with pytest.raises(SettingsError) as refused:
        read(missing, file)

    assert [mistake.removeprefix("GATEWAY_ENV_FILE: ") for mistake in refused.value.args] == [
        f"{missing} cannot be read: No such file or directory",
        f"{file}, line 2: must be NAME=VALUE, a comment that begins with #, or blank",
        f"{file}, line 3: must be NAME=VALUE, a comment that begins with #, or blank",
        f"{file}, line 4: must be NAME=VALUE, a comment that begins with #, or blank",
        f"{file}, line 5: Y: the quote that opens does not close",
        f"{file}, line 6: a file cannot name others",
    ]
    assert "s3cr3t" not in str(refused.value)
    file.write_bytes("X=密钥".encode("gbk"))
    with pytest.raises(SettingsError, match="must be UTF-8"):
        read(file)


def test_environment_wins_unless_it_is_empty_then_the_last_file(file: Path) -> None:
    other = file.with_name("other.env")
    file.write_text("X=1\nY=1\nZ=1\n")
    other.write_text("X=2\n")
    assert read(file, other, Z=" ") == {"X": "2", "Y": "1", "Z": "1"}
    assert read(other, file, Y="0") == {"X": "1", "Y": "0", "Z": "1"}


def test_unknown_setting_of_a_file_is_reported(file: Path) -> None:
    file.write_text("GATEWAY_WJDH_ULR=x\n")
    [line] = unknown_variables({"GATEWAY_ENV_FILE": str(file)})
    assert line.endswith("did you mean GATEWAY_WJDH_URL?")


def test_other_variables_are_exported_and_settings_are_not(file: Path) -> None:
    file.write_text("PGPASSWORD=a\nPGSSLROOTCERT=b\nGATEWAY_ID_KEY=c\nTZ=d\n")
    environ = {"GATEWAY_ENV_FILE": str(file), "TZ": "UTC"}
    export_others(environ)
    assert environ == {"GATEWAY_ENV_FILE": str(file), "TZ": "UTC", "PGPASSWORD": "a", "PGSSLROOTCERT": "b"}
