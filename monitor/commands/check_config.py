"""`aead-monitor check-config`: what `run` would say of a configuration, without running."""

from __future__ import annotations

import argparse
from pathlib import Path

_EXAMPLE = """\
example:
  aead-monitor check-config aead-monitor.yaml
  aead-monitor check-config aead-monitor.yaml --print      also show every effective value
"""


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "check-config",
        help="check a configuration before the daemon reads it",
        description="Check a configuration and the model that it names, and say what is wrong.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("config", metavar="FILE", help="configuration (YAML)")
    parser.add_argument(
        "--print", dest="show", action="store_true", help="show the effective values"
    )
    parser.add_argument(
        "--no-model", action="store_true", help="do not look at the model, only at the values"
    )
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        metavar="FILE",
        help="TLS and passwords of the web server; instead of http.web_config_file",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Check libraries, file, environment, secrets and, unless told not to, model and codec."""
    from monitor.process.imports import without_collection

    with without_collection():
        return _checked(options)


def _checked(options: argparse.Namespace) -> int:
    import yaml

    from monitor.config import file as config_file
    from monitor.daemon.assembly.kafka import check_client
    from monitor.stream import kafka_private
    from monitor.web import uvicorn_private
    from monitor.web.file import read

    kafka_private.check()
    uvicorn_private.check()
    config = config_file.load(options.config, options.web_config_file)
    check_client(config.kafka)
    if config.http.web_config_file is not None:
        read(config.http.web_config_file)
    if options.show:
        # Secrets are only ever names of files here, so nothing needs to be hidden.
        print(yaml.safe_dump(config.printable(), sort_keys=False), end="")
    if not options.no_model:
        from monitor.daemon.assembly.kafka import build_connection
        from monitor.daemon.assembly.loaded_model import build_model
        from monitor.daemon.assembly.model import load_in_precision, set_threads
        from monitor.daemon.assembly.receivers import build_receivers
        from monitor.daemon.assembly.registry import model_folder

        build_receivers(config.retraining.receivers, build_connection(config.kafka))
        bundle = load_in_precision(config, model_folder(config))
        set_threads(config, bundle)
        how = build_model(config, bundle).about["scoring"]
        print(
            f"scoring: {how['device']}, {how['precision']}, {how['threads']} CPU threads,"
            f" {how['micro_batch']} rows a forward pass"
        )
    print(f"{options.config}: valid")
    return 0
