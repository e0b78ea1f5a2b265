import subprocess
import sys

import pytest

from adfair.cli.app import run


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)


def test_import_loads_no_torch_and_help_loads_no_pandas() -> None:
    assert (
        python(
            "import adfair, sys; assert 'torch' not in sys.modules and 'pandas' not in sys.modules"
        ).returncode
        == 0
    )
    code = (
        "import sys; from adfair.cli.app import run; import adfair.cli; code = run(['--help']);"
        "heavy = {'torch', 'pandas', 'sklearn', 'plotly', 'numba'} & set(sys.modules); assert not heavy, heavy; sys.exit(code)"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert "demo" in done.stdout


def test_audit_works_where_torch_is_not_installed(tmp_path) -> None:
    table = tmp_path / "scores.csv"
    rows = "\n".join(f"{(i % 7) / 7:.3f},{int(i % 3 == 0)},{'FM'[i % 2]}" for i in range(60))
    table.write_text("prob,label,sex\n" + rows + "\n")
    code = (
        "import sys; sys.modules['torch'] = None; import adfair.cli; from adfair.cli.app import run;"
        f"sys.exit(run(['audit', {str(table)!r}, '--replicates', '20', '--out', {str(tmp_path / 'a')!r}]))"
    )
    done = python(code)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a" / "metrics.csv").is_file()


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "no-such.yaml"],
        ["check", "no-such-folder"],
        ["report", "no-such-folder"],
        ["no-such-command"],
        ["train"],
    ],
)
def test_what_the_user_can_mend_exits_2_in_one_line(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_our_own_faults_exit_1_without_a_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("ADFAIR_DEBUG", raising=False)

    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("patient text that must not be shown")

    monkeypatch.setattr("adfair.config.load_config", broken)
    assert run(["train", "x.yaml"]) == 1
    assert "patient text" not in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    from adfair import __version__

    assert run(["--version"]) == 0
    assert __version__ in capsys.readouterr().out
