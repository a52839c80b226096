"""The subcommands, one a file, in groups by what a person wants to do.

Each file has `add_parser(subparsers)` and `run(options) -> int`. Heavy imports belong into
`run`, so that `--help` answers at once.
"""

from __future__ import annotations

from types import ModuleType
from typing import Final

from monitor.commands import (
    check_bundle,
    check_config,
    check_data,
    check_health,
    dead_letters,
    demo,
    digits,
    episodes,
    evaluate,
    evidence,
    export,
    import_weights,
    models,
    mute,
    produce,
    replay,
    report,
    requests,
    retrain,
    run,
    score,
    simulate,
    state,
    train,
    unmute,
    wrap,
)

GROUPS: Final[dict[str, tuple[ModuleType, ...]]] = {
    "try it": (demo, digits),
    "learn what is normal, and try it on files": (
        check_data,
        train,
        score,
        evaluate,
        simulate,
        check_bundle,
        export,
        import_weights,
        wrap,
    ),
    "run the daemon": (check_config, replay, run, check_health, produce, mute, unmute),
    "look at what was found": (episodes, report, evidence, requests, dead_letters, state),
    "replace the model after a drift": (retrain, models),
}
"""What a person wants, and the commands for it, in the order in which a newcomer meets them."""

COMMANDS: Final = tuple(command for group in GROUPS.values() for command in group)


def name_of(command: ModuleType) -> str:
    """What a person types to run it."""
    return command.__name__.rpartition(".")[2].replace("_", "-")
