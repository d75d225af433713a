"""Fetching the pictures that a catalog names by URL into the image store."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx

from k3m_kg import __version__
from k3m_kg.errors import K3MError
from k3m_kg.pictures.content_store import ContentStore
from k3m_kg.pictures.fetch.guarded_transport import GuardedTransport
from k3m_kg.pictures.fetch.one import FailureError, PictureRequests, RetryError, host_of
from k3m_kg.pictures.fetch.queue import HostQueue, Job
from k3m_kg.pictures.fetch.settings import FetchCounts, FetchSettings
from k3m_kg.pictures.index import Origin, PictureIndex
from k3m_kg.pictures.locate import is_fetchable

USER_AGENT = f"k3m-kg/{__version__} (fetches the pictures of a product catalog)"
_QUEUE = 4096


class ImageFetcher:
    """Fetches URLs into an image store, many at a time.

    - What the store has is not fetched again; a run that was killed goes on where it was.
    - Every failure is noted in the index with its reason. One that may pass is tried again with
      growing pauses, and by the next run; one that stays is asked again only with `refetch`.
    - Only http and https, only public and allowed addresses (checked on the address that is
      connected to, also after each redirect), no proxies, no cookies, no credentials.
    """

    def __init__(self, store: ContentStore, index: PictureIndex, settings: FetchSettings) -> None:
        self._store = store
        self._index = index
        self._settings = settings
        self._seen: set[int] = set()
        self._silent: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._error: BaseException | None = None
        self.counts = FetchCounts()

    def fetch(
        self,
        urls: Iterable[str],
        on_progress: Callable[[FetchCounts], None] = lambda counts: None,
    ) -> FetchCounts:
        """Fetch those URLs that the store does not have; returns when each is fetched or failed.

        Args:
            urls: read as fast as they are fetched; repeats are dropped.
            on_progress: called from time to time.

        Raises:
            CatalogError: the image store cannot be written.
        """
        queue = HostQueue(self._settings.per_host, _QUEUE)
        transport = GuardedTransport(self._settings.connections, self._settings.allowed)
        client = httpx.Client(
            transport=transport,
            trust_env=False,
            headers={"User-Agent": USER_AGENT, "Accept": "image/*", "Accept-Encoding": "identity"},
            # A jar that takes no cookie.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            timeout=httpx.Timeout(
                self._settings.read_seconds, connect=self._settings.connect_seconds, pool=None
            ),
        )
        requests = PictureRequests(client, self._store, self._settings)
        work = (queue, requests, transport)
        workers = [
            threading.Thread(target=self._work, args=work, daemon=True, name="k3m-kg-fetch")
            for _ in range(self._settings.connections)
        ]
        try:
            for worker in workers:
                worker.start()
            for url in urls:
                if self._error is not None:
                    break
                if (job := self._job(url)) is not None:
                    queue.put(job)
                    on_progress(self.counts)
            queue.close()
            for worker in workers:
                while worker.is_alive():
                    worker.join(0.2)
                    on_progress(self.counts)
        finally:
            queue.stop()
            if any(worker.is_alive() for worker in workers):  # interrupted: do not wait for them
                threading.Thread(target=_close, args=(client, workers), daemon=True).start()
            else:
                client.close()
        if self._error is not None:
            raise self._error
        return self.counts

    def _job(self, url: str) -> Job | None:
        """What is to be done about a URL; None: nothing."""
        if not is_fetchable(url) or hash(url) in self._seen:
            return None
        self._seen.add(hash(url))
        known = self._index.url(url)
        if not self._settings.refetch and self._is_settled(known):
            return None
        return Job(url, host_of(url))

    def _work(
        self, queue: HostQueue, requests: PictureRequests, transport: GuardedTransport
    ) -> None:
        while (job := queue.take()) is not None:
            try:
                with transport.within(self._settings.total_seconds):
                    again = self._try(job, requests)
            except BaseException as error:
                self._error = self._error or error
                queue.done(job)
                queue.stop()
                return
            if again is None:
                queue.done(job)
            else:
                wait, pause_host = again
                queue.again(job, wait, pause_host=pause_host)

    def _try(self, job: Job, requests: PictureRequests) -> tuple[float, bool] | None:
        """One try; seconds until the next and whether its host is to be left alone till then."""
        settings, known = self._settings, self._index.url(job.url)
        job.tries += 1
        try:
            if self._silent[job.host] >= settings.dead_after:
                why = "the host did not answer many times in a row"
                raise RetryError(why, wait=float("inf"), answered=False)
            origin, size = requests.get(job.url, known if self._has(known) else None)
        except FailureError as error:
            self._answered(job.host, True)
            self._note(job, Origin(error=_said(error)), FetchCounts(failed=1))
            return None
        except RetryError as error:
            self._answered(job.host, error.answered)
            backoff = settings.backoff_seconds * 2 ** (job.tries - 1)
            wait = error.wait if error.wait is not None else backoff * random.uniform(0.5, 1.5)  # noqa: S311
            if job.tries >= settings.tries or wait > settings.longest_wait:
                self._note(job, _keep_old(known, _said(error)), FetchCounts(failed=1))
                return None
            return wait, error.wait is not None
        except K3MError:
            raise
        except Exception as error:
            # Servers send what no library expects: it costs their picture, not the ingest.
            why = f"the answer could not be read: {type(error).__name__}: {_said(error)}"
            self._note(job, Origin(error=why), FetchCounts(failed=1))
            return None
        self._answered(job.host, True)
        counts = FetchCounts(kept=1) if origin is known else FetchCounts(fetched=1, bytes=size)
        self._note(job, origin, counts)
        return None

    def _note(self, job: Job, origin: Origin, counts: FetchCounts) -> None:
        self._index.set_url(job.url, origin)
        with self._lock:
            self.counts.fetched += counts.fetched
            self.counts.kept += counts.kept
            self.counts.failed += counts.failed
            self.counts.bytes += counts.bytes

    def _answered(self, host: str, yes: bool) -> None:
        with self._lock:
            self._silent[host] = 0 if yes else self._silent[host] + 1

    def _is_settled(self, known: Origin | None) -> bool:
        """Whether there is nothing to gain from asking: it is there, or failed for good."""
        if known is None or known.temporary:
            return False
        return known.digest is None or self._has(known)

    def _has(self, known: Origin | None) -> bool:
        return (
            known is not None
            and known.digest is not None
            and self._store.find(known.digest) is not None
        )


def _said(error: Exception) -> str:
    """On one line and cut: libraries quote what a server sent."""
    return " ".join(str(error).split())[:300]


def _keep_old(known: Origin | None, error: str) -> Origin:
    """What was fetched before stays when asking again fails for now."""
    if known is not None and known.digest is not None:
        return known
    return Origin(error=error, temporary=True)


def _close(client: httpx.Client, workers: list[threading.Thread]) -> None:
    """Close the client when its workers are done: who reads a socket closed meanwhile waits on."""
    for worker in workers:
        if worker.ident is not None:
            worker.join()
    client.close()
