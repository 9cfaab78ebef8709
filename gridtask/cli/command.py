"""The command's arguments, and what happens to errors."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any, NoReturn, TextIO

from gridtask.cli import (
    accept,
    attach,
    cancel,
    check,
    config,
    doctor,
    gc,
    logs,
    ls,
    report,
    retry,
    rm,
    runs,
    show,
    show_version,
    usage,
    why,
)
from gridtask.cli.errors import USAGE, exit_status
from gridtask.errors import GridTaskError
from gridtask.printable import printable

VERBS = (
    ls,
    rm,
    show,
    why,
    logs,
    runs,
    attach,
    retry,
    cancel,
    accept,
    usage,
    report,
    gc,
    check,
    doctor,
    config,
)
"""The modules of the verbs, in the order in which --help lists them."""

EPILOG = """\
gridtask VERB --help has examples. Tasks and keys are those that `gridtask ls`
shows; a key may be given by its first digits. Every verb that reads has --json.

exit status:
  0  done, also where there was nothing to remove
  1  something failed or was not found
  2  wrong usage or settings
  3  corruption found
  4  scheduler not reachable
  130  interrupted (Ctrl-C)
"""


def run(argv: list[str]) -> int:
    """Run the command with these arguments and return its exit status."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by who has started this
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        _escape_what_cannot_be_encoded(getattr(sys, name))
    debug = os.environ.get("GRIDTASK_DEBUG", "0") not in ("", "0")
    try:
        args = _parse(argv)
        debug = debug or args.debug
        verb: Callable[[argparse.Namespace], int] = args.run
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            status = verb(args)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has had enough (`| head`). Python flushes stdout once
        # more at exit, which must not fail in its turn.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except SystemExit as stop:  # how argparse ends after --help and on errors
        return stop.code if isinstance(stop.code, int) else 0
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            raise
        if isinstance(error, KeyboardInterrupt) and sys.stderr.isatty():
            print(file=sys.stderr)  # the terminal shows ^C where the cursor was
        print(f"gridtask: {_one_line(error)}", file=sys.stderr)
        return exit_status(error)
    return status


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command and all its verbs."""
    parser = _Parser(
        prog="gridtask",
        description="Look at, and clean up, the results of grid tasks.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show the version and exit"
    )
    _add_common(parser, cache=None, debug=False)
    parser.set_defaults(run=_no_verb)
    verbs = parser.add_subparsers(title="verbs", metavar="VERB", dest="verb")
    for module in VERBS:
        # Registered again below each verb, but without defaults: these would
        # hide what was given before the verb.
        _add_common(
            module.register(verbs), cache=argparse.SUPPRESS, debug=argparse.SUPPRESS
        )
    return parser


def _add_common(parser: argparse.ArgumentParser, **defaults: object) -> None:
    parser.add_argument(
        "-C",
        "--cache",
        metavar="DIR",
        default=defaults["cache"],
        help="the cache folder, or a folder with a .gridtask in it "
        "(default: as for scripts that run here)",
    )
    parser.add_argument(
        "--debug",
        action="store_true",
        default=defaults["debug"],
        help="show the traceback of an error (also GRIDTASK_DEBUG=1)",
    )


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, as all errors of the command."""

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Refuse a verb that there is not, and name the nearest one."""
        if not isinstance(action, argparse._SubParsersAction):
            super()._check_value(action, value)
            return
        verbs = list(action.choices)
        if value in verbs:
            return
        import difflib

        near = difflib.get_close_matches(value, verbs, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(verbs)}"
        self.error(f"there is no verb {value!r}: {hint}")

    def error(self, message: str) -> NoReturn:
        print(f"{self.prog}: {printable(message)} (see --help)", file=sys.stderr)
        self.exit(USAGE)


class _Version(argparse.Action):
    """Print the version, wherever among other arguments it is asked for."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        show_version()
        parser.exit()


def _parse(argv: list[str]) -> argparse.Namespace:
    """Parse arguments; names may stand before, between and after options."""
    parser = build_parser()
    args, rest = parser.parse_known_args(argv)
    if any(word.startswith("-") for word in rest) or (rest and "names" not in args):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.names += rest
    return args


def _no_verb(args: argparse.Namespace) -> int:
    build_parser().print_help(sys.stderr)
    return USAGE


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Show a warning's text only: where it comes from says nothing here."""
    print(f"gridtask: {_join_lines(str(message))}", file=sys.stderr)


def _join_lines(text: str) -> str:
    return printable(" ".join(line.strip() for line in text.splitlines()))


def _one_line(error: BaseException) -> str:
    """Return an error's text on one line, with its type where that tells more."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    text = str(error)
    if not isinstance(error, (GridTaskError, OSError)) or not text:
        text = f"{type(error).__name__}: {text} (--debug shows where)"
    return _join_lines(text)


def _escape_what_cannot_be_encoded(stream: object) -> None:
    """Let a terminal that does not know a character show its escape."""
    if reconfigure := getattr(stream, "reconfigure", None):
        reconfigure(errors="backslashreplace")
