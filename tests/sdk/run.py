#!/usr/bin/env python3
"""Runs the vendors' own SDKs against the built server.

Installs them into target/sdk on first use, runs every case of the files beside this one, and ends
with `ran N, failed K`, then `P passed, K failed`.  run.py [WORD…] runs the cases whose names hold one.
"""

import importlib
import pathlib
import subprocess
import sys
import traceback
import venv

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
VENV = ROOT / "target" / "sdk" / "venv"
SUITES = ["wire", "ice", "live", "huawei", "fields", "native", "plays", "endurance"]


def install():
    """Makes the virtual environment and goes on in it."""
    wanted = (HERE / "requirements.txt").read_text()
    stamp = VENV / "installed"
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(VENV, with_pip=True, symlinks=True, clear=True)
        pip = [VENV / "bin" / "python", "-m", "pip", "install", "--quiet", "-r", HERE / "requirements.txt"]
        subprocess.run(pip, check=True)
        stamp.write_text(wanted)
    python = VENV / "bin" / "python"
    return subprocess.run([python, __file__, *sys.argv[1:]]).returncode


def cases(words):
    sys.path.insert(0, str(HERE))
    for suite in SUITES:
        module = importlib.import_module(suite)
        for name, case in list(vars(module).items()):
            if name.startswith("case_") and callable(case):
                full = f"{suite}: {name.removeprefix('case_').replace('_', ' ')}"
                if not words or any(word in full for word in words):
                    yield full, case


def main():
    ran = failed = 0
    for name, case in cases(sys.argv[1:]):
        ran += 1
        try:
            case()
            print(f"ok      {name}", flush=True)
        except Exception:
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}", flush=True)
    print(f"ran {ran}, failed {failed}")
    print(f"{ran - failed} passed, {failed} failed")
    return 1 if failed or not ran else 0


if __name__ == "__main__":
    inside = pathlib.Path(sys.prefix).resolve() == VENV.resolve()
    sys.exit(main() if inside else install())
