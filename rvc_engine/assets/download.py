"""Downloads published weights: several at once, each resumed where it was cut off, checked by sha256 before it appears
in its place."""

from __future__ import annotations

import os
import queue
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rvc_engine.assets.hub import Cut, Offline, Remote, ask, is_offline, receive
from rvc_engine.assets.manifest import Asset, endpoint
from rvc_engine.assets.verify import OK, OTHER, Receipts, check
from rvc_engine.common.failures import explained
from rvc_engine.common.lock import RunLock
from rvc_engine.common.opening import open_to_append
from rvc_engine.disk import DiskFull, free_bytes, is_full, move_to_backup, require_writable, sha256_of, whole_file
from rvc_engine.errors import RvcError
from rvc_engine.messages import Message, joined, message_of, verbatim
from rvc_engine.messages.message import fix_of
from rvc_engine.workspace import Workspace

AT_ONCE = 4
TRIES = 5
"""How often in a row a download may break without a megabyte more; then it is given up."""
WAIT_S = 0.25
"""Before the second try; doubled before each further one."""
PROGRESS_BYTES = 1 << 20
REACHED_WITHIN_S = 8.0
LARGEST_BYTES = 2 << 30
"""More is never taken of a file whose size nobody states."""
LOOK_BYTES = 1 << 20
"""How often the room on the disk is looked at."""
SPARE_BYTES = 16 << 20
"""What must stay free on the disk."""


@dataclass
class Transfer:
    """One file on its way: its worker writes here, a display reads. `done` and `total` in bytes; `total` None is not
    known."""

    asset: Asset
    target: Path
    part: Path
    total: int | None = None
    done: int = 0
    state: str = "waiting"  # then downloading, checking, done or failed
    resumed_at: int = 0
    error: RvcError | None = None

    @property
    def ended(self) -> bool:
        return self.state in ("done", "failed")


Watch = Callable[[list[Transfer]], None]


def pull(
    workspace: Workspace,
    assets: list[Asset],
    watch: Watch = lambda transfers: None,
    *,
    take_over: bool = False,
    note: Callable[[Message], None] = lambda message: None,
) -> list[Transfer]:
    """Fetch what is not here yet or differs from the manifest; `watch` is called a few times a second. Returns what was
    fetched. `take_over`: the lock, also of a host that is not known to be gone; `note` is called with whose it was.

    Raises Offline, DiskFull, Busy, or RvcError naming the files that failed (the others are in place then). What was
    fetched of a failed or interrupted file stays in pretrained/.downloads, and the next call resumes from there.
    """
    receipts = Receipts(workspace)
    wanted = [asset for asset in assets if check(workspace, asset, receipts).state not in (OK, OTHER)]
    if not wanted:
        return []
    require_writable(workspace.pretrained, Message("run.another_workspace"))
    staging = workspace.pretrained / ".downloads"
    transfers = [_transfer(workspace, staging, asset) for asset in wanted]
    busy = Message("assets.busy")
    lock = RunLock(staging / "lock", busy, fix_of(busy))
    if said := lock.acquire(take_over=take_over):
        note(said)
    try:
        _ask_all(transfers)
        _check_room(workspace, transfers)
        _run(transfers, workspace, watch)
    finally:
        lock.release()
    for transfer in transfers:
        if transfer.state == "done":
            receipts.note(transfer.target, transfer.asset.sha256)
    _raise_failures(transfers)
    return transfers


def _transfer(workspace: Workspace, staging: Path, asset: Asset) -> Transfer:
    part = staging / f"{asset.name.replace('/', '-')}-{asset.sha256[:12]}.part"
    if part.is_symlink():  # ours are files: this one leads into somebody else's
        part.unlink()
    done = part.stat().st_size if part.is_file() else 0
    return Transfer(asset, workspace.pretrained / asset.name, part, asset.bytes, done, resumed_at=done)


# --- before ----------------------------------------------------------------------------------------
def _ask_all(transfers: list[Transfer]) -> None:
    """Sizes from the hub. Raises Offline when it does not answer within seconds; a file that it does not have has
    failed."""
    if is_offline():
        raise Offline("assets.downloads_forbidden")
    endpoint()  # is it an address at all?
    answers: dict[str, Remote | Exception] = {}

    def work(transfer: Transfer) -> None:
        try:
            answers[transfer.asset.name] = ask(transfer.asset)
        except (RvcError, Cut) as error:
            answers[transfer.asset.name] = error
        except Exception as error:  # a hub that answers with what the client cannot read
            answers[transfer.asset.name] = _unreadable(transfer, error)

    threads = _in_threads(work, transfers, 2 * AT_ONCE)
    deadline = time.monotonic() + REACHED_WITHIN_S
    while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
        time.sleep(0.02)
    broken = [answer for answer in answers.values() if isinstance(answer, Cut | Offline)]
    if len(broken) == len(answers):
        raise Offline(
            "assets.hub_unreachable",
            message_of(broken[0]) if broken else Message("assets.no_answer", seconds=REACHED_WITHIN_S),
            endpoint=endpoint(),
        )
    for transfer in transfers:
        _take_answer(transfer, answers.get(transfer.asset.name))


def _take_answer(transfer: Transfer, answer: Remote | Exception | None) -> None:
    if isinstance(answer, RvcError):
        transfer.state, transfer.error = "failed", answer
    elif isinstance(answer, Remote):
        published = transfer.asset.bytes
        transfer.total = published or answer.bytes
        if (published and answer.bytes and answer.bytes != published) or (transfer.total or 0) > LARGEST_BYTES:
            transfer.state, transfer.error = "failed", _other_size(transfer, answer.bytes or 0)
        elif answer.sha256 and answer.sha256 != transfer.asset.sha256:
            transfer.state, transfer.error = "failed", _other_file(transfer, answer.sha256)


def _check_room(workspace: Workspace, transfers: list[Transfer]) -> None:
    missing = sum(max(0, (t.total or 0) - t.done) for t in transfers if not t.ended)
    free = free_bytes(workspace.pretrained)
    if missing and missing + SPARE_BYTES > free:
        wanted = missing + SPARE_BYTES - free
        raise DiskFull(
            "assets.no_room",
            folder=workspace.pretrained,
            missing=missing / 1e6,
            free=free / 1e6,
            wanted=wanted / 1e6,
        )


# --- at work ---------------------------------------------------------------------------------------
def _in_threads(work: Callable[[Transfer], None], transfers: list[Transfer], at_once: int) -> list[threading.Thread]:
    """Daemon threads: one that hangs in the network must not keep the program from ending."""
    waiting: queue.SimpleQueue[Transfer] = queue.SimpleQueue()
    for transfer in transfers:
        waiting.put(transfer)

    def worker() -> None:
        while True:
            try:
                work(waiting.get_nowait())
            except queue.Empty:
                return

    threads = [threading.Thread(target=worker, daemon=True) for _ in range(min(at_once, len(transfers)))]
    for thread in threads:
        thread.start()
    return threads


def _run(transfers: list[Transfer], workspace: Workspace, watch: Watch) -> None:
    stop = threading.Event()
    threads = _in_threads(
        lambda transfer: _work(transfer, workspace, stop), [t for t in transfers if not t.ended], AT_ONCE
    )
    try:
        while any(thread.is_alive() for thread in threads):
            watch(transfers)
            time.sleep(0.1)
        watch(transfers)
    except BaseException:
        stop.set()
        for thread in threads:
            thread.join(timeout=1.0)
        raise


def _work(transfer: Transfer, workspace: Workspace, stop: threading.Event) -> None:
    if stop.is_set():
        return
    try:
        transfer.state = "downloading"
        _fetch(transfer, stop)
        if not stop.is_set():
            transfer.state = "checking"
            _place(transfer, workspace)
            transfer.state = "done"
    except RvcError as error:
        transfer.error = error
    except Exception as error:
        full = DiskFull("assets.disk_full", message_of(error), path=transfer.part) if is_full(error) else None
        transfer.error = full or explained(error) or _unreadable(transfer, error)
    finally:
        transfer.state = "done" if transfer.state == "done" else "failed"


def _unreadable(transfer: Transfer, error: Exception) -> RvcError:
    """The client has no words for what the hub sent."""
    reason = verbatim(f"{type(error).__name__}: {error}")
    return RvcError("assets.unreadable_answer", reason, name=transfer.asset.name, endpoint=endpoint())


def _fetch(transfer: Transfer, stop: threading.Event) -> None:
    """Until the file is whole, however often the connection breaks, as long as it gets on. Raises RvcError, OSError."""
    tries, best = 0, transfer.done
    while not stop.is_set():
        try:
            _receive(transfer, stop)
            return
        except Cut as cut:
            tries = 0 if transfer.done >= best + PROGRESS_BYTES else tries + 1
            best = max(best, transfer.done)
            if tries >= TRIES:
                name, done = transfer.asset.name, transfer.done / 1e6
                raise RvcError("assets.cut_off", name=name, tries=tries, reason=message_of(cut), done=done) from cut
            stop.wait(min(WAIT_S * 2**tries, 8.0))


def _receive(transfer: Transfer, stop: threading.Event) -> None:
    """One connection. Raises Cut when it ends before the file does."""
    looked_at, limit = 0, transfer.total or LARGEST_BYTES
    with os.fdopen(open_to_append(transfer.part, follow=False), "ab") as file:
        transfer.done = file.tell()
        if transfer.total is not None and transfer.done >= transfer.total:
            return
        for offset, block in receive(transfer.asset, transfer.done, stop):
            if offset != transfer.done:  # the server starts over
                file.seek(0)
                file.truncate()
            if offset + len(block) > limit:
                transfer.part.unlink(missing_ok=True)
                raise _too_long(transfer, limit)
            if offset + len(block) - looked_at > LOOK_BYTES:
                looked_at = offset + len(block)
                _refuse_filling(transfer.part.parent, len(block))
            file.write(block)
            file.flush()
            transfer.done = offset + len(block)
    if transfer.total is not None and transfer.done < transfer.total and not stop.is_set():
        raise Cut(Message("assets.ended_early"))


def _too_long(transfer: Transfer, limit: int) -> RvcError:
    code = "assets.longer_than_any" if transfer.total is None else "assets.longer_than_announced"
    return RvcError(code, name=transfer.asset.name, endpoint=endpoint(), limit=limit)


def _refuse_filling(folder: Path, more: int) -> None:
    """A hub that states no size must not take the last of the disk. Raises DiskFull."""
    disk = shutil.disk_usage(folder)
    if disk.free - more < min(SPARE_BYTES, disk.total // 50):
        raise DiskFull("assets.disk_nearly_full", folder=folder, free=disk.free / 1e6)


def _place(transfer: Transfer, workspace: Workspace) -> None:
    """Check the sum, then let the file appear. What was in its place and is another file is moved to a backup."""
    found = sha256_of(transfer.part)
    if found != transfer.asset.sha256:
        transfer.part.unlink()
        raise _other_file(transfer, found)
    move_to_backup([transfer.target], workspace.pretrained, "replaced")
    with whole_file(transfer.target) as temporary:
        os.replace(transfer.part, temporary)
    transfer.total = transfer.done


def _other_file(transfer: Transfer, found: str) -> RvcError:
    return RvcError(
        "assets.other_sum",
        name=transfer.asset.name,
        endpoint=endpoint(),
        found=found[:12],
        published=transfer.asset.sha256[:12],
    )


def _other_size(transfer: Transfer, found: int) -> RvcError:
    name, published = transfer.asset.name, transfer.asset.bytes
    if published:
        return RvcError("assets.other_size", name=name, endpoint=endpoint(), found=found, published=published)
    return RvcError("assets.too_large", name=name, endpoint=endpoint(), found=found, most=LARGEST_BYTES)


def _raise_failures(transfers: list[Transfer]) -> None:
    failed = [t for t in transfers if t.error is not None]
    if len(failed) == 1 and failed[0].error is not None:
        raise failed[0].error
    if failed:
        reasons = joined(*(t.error.title for t in failed if t.error is not None))
        raise RvcError("assets.some_failed", reasons, count=len(failed), total=len(transfers))
