"""Is this process alive, and would a submission sent now be judged?"""

from __future__ import annotations

from quart import Response

from daemons.api.answers import answer
from daemons.api.documents import Alive, Ready
from daemons.api.errors import Refusal
from daemons.api.routes import Answer, Route
from daemons.api.store import LiveWorkers, patience
from daemons.broker import Broker
from daemons.broker.errors import StoreUnavailable
from judging.package import Catalogue

Check = dict[str, object]

_UNKNOWN: Check = {"ok": False, "detail": "not known while the store is away"}


class Health:
    """Handlers of `/healthz` and `/readyz`."""

    def __init__(self, broker: Broker, workers: LiveWorkers, catalogue: Catalogue) -> None:
        self._broker = broker
        self._workers = workers
        self._catalogue = catalogue

    def routes(self) -> list[Route]:
        """Return the routes."""
        alive = Answer(description="This process handles requests.", type=Alive)
        ready = Answer(description="A submission would be judged now.", type=Ready)
        return [
            Route(method="GET", path="/healthz", handler=self.healthz,
                  summary="Is this process alive?", answers={200: alive}),
            Route(method="GET", path="/readyz", handler=self.readyz,
                  summary="Would a submission be judged now?", answers={200: ready},
                  errors=(503,)),
        ]  # fmt: skip

    async def healthz(self) -> Response:
        """Answer: this process handles requests, whatever the others do."""
        return answer(Alive())

    async def readyz(self) -> Response:
        """Answer with the state of each thing that judging needs; 503 unless all are well."""
        store = await self._check_store()
        checks = {
            "store": store,
            "workers": await self._check_workers() if store["ok"] else _UNKNOWN,
            "problems": self._check_problems(),
        }
        failing = [name for name, check in checks.items() if not check["ok"]]
        if failing:
            raise Refusal(
                503,
                "not-ready",
                f"not ready: {', '.join(failing)}",
                headers={"Retry-After": "1"},
                members={"ready": False, "checks": checks},
            )
        return answer(Ready(ready=True, checks=checks))

    async def _check_store(self) -> Check:
        try:
            with patience():
                await self._broker.ping()
        except StoreUnavailable as exc:
            return {"ok": False, "detail": str(exc)}
        return {"ok": True, "durability": self._broker.durability}

    async def _check_workers(self) -> Check:
        try:
            workers = await self._workers.workers(fresh=True)
        except StoreUnavailable:
            return _UNKNOWN
        alive = {"alive": len(workers), "slots": sum(worker.slots for worker in workers)}
        if not workers:
            return {"ok": False, **alive, "detail": "no worker is alive; submissions wait"}
        return {"ok": True, **alive}

    def _check_problems(self) -> Check:
        count = len(self._catalogue)
        if not count:
            return {"ok": False, "count": 0, "detail": "no problem package in [problems] dirs"}
        return {"ok": True, "count": count}
