"""Data: files that are none, tables and arrays that nothing can be learned from, and bombs; all seen by the client."""

from __future__ import annotations

import io
import os
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from hostile.cases import Content, Hostile, hostile
from hostile.conftest import Refused
from sweeps.data import DataSource, load

ROWS = "".join(f"{n},{n % 7},{'ab'[n % 2]}\n" for n in range(40))
X, Y = np.arange(120, dtype="float32").reshape(40, 3), np.arange(40) % 2


def csv(name: str, content: Content, *says: str, target: str = "c") -> Any:
    arguments = ["run", "s", "--dataset", "t.csv", "--target", target]
    return hostile(f"csv {name}", arguments, "t.csv'", *says, **{"t.csv": content})


def parquets(name: str, content: Content, *says: str) -> Any:
    arguments = ["run", "s", "--dataset", "t.parquet", "--target", "c"]
    return hostile(f"parquet {name}", arguments, "t.parquet'", *says, **{"t.parquet": content})


def npz(name: str, content: Content, *says: str) -> Any:
    return hostile(f"npz {name}", ["run", "s", "--dataset", "t.npz"], "t.npz'", *says, **{"t.npz": content})


def arrays(**named: Any) -> Callable[[Path], None]:
    return lambda path: np.savez(path, allow_pickle=True, **named)


def table(**columns: Any) -> Callable[[Path], None]:
    return lambda path: parquet.write_table(pa.table(columns), path)


def zip_bomb(path: Path) -> None:
    """300 MiB of zeros in 1 MB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("y.npy", npy(Y))
        with archive.open("x.npy", "w", force_zip64=True) as member:
            member.write(header((40, 2**21), "<f4"))
            for _ in range(20):
                member.write(bytes(2**24))


def lying_directory(path: Path) -> None:
    """A zip whose directory says that a member is small, while it unpacks to 300 MB."""
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("x.npy", header((40, 2_000_000), "<f4") + bytes(320_000_000))
        archive.writestr("y.npy", npy(Y))
    content = bytearray(whole.getvalue())
    entry = content.index(b"PK\1\2")
    content[entry + 24 : entry + 28] = struct.pack("<I", 1000)
    path.write_bytes(content)


def header(shape: tuple[int, ...], dtype: str) -> bytes:
    """The head of an .npy file of that shape."""
    text = io.BytesIO()
    np.lib.format.write_array_header_1_0(text, {"descr": dtype, "fortran_order": False, "shape": shape})
    return text.getvalue()


def npy(array: Any) -> bytes:
    """An .npy file."""
    content = io.BytesIO()
    np.save(content, array)
    return content.getvalue()


def zipped(**members: bytes) -> bytes:
    """A zip of .npy files as they are given."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, inside in members.items():
            archive.writestr(f"{name}.npy", inside)
    return content.getvalue()


TABLES = [
    csv("empty", "", "empty"),
    csv("of blank lines", "\n\n\n", "header line"),
    csv("of a header alone", "a,b,c\n", "no rows"),
    csv("of a single row", "a,b,c\n1,2,x\n", "two classes", "'x'"),
    csv("of a row a class", "a,b,c\n1,2,x\n3,4,y\n", "class 'x'", "3 rows", "got 1"),
    csv("ragged", f"a,b,c\n{ROWS}1,2\n", "line 42 has 2", "3 fields"),
    csv("with a field too many", f"a,b,c\n1,2,x,9\n{ROWS}", "line 2 has 4", "3 fields"),
    csv("binary", bytes(range(256)) * 40, "UTF-8"),
    csv("nul bytes", f"a,b,c\n{ROWS}".replace(",6,", ",\0,"), "'b'", "NUL"),
    csv("an unclosed quote", f'a,b,c\n"{ROWS}', "t.csv"),
    csv("no target", f"a,b,c\n{ROWS}", "no column 'd'", "'a', 'b', 'c'", target="d"),
    csv("empty target", f"a,b,c\n{ROWS}", "no column ''", target=""),
    csv("target of gaps", "a,b,c\n" + "1,2,\n" * 40, "column 'c'", "no value in any row"),
    csv("target of one value", "a,b,c\n" + "1,2,x\n" * 40, "two classes", "'x'"),
    csv("target of infinity", "a,b,c\n" + "1,2,inf\n1,2,1\n" * 20, "'c'", "infinite"),
    csv("infinite column", "a,b,c\n" + "1e999,2,x\n1,2,y\n" * 20, "'a'", "3.4e38"),
    csv("target of dates", "a,b,c\n" + "1,2,2024-01-01\n1,2,2024-01-02\n" * 20, "'c'", "date"),
    csv("only a column of names", "a,c\n" + "".join(f"n{n},{n % 2}\n" for n in range(2000)), "'a'", "id", "2000"),
    csv("only a column of prose", "a,c\n" + f"{'word ' * 100},x\n1,y\n" * 20, "'a'", "500 characters"),
    csv("only an empty column", "a,c\n" + ",x\n,y\n" * 20, "'a'", "no value"),
    csv("pipe", os.mkfifo, "pipe"),
    csv("folder", Path.mkdir, "folder"),
    csv("link to nowhere", lambda path: path.symlink_to("nowhere"), "no such file"),
    csv("link to itself", lambda path: path.symlink_to(path), "t.csv"),
    csv("link to a device", lambda path: path.symlink_to("/dev/zero"), "device"),
    parquets("of text", "a,b,c\n", "Parquet"),
    parquets("cut off", b"PAR1\0\0\0\0", "Parquet"),
    parquets("no rows", table(a=pa.array([], "int64"), c=pa.array([], "int64")), "no rows"),
    parquets("lists in a column", table(a=[[1], [2]] * 20, c=[0, 1] * 20), "'a'", "list"),
    parquets("bytes in a column", table(a=[b"1", b"2"] * 20, c=[0, 1] * 20), "'a'", "binary"),
    hostile(
        "table without a target", ["run", "s", "--dataset", "t.csv"], "target", "'a'", **{"t.csv": f"a,b,c\n{ROWS}"}
    ),
    hostile("table of another ending", ["run", "s", "--dataset", "t.xlsx"], "'.xlsx'", ".csv", **{"t.xlsx": b"PK"}),
]

ARRAYS = [
    npz("empty", b"", "empty"),
    npz("no zip", b"not a zip", "zip"),
    npz("cut off", zipped(x=npy(X), y=npy(Y))[:300], "zip"),
    npz("flipped", zipped(x=npy(X), y=npy(Y)).replace(npy(X)[-40:], bytes(40)), "zip", "CRC"),
    npz("of no arrays", zipped(), "x_train", "none"),
    npz("of other names", arrays(a=X, b=Y), "x_train", "got a, b"),
    npz("misspelt", arrays(x_trian=X, y_train=Y), "'x_trian'", "Did you mean 'x_train'"),
    npz("without a target", arrays(x=X), "'y'", "missing"),
    npz("of parts and all", arrays(x=X, y=Y, x_train=X, y_train=Y), "or only x, y"),
    npz("objects in x", arrays(x=np.array([[1], [2]], object), y=Y), "'x'", "pickled objects"),
    npz("objects in y", arrays(x=X, y=np.array([{}] * 40, object)), "'y'", "pickled objects"),
    npz("ragged", arrays(x=np.array([[1], [2, 3]], object), y=Y[:2]), "'x'", "pickled objects"),
    npz("text in x", arrays(x=X.astype(str), y=Y), "x", "numbers are needed"),
    npz("complex x", arrays(x=X.astype(complex), y=Y), "x", "numbers are needed", "complex128"),
    npz("times in x", arrays(x=X.astype("datetime64[s]"), y=Y), "x", "numbers are needed", "datetime64"),
    npz("structured x", arrays(x=np.zeros((40, 3), [("a", "i4")]), y=Y), "x", "numbers are needed"),
    npz("scalar x", arrays(x=np.float32(3), y=Y), "x", "two axes", "()"),
    npz("flat x", arrays(x=X[:, 0], y=Y), "x", "two axes", "(40,)"),
    npz("x without rows", arrays(x=X[:0], y=Y[:0]), "x", "none empty", "(0, 3)"),
    npz("x without columns", arrays(x=X[:, :0], y=Y), "x", "none empty", "(40, 0)"),
    npz("nan in x", arrays(x=np.where(X == 3, np.nan, X), y=Y), "x", "finite", "got 1 others", "row 1"),
    npz("infinity in x", arrays(x=np.where(X == 3, np.inf, X), y=Y), "x", "finite", "got 1 others", "row 1"),
    npz("unequal lengths", arrays(x=X, y=Y[:30]), "(40, 3)", "(30,)"),
    npz("scalar y", arrays(x=X, y=np.float32(3)), "x"),
    npz("cubic y", arrays(x=X, y=np.zeros((40, 2, 2))), "target", "(40, 2, 2)"),
    npz("nan in y", arrays(x=X, y=np.where(Y == 0, np.nan, Y)), "target", "20 NaN"),
    npz("times in y", arrays(x=X, y=Y.astype("datetime64[s]")), "target", "datetime64"),
    npz("one class", arrays(x=X, y=Y * 0), "target", "two classes", "'0'"),
    npz("a single row", arrays(x=X[:1], y=Y[:1]), "target", "two classes", "'0'"),
    npz("a class of two rows", arrays(x=X, y=np.r_[Y[:-2], 5, 5]), "class '5'", "3 rows", "got 2"),
    npz(
        "a class absent from training",
        arrays(x_train=X, y_train=Y, x_valid=X[:3], y_valid=np.array([0, 1, 2])),
        *("target", "training", "'2'"),
    ),
    npz(
        "a class absent from validation",
        arrays(x_train=X, y_train=np.arange(40) % 3, x_valid=X[:3], y_valid=np.array([0, 1, 1])),
        *("target", "validation", "'2'"),
    ),
    npz(
        "validation of another shape",
        arrays(x_train=X, y_train=Y, x_valid=X[:, :2], y_valid=Y),
        *("x_valid", "(3,)", "(2,)"),
    ),
    npz("text beside numbers", arrays(x_train=X, y_train=Y, x_valid=X, y_valid=Y.astype(str)), "target", "one type"),
    npz("header beyond the file", zipped(x=header((10**9, 10**6), "<f4"), y=npy(Y)), "'x'", "header", "differ"),
    npz("negative shape", zipped(x=header((-40, -3), "<f4") + bytes(480), y=npy(Y)), "'x'", "corrupt"),
    npz("header that is code", zipped(x=b"\x93NUMPY\1\0\x0e\0__import__('a')", y=npy(Y)), "'x'", "corrupt"),
    npz("zip bomb", zip_bomb, "100-fold", "335544896 bytes"),
    npz("lying directory", lying_directory, "x"),
    npz("pipe", os.mkfifo, "pipe"),
    npz("link to nowhere", lambda path: path.symlink_to("nowhere"), "no such file"),
]


@pytest.mark.parametrize("case", TABLES)
def test_a_hostile_table_is_refused(case: Hostile, refused: Refused) -> None:
    refused(case)


@pytest.mark.parametrize("case", ARRAYS)
def test_hostile_arrays_are_refused(case: Hostile, refused: Refused) -> None:
    refused(case)


def test_a_byte_order_mark_belongs_to_no_column(here: Path) -> None:
    (here / "t.csv").write_bytes(b"\xef\xbb\xbf" + f"a,b,c\n{ROWS}".encode())
    assert load(DataSource(str(here / "t.csv"), target="c")).features == ("a", "b")
    assert load(DataSource(str(here / "t.csv"), target="a")).features == ("b", "c")


def test_labels_with_gaps_of_a_million_or_below_zero_are_classes(here: Path) -> None:
    np.savez(here / "t.npz", x=X, y=np.where(Y == 0, -3, 1_000_000))
    data = load(DataSource(str(here / "t.npz")))
    assert data.labels == ("-3", "1000000")
    assert data.spec.n_outputs == 1


@pytest.mark.parametrize(
    "name", ["sheep \N{SHEEP}.csv", "a#b%2fc;$(touch x).csv", "-rf.csv", "\N{RIGHT-TO-LEFT MARK}x.csv"]
)
def test_a_file_is_read_whatever_it_is_called(name: str, here: Path) -> None:
    (here / name).write_text(f"a,b,c\n{ROWS}")
    assert len(load(DataSource(f"./{name}", target="c").absolute()).train) == 24
    assert [path.name for path in here.iterdir()] == [name]


def test_a_link_that_a_person_names_is_read(here: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "real.csv"
    elsewhere.write_text(f"a,b,c\n{ROWS}")
    (here / "t.csv").symlink_to(elsewhere)
    assert len(load(DataSource(str(here / "t.csv"), target="c")).train) == 24
