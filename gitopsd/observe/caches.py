"""How caches are used, asked for at each scrape: counting costs them nothing in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from gitopsd.ports import CacheUse


class Caches(Collector):
    """The caches by name, as a source of metrics."""

    def __init__(self) -> None:
        self.uses: dict[str, Callable[[], CacheUse]] = {}

    def collect(self) -> Iterator[Metric]:
        """Two families, with a sample for each cache."""
        entries = GaugeMetricFamily("gitopsd_cache_entries", "What a cache holds.", labels=["cache"])
        evictions = CounterMetricFamily("gitopsd_cache_evictions", "Entries that a cache gave up.", labels=["cache"])
        for name, use in self.uses.items():
            used = use()
            entries.add_metric([name], used.entries)
            evictions.add_metric([name], used.evicted)
        yield entries
        yield evictions
