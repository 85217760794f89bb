"""Faults on purpose: `make chaos`. Every audit that was killed or starved must end as if nothing had happened.

A tiny classifier is trained and audited once, undisturbed. Then, in rounds with a seed of their own, the same command is
killed with `kill -9`, up to three times, each time at a random instant of a stage (the rounds take turns through all of
them, and before, between and after), and run again until it ends. A round survives if every file of the run and every
table of the warehouse is then the same, to the byte, if no finished part was written a second time, and if nothing is left
behind. Then the faults that are no kill: damaged parts, parts of another run, a clock that jumps, two audits at once, a full disk,
a folder without permission, Ctrl-C and SIGTERM. Prints survived / tried.

What may differ, and is left out: when the run and its stages were started and finished and how many seconds they
took, in the registry; the date of the start in the page; and with it the hash of the page in `report.json`.
"""

import argparse
import ctypes
import hashlib
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import duckdb

from warehouse import open_warehouse

ROOT = Path(__file__).parents[2]
STAGES = (
    "obtain_classifier", "enter_run", "ingest_dataset", "attribute_shards", "aggregate_scores", "screen_words", "verify_candidates",
    "judge_candidates", "remove_findings", "trace_rules", "recommend_changes", "write_report", "finish_run",
)  # fmt: skip
"""Functions that flows/audit.py calls; the second dataset goes through two of them again."""
SIGNALS = ("SIGINT", "SIGTERM")
WATCHED = """
import os, sys
import flows.cli
os.environ.update(flows.cli.ENVIRONMENT)
import flows.audit as story
from tests.benchmarks.chaos import STAGES, announced

pipe = int(sys.argv.pop(1))
for name in STAGES:
    setattr(story, name, announced(pipe, name, getattr(story, name)))
flows.cli.main()
"""
"""The command, which tells a file descriptor when each stage begins."""


_CLOCKS = {
    "runs": "exclude (started_at, finished_at)",
    "run_facts": "exclude (finished_at)",
    "stages": "exclude (finished_at, seconds)",
}
"""Columns that tell when and how long."""


@dataclass
class World:
    """A folder with a config, and what an audit makes of it."""

    folder: Path
    threads: int = 1
    home: Path | None = None
    """Of Prefect. Worlds may share one, because a new one costs ten seconds."""
    api: str | None = None
    """A running Prefect server, in the place of one for each command."""
    forks: bool = False
    """Audits are forks of this process, which has imported everything, and report to one Prefect server: twice as many in
    the same time. Else each is the command of the user, with a server of its own."""

    @property
    def config(self) -> Path:
        return self.folder / "chaos.yaml"

    @property
    def made(self) -> Path:
        return self.folder / "made"

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        reviews = ROOT / "warehouse/seeds/movie_reviews.parquet"
        self.config.write_text(f"""
name: chaos
warehouse: {self.made}/audits.duckdb
output: {self.made}/runs
models: {self.made}/models
data: {{path: {reviews}, where: {{split: test}}, sample: 420, slices: [split]}}
compare: {{path: {ROOT}/warehouse/seeds/tweets.parquet, where: {{split: test}}, sample: 20}}
finetune: {{network: bilstm, where: {{split: train}}, sample: 600, epochs: 2, learning_rate: 0.01, max_tokens: 32}}
attribution: {{gradients: 3}}
screening: {{max_candidates: 20}}
verification: {{max_documents: 8}}
""")

    def reset(self) -> None:
        shutil.rmtree(self.made, ignore_errors=True)

    def start(self, *words: object, code: str | None = None, **options: object) -> "subprocess.Popen[str] | Fork":
        if self.forks:
            return Fork(self.folder, words, None)
        environment = {
            **os.environ,
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": str(self.threads),
            "PYTHONPATH": str(ROOT),
        }
        environment.pop("PREFECT_API_URL", None)
        if self.api is not None:
            environment["PREFECT_API_URL"] = self.api
        environment["PREFECT_HOME"] = str(self.home or self.folder / "prefect")
        command = ["-c", code] if code else ["-m", "flows.cli"]
        settings: dict[str, object] = {
            "cwd": self.folder, "env": environment, "stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE, "text": True, **options,
        }  # fmt: skip
        return subprocess.Popen([sys.executable, *command, *map(str, words)], **settings)  # type: ignore[call-overload]

    def run(self, *words: object, **options: object) -> subprocess.CompletedProcess[str]:
        process = self.start(*(words or ("run", self.config)), **options)
        out, errors = process.communicate(timeout=250)
        return subprocess.CompletedProcess(words, process.returncode, out, errors)

    def watched(self) -> "Watched":
        reading, writing = os.pipe()
        if self.forks:
            fork = Fork(self.folder, ("run", self.config), writing)
            os.close(writing)
            return Watched(fork, reading)
        process = self.start(writing, "run", self.config, code=WATCHED, pass_fds=(writing,))
        os.close(writing)
        return Watched(process, reading)

    def timeline(self) -> list[tuple[str, float]]:
        """Stages of an undisturbed run in their order, each with its seconds; the time before the first one is `start`."""
        watched, moments = self.watched(), [("start", time.monotonic())]
        moments += [(stage, time.monotonic()) for stage in watched.stages()]
        _, errors = watched.process.communicate()
        if watched.process.returncode:
            raise SystemExit(f"The undisturbed audit failed:\n{errors}")
        ends = [moment for _, moment in moments[1:]] + [time.monotonic()]
        return [(stage, end - begin) for (stage, begin), end in zip(moments, ends, strict=True)]

    def killed(self, place: int, delay: float) -> bool:
        """Run, and kill it `delay` seconds after the `place`-th stage began; False if it had ended by itself."""
        watched = self.watched()
        if place:
            next(itertools.islice(watched.stages(), place - 1, None), None)
        time.sleep(delay)
        watched.process.kill()
        watched.process.communicate()
        os.close(watched.pipe)
        return watched.process.returncode == -signal.SIGKILL

    @property
    def run_folder(self) -> Path:
        (found,) = (self.made / "runs").glob("chaos_*")
        return found

    def parts(self) -> dict[Path, int]:
        """When each finished part was written."""
        return {
            path: path.with_suffix(".json").stat().st_mtime_ns
            for path in self.made.glob("runs/*/**/part-*.json")
            if not path.name.startswith(".")
        }

    def state(self) -> dict[str, str]:
        """Hash of everything that an audit leaves behind, by name."""
        files = {
            str(path.relative_to(self.made)): path.read_bytes()
            for path in sorted(self.made.rglob("*"))
            if path.is_file() and not path.name.endswith((".lock", ".damaged")) and path.name != "audits.duckdb"
        }
        page = next(name for name in files if name.endswith("report.html"))
        files[page], facts = _timeless(files[page]), page.replace("report.html", "report.json")
        files[facts] = re.sub(rb'"report.html": "\w+"', b"", files[facts])
        return {name: hashlib.sha256(content).hexdigest() for name, content in (files | self._tables()).items()}

    def _tables(self) -> dict[str, bytes]:
        content = {}
        with duckdb.connect(str(self.made / "audits.duckdb"), read_only=True) as connection:
            tables = connection.execute(
                "select table_schema, table_name from information_schema.tables where table_type = 'BASE TABLE'"
            ).fetchall()
            views = connection.execute(
                "select sql from duckdb_views() where schema_name = 'main' and not internal order by sql"
            )
            content["views"] = repr(views.fetchall()).encode()
            for schema, table in tables:
                left_out = _CLOCKS.get(table, "")
                # Tables of a run in the order in which they are stored: that is part of what has to be the same.
                order = "order by all" if schema == "main" else ""
                with tempfile.NamedTemporaryFile() as file:
                    connection.execute(
                        f'copy (select * {left_out} from "{schema}"."{table}" {order}) to \'{file.name}\' (format parquet)'
                    )
                    content[f"{schema}.{table}"] = Path(file.name).read_bytes()
        return content


@dataclass
class Watched:
    """A command that tells when its stages begin."""

    process: "subprocess.Popen[str] | Fork"
    pipe: int

    def stages(self) -> Iterator[str]:
        with os.fdopen(os.dup(self.pipe)) as lines:
            yield from (line.strip() for line in lines)


class Fork:
    """A command as a fork of this process; with a pipe it tells when its stages begin."""

    def __init__(self, folder: Path, words: Sequence[object], pipe: int | None) -> None:
        self.returncode: int | None = None
        self._out, self._errors = tempfile.TemporaryFile("w+"), tempfile.TemporaryFile("w+")  # noqa: SIM115 (outlive this)
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid:
            return
        try:
            if sys.platform == "linux":
                pr_set_pdeathsig = 1
                ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
            os.chdir(folder)
            for stream, own in ((self._out, 1), (self._errors, 2)):
                os.dup2(stream.fileno(), own)
            sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
            import flows.audit as story
            import flows.cli

            if pipe is not None:
                for name in STAGES:
                    setattr(story, name, announced(pipe, name, getattr(story, name)))
            sys.argv = ["token-audit", *map(str, words)]
            flows.cli.main()
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(1)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.returncode = os.waitstatus_to_exitcode(status) if pid else None
        return self.returncode

    def send_signal(self, sent: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, sent)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float = 250) -> tuple[str, str]:
        deadline = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > deadline:
                self.kill()
            time.sleep(0.01)
        told = []
        for stream in (self._out, self._errors):
            stream.seek(0)
            told.append(stream.read())
        return told[0], told[1]


def announced(pipe: int, name: str, stage: Callable[..., object]) -> Callable[..., object]:
    """The stage, which writes its name first."""

    def run(*args: object, **kwargs: object) -> object:
        os.write(pipe, f"{name}\n".encode())
        return stage(*args, **kwargs)

    return run


@contextmanager
def forking(world: World) -> Iterator[None]:
    """Import everything once, and start one Prefect server, for the forks of this block."""
    from flows.cli import ENVIRONMENT
    from flows.server import server_process, wait_until_ready

    os.environ |= {
        **ENVIRONMENT,
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
        # Not that of the command: what it leaves behind is told by its home.
        "PREFECT_HOME": str(world.folder / "prefect-of-the-forks"),
    }
    with tempfile.TemporaryFile() as log, server_process(log) as port:
        wait_until_ready(port, log)
        os.environ["PREFECT_API_URL"] = f"http://127.0.0.1:{port}/api"
        import flows.audit  # noqa: F401 (for the forks)

        world.forks = True
        yield
        world.forks = False


def _timeless(page: bytes) -> bytes:
    page = re.sub(rb"first started \d{4}-\d\d-\d\d \d\d:\d\d", b"first started", page)
    return re.sub(rb'(<p class="brand">.*?</bdi> \xc2\xb7 )[^<]*', rb"\1", page)


class Failed(Exception):
    """A fault left something behind that an undisturbed audit does not."""


def require(holds: bool, what: str) -> None:
    if not holds:
        raise Failed(what)


def require_same(world: World, expected: dict[str, str]) -> None:
    """The audit is finished once more, and everything it left is as expected."""
    result = world.run()
    require(result.returncode == 0, f"the run after it ended with {result.returncode}: {result.stderr[-2000:]}")
    found = world.state()
    different = sorted(name for name in found.keys() | expected.keys() if found.get(name) != expected.get(name))
    require(not different, f"{len(different)} differ: {', '.join(different[:8])}")


def require_sentence(result: subprocess.CompletedProcess[str], *words: str) -> str:
    """The command failed with one sentence that has one of these words."""
    last = result.stderr.splitlines()[-1] if result.stderr else ""
    require(result.returncode == 1, f"exit code {result.returncode}: {result.stderr[-2000:]}")
    require("Traceback" not in result.stderr, result.stderr[-3000:])
    require(last.startswith("token-audit: ") and any(word in last for word in words), f"not the sentence: {last}")
    return last


def require_nobody_left(world: World) -> None:
    """The temporary Prefect server ends with its audit; forks have none of their own."""
    if world.forks:
        return
    # To its end: the home of the forks begins with the same words.
    home = f"PREFECT_HOME={world.home or world.folder / 'prefect'}\0".encode()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        left = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if home in (process / "environ").read_bytes():
                    left.append(process.name)
            except OSError:
                continue
        if not left:
            return
        time.sleep(0.2)
    raise Failed(f"processes left: {left}")


# ---------------------------------------------------------------- kill -9


def kill_round(
    world: World, expected: dict[str, str], timeline: list[tuple[str, float]], seed: int, num_kills: int | None = None
) -> str:
    """Kill an audit at random instants, the first in the stage whose turn it is, then let it end. Returns what was done."""
    rng = random.Random(seed)
    places = [seed % len(timeline)]
    places += rng.choices(range(len(timeline)), k=rng.choice((0, 0, 1, 2)) if num_kills is None else num_kills - 1)
    world.reset()
    told, kept = [], {}
    for place in places:
        stage, seconds = timeline[place]
        delay = rng.uniform(0, seconds)
        killed = world.killed(place, delay)
        told.append(f"{stage} + {delay:.2f} s{'' if killed else ' (had ended)'}")
        parts = world.parts()
        require(all(parts.get(path) == stamp for path, stamp in kept.items()), "a finished part was written again")
        kept = parts
    require_same(world, expected)
    parts = world.parts()
    require(all(parts.get(path) == stamp for path, stamp in kept.items()), "a finished part was written again")
    require_nobody_left(world)
    return "killed in " + ", then ".join(told)


# ---------------------------------------------------------------- other faults


def damaged_parts(world: World, expected: dict[str, str], rng: random.Random) -> str:
    """Cut short, a flipped byte, a lost file, an empty manifest: set aside, counted, made anew."""
    folder = world.run_folder
    victims = [folder / "parts/part-00000.tokens.parquet", folder / "parts/part-00001.examples.parquet", folder / "shards/shard-00001.examples.parquet",
               folder / "trials/part-00000.json", folder / "parts/plan.warp.parquet"]  # fmt: skip
    for victim, how in zip(victims, ("cut", "flip", "cut", "empty", "lose"), strict=True):
        content = bytearray(victim.read_bytes())
        if how == "cut":
            victim.write_bytes(content[: rng.randrange(len(content))])
        elif how == "flip":
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
            victim.write_bytes(content)
        elif how == "empty":
            victim.write_bytes(b"")
        else:
            victim.unlink()
    result = world.run()
    require(f"damaged\t{len(victims)} parts\t" in result.stderr, f"not counted: {result.stderr}")
    require_same(world, expected)
    aside = list(folder.rglob("*.damaged"))
    require(len(aside) >= len(victims), f"not set aside: {aside}")
    for path in aside:
        path.unlink()
    return f"{len(victims)} parts damaged"


def parts_of_another_run(world: World, expected: dict[str, str], rng: random.Random) -> str:
    """The parts of a run with other settings and the same shards, copied over those of this one."""
    other = World(world.folder)
    elsewhere = world.folder / "elsewhere"
    made = [
        "--set",
        "attribution.seed=7",
        "--set",
        f"output={elsewhere}/runs",
        "--set",
        f"warehouse={elsewhere}/audits.duckdb",
    ]
    result = other.run("run", world.config, *made)
    require(result.returncode == 0, result.stderr)
    (theirs,) = (elsewhere / "runs").glob("chaos_*")
    ours = world.run_folder
    require(theirs.name != ours.name, "the other settings are no other run")
    for name in ("shards", "parts", "trials"):
        shutil.copytree(theirs / name, ours / name, dirs_exist_ok=True)
    (world.made / "audits.duckdb").unlink()
    require_same(world, expected)
    for path in ours.rglob("*.damaged"):
        path.unlink()
    shutil.rmtree(elsewhere)
    return "parts of another run copied over its own"


def full_disk(world: World, expected: dict[str, str], rng: random.Random) -> str:
    """A disk fills up, grows, fills up again, and at last is large enough."""
    needed = sum(path.stat().st_size for path in world.made.rglob("*") if path.is_file())
    sizes = sorted(rng.sample(range(50, 1050), 3))
    world.reset()
    told = []
    with disk(world.made, sizes[0] * needed // 1000) as remount:
        for size in sizes:
            remount(f"size={size * needed // 1000}")
            result = world.run()
            if result.returncode:
                told.append(f"{size / 10:.0f} %: {require_sentence(result, 'No space left', 'cannot be', 'full')}")
            else:
                told.append(f"{size / 10:.0f} %: room enough")
        remount("size=500m")
        require_same(world, expected)
    return "disk of " + "; ".join(told)


def read_only_folder(world: World, expected: dict[str, str], rng: random.Random) -> str:
    """No permission, before the first audit and after it. Reading goes on."""
    world.reset()
    with disk(world.made, 500_000_000) as remount:
        remount("ro")
        told = require_sentence(world.run(), "Read-only", "read-only", "cannot be")
        remount("rw")
        require_same(world, expected)
        remount("ro")
        require_sentence(world.run(), "Read-only", "read-only", "cannot be")
        shown = world.run("show", "latest", "--warehouse", world.made / "audits.duckdb")
        require(shown.returncode == 0, shown.stderr)
        remount("rw")
        require_same(world, expected)
    return f"folder not to be written: {told}"


def clock_jump(world: World, expected: dict[str, str], rng: random.Random) -> str:
    """Every time that was kept is wrong, by up to ten years in either direction, while verdicts are made anew and back."""
    for path in world.made.rglob("*"):
        moment = time.time() + rng.uniform(-3e8, 3e8)
        os.utime(path, (moment, moment))
    with duckdb.connect(str(world.made / "audits.duckdb")) as connection:
        for table, column in (("runs", "started_at"), ("stages", "finished_at")):
            connection.execute(f"select setseed({rng.random()})")
            connection.execute(
                f"update main.{table} set {column} = {column} + to_days(cast(7300 * random() - 3650 as integer))"
            )
    result = world.run("run", world.config, "--set", "verdicts.max_explained=0.1")
    require(result.returncode == 0, result.stderr)
    require_same(world, expected)
    return "clock moved by years, either way"


def stopped(
    world: World, expected: dict[str, str], timeline: list[tuple[str, float]], rng: random.Random, sent: signal.Signals
) -> str:
    """Ctrl-C or SIGTERM in the middle of a stage: a sentence within seconds."""
    world.reset()
    place = rng.randrange(1, len(timeline))
    stage, seconds = timeline[place]
    watched = world.watched()
    next(itertools.islice(watched.stages(), place - 1, None), None)
    time.sleep(rng.uniform(0, seconds))
    started = time.monotonic()
    watched.process.send_signal(sent)
    _, errors = watched.process.communicate(timeout=60)
    took = time.monotonic() - started
    require(took < 10, f"{stage}: {took:.1f} s until it stopped")
    if watched.process.returncode != 0:
        require(watched.process.returncode == 130, f"{stage}: exit code {watched.process.returncode}: {errors[-3000:]}")
        require("Traceback" not in errors, f"{stage}: {errors[-3000:]}")
        require(errors.splitlines()[-1].startswith("token-audit: stopped."), f"{stage}: {errors[-1000:]}")
    require_same(world, expected)
    require_nobody_left(world)
    return f"{sent.name} in {stage}: stopped after {took:.1f} s"


@contextmanager
def disk(folder: Path, size: int) -> Iterator[Callable[[str], None]]:
    """A disk of `size` bytes at `folder`; yields a function that mounts it again with other options. Needs root."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if subprocess.run(mount, capture_output=True).returncode:
        folder.rmdir()
        raise NotTried("no right to mount a disk")
    try:
        yield lambda options: subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True) and None
    finally:
        subprocess.run(["umount", str(folder)], check=True)


class NotTried(Exception):
    """This machine does not allow the fault."""


def two_audits(world: World, expected: dict[str, str], rng: random.Random) -> str:
    """Two configs on one warehouse at once, and readers between them: each ends as if it were alone."""
    world.reset()
    elsewhere, path, num_reads = world.folder / "elsewhere", world.made / "audits.duckdb", 0
    others = ["--set", f"attribution.seed={rng.randrange(1, 1000)}", "--set", f"output={elsewhere}"]
    both = [world.start("run", world.config), world.start("run", world.config, *others)]
    shown = None
    while any(process.poll() is None for process in both):
        if path.exists():
            with open_warehouse(path, read_only=True) as warehouse:
                num_runs = len(warehouse.rows("registry/runs", {}))
            num_reads += 1
            if num_runs and shown is None:
                shown = world.run("runs", "--warehouse", path)
        time.sleep(0.05)
    for process in both:
        _, errors = process.communicate()
        require(process.returncode == 0, errors[-2000:])
    require(shown is not None and shown.returncode == 0 and "running" in shown.stdout, f"not to be read: {shown}")
    require(num_reads > 10, f"only {num_reads} reads")
    found = world.state()
    shared = [name for name in expected if not name.startswith("main.") and name != "views"]
    different = sorted(name for name in shared if found.get(name) != expected[name])
    require(not different, f"{len(different)} differ: {', '.join(different[:8])}")
    require(num_runs == 2, f"{num_runs} runs")
    shutil.rmtree(elsewhere)
    return f"two configs on one warehouse, read {num_reads} times meanwhile"


def same_audit_twice(world: World, expected: dict[str, str], rng: random.Random) -> str:
    """One config at once in two processes: one audit is made, the other refused in a sentence, unless it came late."""
    world.reset()
    both = [world.start("run", world.config) for _ in range(2)]
    told = []
    for process in both:
        out, errors = process.communicate()
        if process.returncode:
            result = subprocess.CompletedProcess([], process.returncode, out, errors)
            told.append(require_sentence(result, "is being audited by another process. Wait for it"))
    require(len(told) < 2, f"both refused: {told}")
    require_same(world, expected)
    return f"one config twice: {told[0] if told else 'one after the other'}"


FAULTS: dict[str, Callable[[World, dict[str, str], random.Random], str]] = {
    fault.__name__: fault
    for fault in (damaged_parts, parts_of_another_run, clock_jump, two_audits, same_audit_twice, full_disk, read_only_folder)
}  # fmt: skip
"""The first ones need a finished audit."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=28, help="rounds of kill -9")
    parser.add_argument("--first", type=int, default=0, help="seed of the first of them")
    parser.add_argument("--seeds", type=int, nargs="+", help="their seeds, in the place of --rounds and --first")
    names = [*FAULTS, *SIGNALS]
    parser.add_argument("--faults", nargs="*", default=names, choices=names, help="the other ones to be tried")
    parser.add_argument("--seed", type=int, default=0, help="of these")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        world = World(Path(temporary))
        world.prepare()
        stack.enter_context(forking(world))
        timeline = world.timeline()
        expected = world.state()
        total = sum(seconds for _, seconds in timeline)
        print(f"undisturbed: {total:.0f} s, {len(expected)} files and tables", flush=True)
        rounds: list[tuple[str, Callable[[], str]]] = []
        for name, fault in FAULTS.items():
            if name in options.faults:
                rounds.append((name, partial(fault, world, expected, random.Random(options.seed))))
        for name in SIGNALS:
            if name in options.faults:
                rng = random.Random(f"{name} {options.seed}")
                rounds.append((name, partial(stopped, world, expected, timeline, rng, signal.Signals[name])))
        for seed in options.seeds or range(options.first, options.first + options.rounds):
            rounds.append((f"kill {seed}", partial(kill_round, world, expected, timeline, seed)))
        survived = tried = 0
        for number, (name, attempt) in enumerate(rounds, start=1):
            # Now and then the whole command, with its server.
            world.forks = number % 7 != 0
            started = time.monotonic()
            try:
                told, tried, survived = attempt(), tried + 1, survived + 1
            except Failed as error:
                told, tried = f"FAILED: {error}", tried + 1
            except NotTried as error:
                told = f"not tried: {error}"
            print(f"{name:20} {time.monotonic() - started:4.0f} s  {told}", flush=True)
    print(f"survived {survived} / tried {tried}")
    sys.exit(survived < tried)


if __name__ == "__main__":
    main()
