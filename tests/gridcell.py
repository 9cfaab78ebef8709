#!/usr/bin/env python3
"""A private Grid Engine that leaves no trace: for the tests, and to try things on.

    eval "$(python tests/gridcell.py up --slots 4)"    # start it, use it in this shell
    qsub -b y -shell n -cwd /bin/hostname; qstat
    python tests/gridcell.py down                      # stop it, remove it

It has its own folder, ports, spool and daemons, and disturbs no other Grid
Engine of the machine. Jobs start within a second. As root it runs the jobs of
every user; as an ordinary user those of this user alone, and then without
accounting of memory. Debian's or Ubuntu's Grid Engine 8.1.9 is used where it is
installed; else root installs the packages (their own daemons are not started),
and an ordinary user's copy is unpacked below ~/.cache/gridtask-cell.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

PACKAGES = ("gridengine-master", "gridengine-exec", "gridengine-client")
SPOOLING_PROGRAMS = ("sge_qmaster", "spoolinit", "spooldefaults.bin")
READY_SECONDS = 60.0
POLL_SECONDS = 0.05
H_VMEM_DEFAULT = "4G"  # with the stock default of 0 a job gets 10 MB of addresses
H_VMEM_PER_SLOT_GB = 64  # what can be asked for, not what the machine has
MARK = "GRIDCELL_ROOT"  # in the environment of the daemons, not in the user's

CONFIGURATION = {
    "execd_spool_dir": "{root}/spool/execd",
    "mailer": "/bin/true",
    "min_uid": "0",
    "min_gid": "0",
    "load_report_time": "00:00:01",
    "max_unheard": "00:00:10",
    "administrator_mail": "none",
    "execd_params": "PDC_INTERVAL=1,INHERIT_ENV=false",
    "reporting_params": "accounting=true reporting=false flush_time=00:00:01 "
    "accounting_flush_time=00:00:00 joblog=false sharelog=00:00:00",
    "gid_range": "{first_gid}-{last_gid}",
}
SCHEDULER = {
    "schedule_interval": "0:0:1",
    "flush_submit_sec": "1",
    "flush_finish_sec": "1",
    "load_formula": "np_load_avg",
    "job_load_adjustments": "NONE",
    "load_adjustment_decay_time": "0:0:0",
    "schedd_job_info": "true",
}
QUEUE = {
    "qname": "all.q",
    "hostlist": "localhost",
    "load_thresholds": "NONE",
    "pe_list": "smp",
    "slots": "{slots}",
    "shell": "/bin/bash",
    "tmpdir": "{root}/tmp",
    "notify": "00:00:03",
}
BOOTSTRAP = {
    "admin_user": "{user}",
    "spooling_method": "classic",
    "spooling_lib": "libspoolc",
    "spooling_params": "{root}/default/common;{root}/spool/qmaster",
    "binary_path": "{root}/bin",
    "qmaster_spool_dir": "{root}/spool/qmaster",
}


class CellError(Exception):
    """The cell cannot be had; the text says why."""


class Programs(NamedTuple):
    """Where a Grid Engine lies: its programs, its data, its libraries."""

    binaries: Path
    data: Path
    libraries: tuple[Path, ...]
    unpacked: bool

    @classmethod
    def below(cls, prefix: Path) -> Programs | None:
        """Return the programs installed or unpacked under `prefix`, if complete."""
        binaries = prefix / "usr/lib/gridengine"
        needed = (*SPOOLING_PROGRAMS, "sge_execd", "sge_shepherd", "qsub")
        if not all((binaries / name).exists() for name in needed):
            return None
        unpacked = prefix != Path("/")
        libraries = prefix.glob("usr/lib/*-linux-gnu") if unpacked else ()
        data = prefix / "usr/share/gridengine"
        return cls(binaries, data, (binaries, *libraries), unpacked)

    @property
    def library_path(self) -> str:
        return ":".join(map(str, self.libraries))


def run(
    *command: object, env: dict[str, str] | None = None, cwd: Path | None = None
) -> str:
    """Run a command and return its stdout; a failure is a `CellError`."""
    argv = [str(word) for word in command]
    done = subprocess.run(
        argv, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if done.returncode:
        said = (done.stderr + done.stdout).strip()
        msg = f"{shlex.join(argv)} ended with status {done.returncode}: {said[-2000:]}"
        raise CellError(msg)
    return done.stdout


def wait_for(
    what: str, condition: Callable[[], object], seconds: float = READY_SECONDS
) -> None:
    """Return as soon as `condition` holds."""
    give_up_at = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > give_up_at:
            msg = f"gave up after {seconds:.0f} s: {what}"
            raise CellError(msg)
        time.sleep(POLL_SECONDS)


# ---------------------------------------------------------------- the packages


def get_programs() -> Programs:
    """Find Grid Engine, or install it (root) or unpack it (everybody else)."""
    unpacked = unpacked_prefix()
    found = Programs.below(Path("/")) or Programs.below(unpacked)
    if found:
        return found
    if not shutil.which("apt-get"):
        msg = "Grid Engine is not installed and there is no apt-get to get it with"
        raise CellError(msg)
    print("gridcell: getting Grid Engine with apt-get", file=sys.stderr)
    if os.geteuid() == 0:
        install_packages()
        found = Programs.below(Path("/"))
    else:
        unpack_packages(unpacked)
        found = Programs.below(unpacked)
    if not found:
        msg = "the gridengine packages of this system lack some of the programs needed"
        raise CellError(msg)
    return found


def unpacked_prefix() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "gridtask-cell"


def install_packages() -> None:
    """Install Grid Engine as root, keeping the packages' daemons from starting."""
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *PACKAGES)
    with services_forbidden():
        try:
            run(*install, env=env)
        except CellError:  # package lists that are missing or old
            run("apt-get", "update", "-qq", env=env)
            run(*install, env=env)


@contextlib.contextmanager
def services_forbidden() -> Iterator[None]:
    """Let invoke-rc.d start no service meanwhile; a policy of the site's own stays."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink()


def unpack_packages(prefix: Path) -> None:
    """Unpack Grid Engine and the libraries it misses under `prefix`, without root."""
    prefix.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=prefix.parent) as scratch:
        downloads, tree = Path(scratch, "downloads"), Path(scratch, "tree")
        downloads.mkdir()
        run("apt-get", "download", "-qq", *missing_packages(), cwd=downloads)
        for package in downloads.glob("*.deb"):
            run("dpkg", "-x", package, tree)
        for name in SPOOLING_PROGRAMS:
            find_library_by_path(tree / "usr/lib/gridengine" / name)
        shutil.rmtree(prefix, ignore_errors=True)
        tree.rename(prefix)


def missing_packages() -> list[str]:
    """Name Grid Engine's packages and the libraries that would come with them."""
    plan = run("apt-get", "install", "-s", "--no-install-recommends", *PACKAGES)
    planned = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
    libraries = [name for name in planned if name.startswith("lib")]
    return [*PACKAGES, "gridengine-common", *libraries]


def find_library_by_path(program: Path) -> None:
    """Make `program` load its spooling library from LD_LIBRARY_PATH.

    Debian builds it to load /usr/lib/gridengine/NAME.so, whatever the settings.
    A name without a slash is looked for along the path.
    """
    fixed, free = b"/usr/lib/gridengine/%s%s\0", b"%s%s\0"
    code = program.read_bytes()
    program.write_bytes(code.replace(fixed, free.ljust(len(fixed), b"\0")))


# -------------------------------------------------------------------- the cell


class Cell:
    """A cell in the folder `root`; `state` is what its cell.json holds."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.state_file = root / "cell.json"
        self.state: dict[str, object] = {}
        if self.state_file.exists():
            self.state = json.loads(self.state_file.read_text())

    # .. environments

    def exports(self) -> dict[str, str]:
        """Return the variables that lead commands to this cell."""
        return {
            "SGE_ROOT": str(self.root),
            "SGE_CELL": "default",
            "SGE_CLUSTER_NAME": f"gridcell{self.state['qmaster_port']}",
            "SGE_QMASTER_PORT": str(self.state["qmaster_port"]),
            "SGE_EXECD_PORT": str(self.state["execd_port"]),
        }

    def daemon_env(self) -> dict[str, str]:
        env = {MARK: str(self.root), "SGE_ND": "1", "PATH": "/usr/sbin:/usr/bin:/bin"}
        env["LD_LIBRARY_PATH"] = str(self.state["library_path"])
        env.update({k: v for k, v in os.environ.items() if k in ("TZ", "LANG")})
        return env | self.exports()

    def print_env(self) -> None:
        for name, value in self.exports().items():
            print(f"export {name}={shlex.quote(value)}")
        bin_folder = shlex.quote(f"{self.root}/bin")
        print(f'export PATH={bin_folder}:"$PATH"')

    def query(self, command: str, *args: object) -> str:
        env = self.daemon_env() | {"SGE_SINGLE_LINE": "1"}
        return run(self.root / "bin" / command, *args, env=env)

    # .. starting

    def check_owner(self) -> None:
        """Refuse somebody else's cell: it says which programs to start."""
        if self.root.exists() and self.root.lstat().st_uid != os.geteuid():
            msg = f"{self.root} belongs to another user; name another one by --root"
            raise CellError(msg)

    def up(self, slots: int) -> None:
        """Start the cell, or what is missing of it."""
        if self.state.get("ready"):
            self.start_qmaster()
            self.start_execd()
            self.wait_ready()
            return
        if self.state:  # an `up` that was killed
            self.down()
        if self.root.exists():
            msg = f"{self.root} exists and is no cell; name another one by --root"
            raise CellError(msg)
        programs = get_programs()
        check_host_name()
        self.root.mkdir(mode=0o755)
        self.root.chmod(0o755)
        try:
            self.create(programs, slots)
        except BaseException:
            self.down()
            raise

    def create(self, programs: Programs, slots: int) -> None:
        qmaster_port, execd_port = free_ports()
        self.state = {
            "qmaster_port": qmaster_port,
            "execd_port": execd_port,
            "binaries": str(programs.binaries),
            "library_path": programs.library_path,
        }
        self.save()
        self.lay_out(programs)
        self.initialize(programs)
        self.start_qmaster()
        self.configure(programs, slots)
        self.start_execd()
        self.wait_ready()
        self.state["ready"] = True
        self.save()

    def lay_out(self, programs: Programs) -> None:
        """Make the folders and links that Grid Engine expects below SGE_ROOT."""
        arch = run(programs.data / "util/arch").strip()
        for name in ("bin", "lib", "utilbin", "default/common", "spool/execd", "tmp"):
            (self.root / name).mkdir(parents=True)
        (self.root / "spool/qmaster/job_scripts").mkdir(parents=True)
        (self.root / "tmp").chmod(0o1777)
        (self.root / "util").symlink_to(programs.data / "util")
        for name in ("bin", "lib", "utilbin"):
            (self.root / name / arch).symlink_to(programs.binaries)
        for program in programs.binaries.glob("q*"):
            link = self.root / "bin" / program.name
            if programs.unpacked:
                path = shlex.quote(programs.library_path)
                link.write_text(
                    f'#!/bin/sh\nLD_LIBRARY_PATH={path} exec {program} "$@"\n'
                )
                link.chmod(0o755)
            else:
                link.symlink_to(program)

    def initialize(self, programs: Programs) -> None:
        """Write the files and the spool from which a qmaster starts."""
        common = self.root / "default/common"
        port = int(str(self.state["qmaster_port"]))
        # Ids that no group has and no other cell uses: with one of them in each
        # job, execd knows the job's processes.
        first_gid = 100_000_000 + 1000 * port
        user = pwd.getpwuid(os.geteuid()).pw_name
        values = {"root": self.root, "user": user}
        values |= {"first_gid": first_gid, "last_gid": first_gid + 199}
        bootstrap = (programs.data / "default-bootstrap").read_text()
        (common / "bootstrap").write_text(changed(bootstrap, BOOTSTRAP, values))
        host = socket.gethostname()
        names = " ".join({host, socket.gethostbyaddr(host)[0]} - {"localhost"})
        (common / "host_aliases").write_text(f"localhost {names}\n")
        (common / "act_qmaster").write_text("localhost\n")
        configuration = self.root / "configuration"
        stock = (programs.data / "default-configuration").read_text()
        configuration.write_text(changed(stock, CONFIGURATION, values))
        env = self.daemon_env()
        spool = f"{common};{self.root}/spool/qmaster"
        defaults = programs.binaries / "spooldefaults.bin"
        resources = programs.data / "util/resources"
        run(
            programs.binaries / "spoolinit",
            "classic",
            "libspoolc",
            spool,
            "init",
            env=env,
        )
        run(defaults, "configuration", configuration, env=env)
        run(defaults, "complexes", resources / "centry", env=env)
        run(defaults, "usersets", resources / "usersets", env=env)
        run(defaults, "managers", user, env=env)

    def configure(self, programs: Programs, slots: int) -> None:
        """Tell the qmaster of its host, its queue and how fast to schedule."""
        values = {"root": self.root, "slots": slots}
        self.query("qconf", "-as", "localhost")
        self.load("-Msconf", changed(self.query("qconf", "-ssconf"), SCHEDULER, values))
        h_vmem = f"h_vmem MEMORY <= YES YES {H_VMEM_DEFAULT} 0"
        complexes = changed(self.query("qconf", "-sc"), {"h_vmem": h_vmem}, values)
        self.load("-Mc", complexes)
        self.load("-Ap", (programs.data / "util/resources/pe/smp").read_text())
        self.load("-Aq", changed(self.query("qconf", "-sq"), QUEUE, values))
        offered = f"h_vmem={H_VMEM_PER_SLOT_GB * slots}G"
        self.query(
            "qconf", "-aattr", "exechost", "complex_values", offered, "localhost"
        )

    def load(self, option: str, text: str) -> None:
        """Give qconf a file that holds `text`."""
        file = self.root / "configuration"
        file.write_text(text)
        self.query("qconf", option, file)

    def start_qmaster(self) -> None:
        self.start("qmaster")
        wait_for("the qmaster does not answer", lambda: self.answers("qconf", "-sh"))

    def start_execd(self) -> None:
        self.start("execd")

    def start(self, daemon: str) -> None:
        if self.pid(daemon):
            return
        program = Path(str(self.state["binaries"]), f"sge_{daemon}")
        with open(self.root / f"{daemon}.log", "a") as log:
            process = subprocess.Popen(
                [program],
                env=self.daemon_env(),
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.state[daemon] = process.pid
        self.save()

    def answers(self, command: str, *args: str) -> bool:
        try:
            self.query(command, *args)
        except CellError:
            return False
        return True

    def wait_ready(self) -> None:
        """Wait until the queue takes jobs: its load is known, it is in no state."""

        def takes_jobs() -> bool:
            if not self.answers("qstat", "-f"):
                return False
            rows = re.findall(r"^all\.q@.*", self.query("qstat", "-f"), re.MULTILINE)
            return bool(rows) and all(
                len(row.split()) == 5 and "-NA-" not in row for row in rows
            )

        wait_for(f"the queue takes no jobs; see {self.root}/spool", takes_jobs)

    def save(self) -> None:
        self.state_file.write_text(json.dumps(self.state))

    # .. processes

    def pid(self, daemon: str) -> int | None:
        """Return the process id of a daemon that runs."""
        pid = self.state.get(daemon)
        alive = isinstance(pid, int) and pid in marked_processes(self.root)
        return pid if isinstance(pid, int) and alive else None

    def signal(self, number: signal.Signals, daemon: str) -> None:
        """Send a signal to a daemon, and wait for its end if it is to end."""
        pid = self.pid(daemon)
        if pid is None:
            msg = f"{daemon} is not running"
            raise CellError(msg)
        os.kill(pid, number)
        if number in (signal.SIGTERM, signal.SIGKILL):
            wait_for(f"{daemon} does not end", lambda: not self.pid(daemon))

    # .. stopping

    def down(self) -> None:
        """End the daemons and their jobs, and remove every file."""

        def all_ended() -> bool:
            left = with_descendants(marked_processes(self.root))
            for pid in left - {os.getpid()}:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            return not left - {os.getpid()}

        wait_for("processes of the cell do not end", all_ended)
        shutil.rmtree(self.root)


def changed(text: str, changes: dict[str, str], values: dict[str, object]) -> str:
    """Replace the values of keywords in one of Grid Engine's tables."""
    for keyword, template in changes.items():
        line = f"{keyword:<24} {template.format(**values)}"
        pattern = rf"^{re.escape(keyword)}\s.*$"
        text, n_replaced = re.subn(pattern, lambda _, new=line: new, text, flags=re.M)
        if n_replaced != 1:
            msg = f"this Grid Engine has no setting {keyword!r}"
            raise CellError(msg)
    return text


def check_host_name() -> None:
    name = socket.gethostname()
    try:
        socket.gethostbyaddr(name)
    except OSError:
        msg = (
            f"the host name {name!r} does not resolve, and Grid Engine needs that: "
            f"add a line '127.0.0.1 {name}' to /etc/hosts"
        )
        raise CellError(msg) from None


def free_ports() -> tuple[int, int]:
    """Return two ports that nobody listens at."""
    with socket.socket() as one, socket.socket() as other:
        one.bind(("", 0))
        other.bind(("", 0))
        return one.getsockname()[1], other.getsockname()[1]


def marked_processes(root: Path) -> set[int]:
    """Return the processes of the cell's daemons and jobs, by their environment."""
    marks = (f"{MARK}={root}\0".encode(), f"SGE_JOB_SPOOL_DIR={root}/".encode())
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            environment = b"\0" + (folder / "environ").read_bytes()
            if any(b"\0" + mark in environment for mark in marks):
                found.add(int(folder.name))
    return found


def with_descendants(pids: set[int]) -> set[int]:
    """Add the children, and theirs, that have an environment of their own."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(stat.parent.name)] = int(parent)
    found, more = set(pids), set(pids)
    while more:
        more = {pid for pid, parent in parents.items() if parent in more} - found
        found |= more
    return found


def default_root() -> Path:
    """Return the cell of this shell, else the one place of this user."""
    current = os.environ.get("SGE_ROOT")
    if current and Path(current, "cell.json").exists():
        return Path(current)
    return Path(tempfile.gettempdir(), f"gridcell-{os.geteuid()}")


SIGNALS = {
    "stop": signal.SIGTERM,
    "kill": signal.SIGKILL,
    "pause": signal.SIGSTOP,
    "resume": signal.SIGCONT,
}


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, default=default_root(), help="its folder")
    verbs = parser.add_subparsers(dest="verb", required=True)
    up = verbs.add_parser("up", help="start the cell, print the environment to eval")
    up.add_argument("--slots", type=int, default=2)
    verbs.add_parser("env", help="print the environment again")
    verbs.add_parser("get", help="only get Grid Engine, where it is missing")
    verbs.add_parser("down", help="end everything, remove everything")
    for verb in (*SIGNALS, "start"):
        fault = verbs.add_parser(verb, help=f"{verb} one of the daemons")
        fault.add_argument("daemon", choices=("qmaster", "execd"))
    return parser.parse_args()


def main() -> None:
    options = parse_arguments()
    cell = Cell(options.root.absolute())
    if options.verb not in ("get", "env"):
        cell.check_owner()
    if options.verb == "get":
        get_programs()
    elif options.verb == "up":
        cell.up(options.slots)
        cell.print_env()
    elif not cell.state:
        if options.verb != "down":
            msg = f"there is no cell in {cell.root}: start one with 'up'"
            raise CellError(msg)
    elif options.verb == "env":
        cell.print_env()
    elif options.verb == "down":
        cell.down()
    elif options.verb == "start":
        cell.start(options.daemon)
    else:
        cell.signal(SIGNALS[options.verb], options.daemon)


if __name__ == "__main__":
    try:
        main()
    except CellError as error:
        sys.exit(f"gridcell: {error}")
