"""Prometheus over its HTTP API: instant queries, bounded in time and size (https://prometheus.io/docs/prometheus/latest/querying/api/)."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from gitopsd.model.errors import AnalysisError, GitopsdError

_LARGEST = 4 << 20
"""Bytes of an answer."""
_MOST = 1000
"""Samples of a vector: what has more is no question about an application."""
_SHOWN = 300
"""Characters of what Prometheus says of an error."""


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The server at `url`, empty where none is configured; files are read anew for each query, and may rotate."""

    url: str
    timeout: float = 10.0
    token: Callable[[], str | None] = lambda: None
    authorities: Callable[[], str | None] = lambda: None

    async def query(self, query: str) -> tuple[float, ...]:
        """See `AnalysisPort.query`."""
        if not self.url:
            raise AnalysisError("no Prometheus is configured: say where it is in prometheus.url")
        try:
            return _numbers(orjson.loads(await self._ask(query)))
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise AnalysisError(f"Prometheus at {self.url} can't be asked: {str(error) or type(error).__name__}") from error
        except (orjson.JSONDecodeError, LookupError, TypeError, ValueError) as error:
            raise AnalysisError(f"what answers at {self.url} is no Prometheus") from error
        except AnalysisError:
            raise
        except GitopsdError as error:
            raise AnalysisError(f"Prometheus at {self.url} can't be asked: {error}") from error

    async def _ask(self, query: str) -> bytes:
        token, authorities = self.token(), self.authorities()
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        trusted: Any = True
        if authorities:
            trusted = ssl.create_default_context()
            trusted.load_verify_locations(cadata=authorities)
        limit = aiohttp.ClientTimeout(total=self.timeout)
        form = {"query": query, "timeout": f"{self.timeout:g}s"}
        address = f"{self.url.rstrip('/')}/api/v1/query"
        async with (
            aiohttp.ClientSession(timeout=limit, headers=headers) as session,
            # No redirect: the token is for this server.
            session.post(address, data=form, ssl=trusted, allow_redirects=False) as answer,
        ):
            body = b""
            async for chunk in answer.content.iter_chunked(1 << 16):
                body += chunk
                if len(body) > _LARGEST:
                    raise AnalysisError(f"the answer has more than {_LARGEST >> 20} MiB: let the query give one number")
            if answer.status != 200 and answer.content_type != "application/json":  # noqa: PLR2004 - HTTP's OK
                raise AnalysisError(f"Prometheus at {self.url} answers with HTTP {answer.status}")
            return body


def _numbers(answer: Mapping[str, Any]) -> tuple[float, ...]:
    if answer["status"] != "success":
        raise AnalysisError(f"Prometheus refuses the query: {str(answer.get('error'))[:_SHOWN]}")
    kind, result = answer["data"]["resultType"], answer["data"]["result"]
    if kind == "scalar":
        return (float(result[1]),)
    if kind != "vector" or any("value" not in sample for sample in result):
        raise AnalysisError(
            f"the query gives a {'histogram' if kind == 'vector' else kind}: it has to give a number, or a vector of them"
        )
    if len(result) > _MOST:
        raise AnalysisError(f"the query gives {len(result)} numbers: let it give one, or at most {_MOST}")
    return tuple(float(sample["value"][1]) for sample in result)
