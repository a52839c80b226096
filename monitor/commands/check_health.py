"""`aead-monitor check-health`: ask the daemon on this machine, for a container's health check."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import http.client

    from monitor.config.http import HttpConfig

_EXAMPLE = """\
example:
  aead-monitor check-health --config aead-monitor.yaml          the run loop turns
  aead-monitor check-health --config aead-monitor.yaml --ready  and reads from Kafka

Exit codes: 0 yes, 1 no or no answer, 2 a mistake in the configuration. Asks http.health_port if
there is one. Set it where the web server wants passwords or client certificates.
"""
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (asked of, not listened on)


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Add the subcommand."""
    parser = subparsers.add_parser(
        "check-health",
        help="ask a running daemon whether it is healthy",
        description="Ask the daemon that runs here with this configuration whether it is healthy.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--config", required=True, metavar="FILE", help="configuration (YAML)")
    parser.add_argument(
        "--web.config.file",
        dest="web_config_file",
        type=Path,
        metavar="FILE",
        help="as given to `aead-monitor run`",
    )
    parser.add_argument("--ready", action="store_true", help="ask whether it is ready, instead")
    parser.add_argument(
        "--timeout", type=float, default=5.0, metavar="SECONDS", help="longest wait (default: 5)"
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Ask once."""
    import http.client

    from monitor.config import file as config_file
    from monitor.process.text import for_terminal

    settings = config_file.load(options.config, options.web_config_file).http
    connection = _connection(settings, options.timeout)
    where = f"{connection.host}:{connection.port}"
    try:
        connection.request("GET", "/-/ready" if options.ready else "/-/healthy")
        answer = connection.getresponse()
        said = for_terminal(answer.read(1000).decode("utf-8", "replace").strip())
    except (OSError, http.client.HTTPException) as error:
        print(f"aead-monitor: no answer from {where}: {error}.{_advice(settings)}", file=sys.stderr)
        return 1
    finally:
        connection.close()
    if answer.status == 200:
        print(said)
        return 0
    advice = _advice(settings) if answer.status == 401 else ""
    print(f"aead-monitor: {where} answers {answer.status}: {said}.{advice}", file=sys.stderr)
    return 1


def _connection(settings: HttpConfig, timeout: float) -> http.client.HTTPConnection:
    import http.client
    import ssl

    from monitor.errors import ConfigError
    from monitor.web.file import read

    host, port = settings.host, settings.port
    if settings.health_port is not None:
        host, port = settings.health_host, settings.health_port
    elif port == 0:
        raise ConfigError("http.port: is 0, so that nobody knows the port. Set http.health_port.")
    host = _EVERYWHERE.get(host, host)
    secure = settings.health_port is None and settings.web_config_file is not None
    if secure and settings.web_config_file and read(settings.web_config_file).security.tls:
        # Our own daemon, under whatever name its certificate has; nothing secret is sent to it.
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    return http.client.HTTPConnection(host, port, timeout=timeout)


def _advice(settings: HttpConfig) -> str:
    if settings.health_port is None and settings.web_config_file is not None:
        return " Set http.health_port, which wants no password and no certificate."
    return ""
