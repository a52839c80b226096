"""The subcommands, one a file, in the order in which a newcomer meets them.

Each file has `add_parser(subparsers)` and `run(options) -> int`. Heavy imports belong into
`run`, so that `--help` answers at once.
"""

from __future__ import annotations

from monitor.commands import (
    check_bundle,
    check_config,
    check_health,
    dead_letters,
    demo,
    digits,
    episodes,
    evaluate,
    models,
    produce,
    requests,
    retrain,
    run,
    score,
    simulate,
    state,
    train,
)

COMMANDS = (
    demo,
    digits,
    train,
    score,
    evaluate,
    simulate,
    run,
    retrain,
    produce,
    models,
    dead_letters,
    episodes,
    requests,
    state,
    check_config,
    check_health,
    check_bundle,
)
