"""The real renderer and the fake one keep the contract of the port."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from gitopsd.children import Pool
from gitopsd.model.errors import SourceError
from gitopsd.model.source import Snapshot
from gitopsd.render.needs import Elsewhere
from gitopsd.renderer import Renderer
from tests.contract.render_port import RenderPortContract
from tests.fakes_source import FakeRenderer


class TestFakeRenderer(RenderPortContract):
    @pytest.fixture
    def port(self) -> FakeRenderer:
        return FakeRenderer()


class TestRenderer(RenderPortContract):
    @pytest.fixture
    async def port(self) -> AsyncIterator[Renderer]:
        async def fetch(need: Elsewhere) -> Snapshot:
            raise SourceError("is not there", str(need))

        pool = Pool("render", size=1)
        yield Renderer(pool, fetch)
        await pool.aclose()
