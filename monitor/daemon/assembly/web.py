"""Builds the web servers: for all there is to see, and for health alone."""

from __future__ import annotations

from collections.abc import Callable

import yaml

from monitor.config import Config
from monitor.metrics import Metrics
from monitor.process.liveness import Liveness
from monitor.state.labels import Labels
from monitor.web.app import build_app, build_health
from monitor.web.pages.gallery import ShowsEvidence
from monitor.web.pages.labelling import Labelling
from monitor.web.pages.routes import Site
from monitor.web.reload import ConfigWatcher
from monitor.web.server import WebServer, WebServers
from monitor.web.status import StatusBoard


def build_web(
    config: Config,
    metrics: Metrics,
    board: StatusBoard,
    liveness: Liveness,
    look: Callable[[], None],
    evidence: ShowsEvidence | None = None,
) -> WebServers:
    """Take the addresses; raises ConfigError for those and for the web configuration file.

    look: asks for a look for a new model. evidence: records to look at, or None.
    """
    http = config.http
    site = Site(
        board.timeline,
        yaml.safe_dump(config.printable(), sort_keys=False, allow_unicode=True),
        http.external_url,
        http.runbooks,
    )
    watcher = ConfigWatcher(http.web_config_file, metrics.web)
    app = build_app(
        metrics.registry,
        board.now,
        lambda: liveness.stalled_seconds,
        look if http.reload else None,
        site,
        evidence,
        Labelling(
            Labels(config.state.directory),
            board.now,
            lambda: watcher.security.knows_clients,
            http.external_url,
            actions=http.actions,
        ),
    )
    servers = [WebServer(app, http.host, http.port, watcher)]
    if http.health_port is not None:
        health = build_health(board.now, lambda: liveness.stalled_seconds)
        unguarded = ConfigWatcher(None, metrics.web)
        servers.append(WebServer(health, http.health_host, http.health_port, unguarded))
    return WebServers(servers)
