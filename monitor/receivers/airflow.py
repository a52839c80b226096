"""Starts a DAG run in Apache Airflow 3 (REST API v2)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from monitor.errors import ReceiverError
from monitor.receivers.calls import Answer, Endpoint, described, taken
from monitor.receivers.http import bearer
from monitor.receivers.secret import Secret

CREATED: Final = (200, 201)
EXISTS: Final = 409
_ADVICE: Final = {
    401: "is the token still valid?",
    403: "may this user trigger the DAG?",
    404: "is there such a DAG?",
}


@dataclass(frozen=True, slots=True)
class AirflowReceiver:
    """Triggers the DAG with the request as `conf`.

    endpoint: of the DAG's runs. The run's id comes from the request's, so that Airflow itself
    refuses a second run for the same request (409), which means that it was taken.
    """

    endpoint: Endpoint
    token: Secret

    def deliver(self, document: dict[str, Any]) -> str:
        """Trigger a run. Raises ReceiverError if there is none."""
        body = {"dag_run_id": f"aead-{document['id']}", "logical_date": None, "conf": document}
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            **bearer(self.token),
        }
        return _judged(self.endpoint.post(json.dumps(body).encode(), headers))

    def close(self) -> None:
        """Nothing is held between calls."""


def runs_url(base: str, dag: str) -> str:
    """Where runs of a DAG are made. base: of the web server, such as https://airflow.example."""
    return f"{base.rstrip('/')}/api/v2/dags/{dag}/dagRuns"


def _judged(answer: Answer) -> str:
    if answer.status == EXISTS:
        return f"{described(EXISTS)}: the run exists"
    try:
        return taken(answer, CREATED)
    except ReceiverError as error:
        advice = _ADVICE.get(answer.status)
        if advice is None:
            raise
        raise ReceiverError(f"{error}: {advice}", retryable=error.retryable) from None
