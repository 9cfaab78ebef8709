"""The backends: who runs the jobs."""

from __future__ import annotations

from collections.abc import Mapping


def choose(setting: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the name of the backend to use, and why.

    ``"auto"`` is Grid Engine where ``qsub`` is found and a qmaster is set
    (sge_intro(1): ``SGE_ROOT``), else this machine.
    """
    if setting != "auto":
        return setting, "as set"
    import shutil  # here: it loads the compressors, and most settings name a backend

    if shutil.which("qsub") is None:
        return "local", "there is no qsub on PATH; processes of this machine are used"
    if not environ.get("SGE_ROOT"):
        return "local", "qsub is there but SGE_ROOT is not set; using this machine"
    return "gridengine", f"qsub is on PATH and SGE_ROOT is {environ['SGE_ROOT']}"


def prepare(name: str, module: str) -> None:
    """Get the backend `name` ready for a job that is likely to be submitted soon.

    Parameters
    ----------
    module : str
        What its array tasks will run.
    """
    if name == "local":
        from gridtask.backends import launch

        launch.prepare(module)
