"""Every block and command of README, CONTRIBUTING and docs/ works: checked fast here, run by the slow tests."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
from page_cells import Block, blocks, lowered
from pages import MAKEFILE, PAGES, VARIABLES, Command, blocks_of, commands, name_of, run_page
from support import ROOT, Workspace

from sweeps.cli.main import cli
from sweeps.config import load_config

KINDS = {"sh", "python", "json", "toml", "text"}
#: pages with a test of their own
APART = {"docs/chapter.md"}
COMMANDS = list(commands())
OF_SWEEPS = [command for command in COMMANDS if command.words[0] == "sweeps"]
OF_MAKE = [command for command in COMMANDS if command.words[0] == "make"]


def named(found: list[Command]) -> list[object]:
    return [pytest.param(command, id=command.place) for command in found]


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_a_page_is_collected(page: Path) -> None:
    found = blocks_of(page)
    assert len(found) == page.read_text(encoding="utf-8").count("```") / 2
    assert {block.kind for block in found} <= KINDS
    assert not re.search(r"\n\n {4,}(?!\d|[-*] )\S", prose(page)), "an indented block is not collected: fence it"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_of_a_page_can_be_read(page: Path) -> None:
    for block in blocks_of(page):
        if block.kind == "python":
            compile("\n" * (block.line - 1) + block.code, name_of(page), "exec")
        elif block.kind == "sh":
            subprocess.run(["bash", "-n", "-c", block.code], check=True)
        elif block.kind == "json":
            json.loads(block.code)
        elif block.kind == "toml":
            tomllib.loads(block.code)


def test_commands_are_found() -> None:
    assert len(OF_SWEEPS) > 40
    assert len(OF_MAKE) > 5


def check_sweeps(words: tuple[str, ...]) -> None:
    """The command line takes it, and the options of a sweep have values that are allowed."""
    name, *rest = words[1:]
    if name == "--version":
        return
    context = click.Context(cli.commands[name], info_name=name)
    cli.commands[name].parse_args(context, rest)
    if name == "run":
        given = {key.rstrip("_"): value for key, value in context.params.items() if value not in ((), None)}
        given = {name: value for name, value in given.items() if name not in ("config", "reports")}
        if "study" in given:
            load_config(given)


@pytest.mark.parametrize("command", named(OF_SWEEPS))
def test_every_sweeps_command_is_one_that_the_command_line_takes(command: Command) -> None:
    check_sweeps(command.words)


@pytest.mark.parametrize("command", named(OF_MAKE))
def test_every_make_command_has_a_target_and_variables(command: Command) -> None:
    target, *given = command.words[1:]
    assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), f"make has no {target}"
    variables = dict(word.split("=", 1) for word in given)
    assert variables.keys() <= VARIABLES
    if target == "sweep":
        arguments = shlex.split(variables.pop("ARGS", ""))
        study = variables.pop("STUDY", "study")
        options = [part for name, value in variables.items() for part in (f"--{name.lower()}", value)]
        check_sweeps(("sweeps", "run", study, *options, *arguments))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_and_options_in_the_prose_exist(page: Path) -> None:
    known = {
        name for command in cli.commands.values() for each in command.params for name in each.opts + each.secondary_opts
    }
    # of other programs: mkdocs, the benchmarks
    known |= {"--strict", "--help", "--version", "--full", "--on", "--until"}
    for code in re.findall(r"`([^`\n]+)`", prose(page)):
        words = code.split()
        if words[0] == "sweeps" and len(words) > 1 and re.fullmatch(r"[a-z][a-z-]*", words[1]):
            assert words[1] in cli.commands, code
        if words[0] == "make" and len(words) > 1:
            assert re.search(rf"^{words[1]}:", MAKEFILE, re.MULTILINE), code
        assert set(re.findall(r"(?<!\S)--[a-z][a-z-]*", code)) <= known, code


def test_paths_that_the_prose_names_exist() -> None:
    for page in (*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "SECURITY.md"):
        rooms = "sweeps|search_spaces|tracking|tests|benchmarks|examples"
        for path in re.findall(rf"`((?:{rooms})/[\w./]*)`", page.read_text(encoding="utf-8")):
            assert (ROOT / path).exists(), f"{name_of(page)}: {path}"


def test_the_architecture_is_told_in_150_lines() -> None:
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) <= 150


def test_only_trials_are_lowered_for_a_test() -> None:
    code = "sweeps run a --trials 20 --epochs 9\nmake sweep TRIALS=1 EPOCHS=9\nmax_trials=20, epochs=9\ntrials = 30\n"
    assert lowered(code) == (
        "sweeps run a --trials 2 --epochs 9\nmake sweep TRIALS=1 EPOCHS=9\nmax_trials=2, epochs=9\ntrials = 2\n"
    )


def test_a_block_that_fails_is_named_with_its_line(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text('# Page\n\n```python\nx = 1\n```\n\n```python\nassert x == 1\nraise ValueError("no")\n```\n')
    assert blocks_of_text(page)[1] == Block("python", None, 'assert x == 1\nraise ValueError("no")\n', 8)
    with pytest.raises(AssertionError, match=r'File "page.md", line 9'):
        run_page(page, Workspace(tmp_path / "folder"))


def test_a_block_is_left_out_only_with_a_reason(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- not run: it needs a server -->\n```sh\nfalse\n```\n\n```sh\necho done > file\n```\n")
    assert [block.reason for block in blocks_of_text(page)] == ["it needs a server", None]
    run_page(page, Workspace(tmp_path / "folder"))
    assert (tmp_path / "folder" / "file").is_file()


def blocks_of_text(page: Path) -> list[Block]:
    return list(blocks(page.read_text()))


@pytest.mark.slow
@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if name_of(page) not in APART and any(block.reason is None for block in blocks_of(page))],
    ids=name_of,
)
def test_a_page_runs_from_its_first_block_to_its_last(page: Path, workspace: Workspace) -> None:
    run_page(page, workspace)


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "NO_MKDOCS_2_WARNING": "1"}
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "validation_data" in (tmp_path / "python-api.html").read_text()
    assert "--time-budget" in (tmp_path / "command-line.html").read_text()
