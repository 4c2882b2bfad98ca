"""Twenty people at once: how long each waits, whether anybody gets another's answer, and who leaves frees the line.

    python benchmarks/visitors.py

Starts the app in its own process. Every visitor has a session, a picture of his own and a talk about it, which he
sends as the page does (uploads, the queue, a stream of events) and without a pause between two questions. What each
must be answered is computed beforehand, by the task itself. Then somebody sends twenty questions and closes the page
while the first is being answered; who stands behind them in the line measures how long until his own answer begins.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from app_process import running_app  # noqa: E402

QUESTIONS = ("what is in the picture?", "how many things are there?", "describe the picture in detail.")
IMPATIENT = 20
"""How many questions somebody has in the line who then closes the page."""


@dataclass(frozen=True)
class Asked:
    """One question: the answer, and the seconds from sending it to the first token and to the last."""

    text: str
    first: float
    whole: float


@dataclass(frozen=True)
class App:
    """A running app: its address, the number of its chat endpoint, and that one's parameters with their defaults."""

    url: str
    chat: int
    defaults: tuple[tuple[str, object], ...]


def main() -> None:
    """Print the table; ends with an error when an answer was wrong or did not come."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--visitors", type=int, default=20, help="how many at once (default: %(default)s)")
    options.add_argument("--rounds", type=int, default=5, help="how often somebody leaves (default: %(default)s)")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pictures = draw(chosen.visitors, Path(folder))
        wanted = [told(picture) for picture in pictures]
        log = Path(folder) / "app.log"
        with running_app(log) as url:
            awake(log)
            app = opened(url)
            talks, seconds = asyncio.run(crowd(app, pictures))
            stayed, left = asyncio.run(leaving(app, pictures, chosen.rounds))
    said = [[asked.text for asked in talk] for talk in talks]
    pairs = (pair for talk in zip(said, wanted, strict=True) for pair in zip(*talk, strict=True))
    wrong = sum(got != right for got, right in pairs)
    every = [asked for talk in talks for asked in talk]
    print(f"{chosen.visitors} visitors, {len(every)} questions, {os.cpu_count()} cores, {seconds:.1f} s in all")
    print(f"{len({text for texts in wanted for text in texts})} different answers were right; {wrong} were not\n")
    print("| seconds until | median | 95 of 100 |\n|---|---|---|")
    for what, times in (("the first word", [a.first for a in every]), ("the whole answer", [a.whole for a in every])):
        print(f"| {what} | {statistics.median(times):.2f} | {statistics.quantiles(times, n=20)[-1]:.2f} |")
    print(f"| all answers of somebody with {IMPATIENT} questions who stays | {stayed:.2f} | |")
    print(f"| the next one's first word, after he left | {statistics.median(left):.2f} | {max(left):.2f} (most) |")
    if wrong:
        raise SystemExit("Somebody got an answer that was not his.")


def draw(count: int, folder: Path) -> list[Path]:
    """A scene for each visitor that no other one has."""
    from playground.moji.fresh import fresh_scenes

    paths = [folder / f"{number}.png" for number in range(count)]
    for path, scene in zip(paths, fresh_scenes(count, seed=20, least=2), strict=True):
        scene.image.save(path)
    return paths


def told(path: Path) -> list[str]:
    """What the task itself answers to the questions about this picture, one after the other."""
    from playground import load
    from playground.imaging.opening import open_picture
    from playground.tasks.chat import chat
    from playground.ui.components.streaming import growing

    model, messages, texts = load("moji-vlm"), (), []
    for question in QUESTIONS:
        images = () if messages else (open_picture(path).image,)
        *_, (_, reply) = growing(chat(model, messages, question, images))
        messages, texts = reply.messages, [*texts, reply.answer.text.strip()]
    return texts


def awake(log: Path, patience: float = 120) -> None:
    """Wait until the app has loaded its model."""
    end = time.monotonic() + patience
    while "is loaded" not in log.read_text():
        if time.monotonic() > end:
            raise SystemExit(f"The model was not loaded within {patience:.0f} s:\n{log.read_text()}")
        time.sleep(0.2)


def opened(url: str) -> App:
    """What a page has to know before it can ask."""
    events = httpx.get(f"{url}/config").json()["dependencies"]
    told = httpx.get(f"{url}/gradio_api/info").json()["named_endpoints"]["/chat"]["parameters"]
    number = next(event["id"] for event in events if event["api_name"] == "chat")
    return App(url, number, tuple((part["parameter_name"], part.get("parameter_default")) for part in told))


async def crowd(app: App, pictures: list[Path]) -> tuple[list[list[Asked]], float]:
    """Everybody's talk, all begun at once, and the seconds until the last one was over."""
    began = time.perf_counter()
    talks = await asyncio.gather(*(visit(app, picture) for picture in pictures))
    return talks, time.perf_counter() - began


async def visit(app: App, picture: Path) -> list[Asked]:
    """One visitor's questions, each sent when the answer before has come."""
    async with httpx.AsyncClient(base_url=app.url, timeout=600) as browser:
        session, shown = uuid.uuid4().hex, [await uploaded(browser, picture)]
        history, talk = [], []
        for question in QUESTIONS:
            pictures = [] if history else shown
            talk.append(await asked(app, browser, session, message=question, pictures=pictures, history=history))
            history += [
                {"role": "user", "text": question, "pictures": pictures},
                {"role": "assistant", "text": talk[-1].text, "pictures": []},
            ]
        return talk


async def leaving(app: App, pictures: list[Path], rounds: int) -> tuple[float, list[float]]:
    """Seconds that a visitor's questions take when he stays, and from his leaving to the next answer's begin.

    The next one stands in the line behind all of them.
    """
    left = []
    options = {"base_url": app.url, "timeout": 600}
    async with httpx.AsyncClient(**options) as leaver, httpx.AsyncClient(**options) as follower:
        one, other = await uploaded(leaver, pictures[0]), await uploaded(follower, pictures[1])
        question = {"message": QUESTIONS[0], "pictures": [other]}
        began = time.perf_counter()
        staying = [text async for text, over in many(app, leaver, pictures=[one]) if over]
        stayed = time.perf_counter() - began
        assert len(staying) == IMPATIENT
        for _ in range(rounds):
            async with aclosing(many(app, leaver, pictures=[one])) as written:
                await anext(written)
                began, waiting = time.perf_counter(), asyncio.create_task(asked(app, follower, **question))
                await asyncio.sleep(0.2)  # until he stands in the line
                closed = time.perf_counter()
            left.append(began + (await waiting).first - closed)
    return stayed, left


async def many(app: App, browser: httpx.AsyncClient, **options: object) -> AsyncIterator[tuple[str, bool]]:
    """What comes of `IMPATIENT` questions sent at once by one visitor; see `events`."""
    session = uuid.uuid4().hex
    for _ in range(IMPATIENT):
        await join(app, browser, session, message=QUESTIONS[-1], **options)
    async with aclosing(events(browser, session, IMPATIENT)) as coming:
        async for event in coming:
            yield event


async def uploaded(browser: httpx.AsyncClient, picture: Path) -> dict:
    """The picture as the page names it after its upload."""
    response = await browser.post("/gradio_api/upload", files={"files": (picture.name, picture.read_bytes())})
    return {"path": response.raise_for_status().json()[0], "meta": {"_type": "gradio.FileData"}}


async def asked(app: App, browser: httpx.AsyncClient, session: str = "", **options: object) -> Asked:
    """Send one message and read its answer to the end; without a session, as a new visitor."""
    session, began, first = session or uuid.uuid4().hex, time.perf_counter(), None
    await join(app, browser, session, **options)
    async for text, over in events(browser, session):
        first = first or time.perf_counter() - began
        if over:
            return Asked(text, first, time.perf_counter() - began)
    raise SystemExit("An answer did not come.")


async def join(app: App, browser: httpx.AsyncClient, session: str, **options: object) -> None:
    """Put a message into the line."""
    data = [options.get(name, default) for name, default in app.defaults]
    job = {"fn_index": app.chat, "data": data, "session_hash": session}
    (await browser.post("/gradio_api/queue/join", json=job)).raise_for_status()


async def events(browser: httpx.AsyncClient, session: str, answers: int = 1) -> AsyncIterator[tuple[str, bool]]:
    """("", False) whenever more of an answer comes, and (the whole answer, True), by the page's own protocol."""
    async with browser.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as stream:
        async for line in stream.aiter_lines():
            message = json.loads(line.removeprefix("data:")) if line.startswith("data:") else {}
            if message.get("msg") == "process_generating":
                yield "", False
            elif message.get("msg") == "process_completed":
                if not message["success"]:
                    raise SystemExit(f"An answer failed: {message['output']}")
                yield message["output"]["data"][0]["text"], True
                answers -= 1
                if not answers:
                    return


if __name__ == "__main__":
    main()
