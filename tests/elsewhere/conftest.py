"""A server of each kind for a test."""

import pytest

from tests.elsewhere import servers


def served(kind):
    one = kind()
    yield one
    one.close()


@pytest.fixture
def airflow_server():
    yield from served(servers.Airflow)


@pytest.fixture
def camunda_server():
    yield from served(servers.Camunda)


@pytest.fixture
def temporal_server():
    yield from served(servers.Temporal)
