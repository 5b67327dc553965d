#!/usr/bin/env python3
"""Drivers' own test suites, straight to PostgreSQL and through `overbooked serve --engine postgres`: the same tests must pass.

    tests/clients/suites/run.py target/debug/overbooked [SUITE...]

Both ways run at the same time, each on a server of its own made from the same cluster. These suites have tests that are races (an
error that has to arrive before the rest of a batch is sent) and fail now and then straight, too: what passes one way only is tried
again, by itself. What is not to be had (the packages, pip, PostgreSQL) is said and left out.
"""

import concurrent.futures
import contextlib
import dataclasses
import glob
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
import venv

HERE = pathlib.Path(__file__).resolve().parent
KEPT = HERE.parents[2] / "target" / "suites"
# A suite that hangs has passed what it had passed until then.
PATIENCE = 900
# What is to be ended when this is.
PLAYING = set()
# How often a test that depends on time is tried again.
TRIES = 5
# More tests than this do not differ by chance.
FEW = 10


@dataclasses.dataclass
class Suite:
    """A driver whose source package carries its tests."""

    name: str
    version: str
    folder: str
    needs: list
    # Files that test no server.
    without: list


SUITES = [
    Suite("asyncpg", "0.32.0", "tests", ["distro"], ["tests/test__sourcecode.py", "tests/test__environment.py"]),
    Suite("pg8000", "1.31.6", "test", ["pytz", "pytest-mock"], ["*/test_benchmarks.py", "*/test_readme.py"]),
]


class NotToBeHad(Exception):
    """Something that is not this project's is missing."""


def run(*command, **options):
    """Runs a program whose failure means that something is missing."""
    ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if ran.returncode != 0:
        raise NotToBeHad(f"{pathlib.Path(command[0]).name} failed: {ran.stdout.strip()[-2000:]}")


def python():
    """An interpreter with a place for packages of its own."""
    place = KEPT / "venv"
    if not (place / "bin" / "pip").exists():
        try:
            venv.create(place, with_pip=True, clear=True)
        except (subprocess.CalledProcessError, OSError) as error:
            raise NotToBeHad(f"no virtual environment: {error}") from error
    return str(place / "bin" / "python")


def fetch(suite, interpreter):
    """Installs the driver and unpacks its tests, apart from its sources: what is tested is what was installed."""
    pip = [interpreter, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    run(*pip, "install", "--only-binary", ":all:", "pytest", f"{suite.name}=={suite.version}", *suite.needs)
    whole = f"{suite.name}-{suite.version}"
    if not (KEPT / f"{whole}.tar.gz").exists():
        exact = ["--no-deps", "--no-binary", suite.name, f"{suite.name}=={suite.version}"]
        run(*pip, "download", "--dest", str(KEPT), *exact)
    place = KEPT / whole
    shutil.rmtree(place, ignore_errors=True)
    with tarfile.open(KEPT / f"{whole}.tar.gz") as archive:
        tests = [member for member in archive if member.name.startswith(f"{whole}/{suite.folder}/")]
        archive.extractall(KEPT, members=tests)
    return place


def programs():
    """The folder of the newest PostgreSQL, or the one that OVERBOOKED_PG_BIN names."""
    given = os.environ.get("OVERBOOKED_PG_BIN")
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda path: int(re.sub(r"\D", "", path) or 0))
    on_path = shutil.which("initdb")
    for folder in [given, *reversed(found), on_path and os.path.dirname(on_path)]:
        if folder and os.path.exists(os.path.join(folder, "initdb")):
            return pathlib.Path(folder)
    raise NotToBeHad("no PostgreSQL on this machine")


def account():
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            user = pwd.getpwnam(name)
            return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    raise NotToBeHad("no account but root's")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Servers:
    """Two servers that are alike, with TLS as the gateway has it, and a gateway in front of the second."""

    def __init__(self, program, ending):
        self.bin, self.account = programs(), account()
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="suites-", dir="/tmp"))
        ending.callback(shutil.rmtree, self.place, ignore_errors=True)
        if self.account:
            os.chown(self.place, self.account["user"], self.account["group"])
        template = self.place / "template"
        encoding = ["--encoding", "UTF8", "--locale", "C"]
        self.run("initdb", "-D", str(template), "-U", "postgres", "-A", "trust", "-N", *encoding)
        self.certify(template)
        self.straight = self.start("straight", ending)
        behind = self.start("behind", ending)
        self.through = self.serve(program, behind, template, ending)

    def run(self, program, *arguments):
        run(str(self.bin / program), *arguments, cwd=self.place, **self.account)

    def certify(self, data):
        openssl = shutil.which("openssl")
        if openssl is None:
            raise NotToBeHad("no openssl to make a certificate with")
        files = ["-keyout", str(data / "server.key"), "-out", str(data / "server.crt")]
        subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        run(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *subject, *files, cwd=self.place, **self.account)

    def start(self, name, ending):
        data, port = self.place / name, free_port()
        run("cp", "-a", str(self.place / "template"), str(data))
        settings = f"-p {port} -k {self.place} -c listen_addresses=127.0.0.1 -c ssl=on -c fsync=off -c jit=off"
        log = str(self.place / f"{name}.log")
        ending.callback(self.stop, data)
        self.run("pg_ctl", "-D", str(data), "-w", "-l", log, "-o", settings, "start")
        return port

    def stop(self, data):
        with contextlib.suppress(NotToBeHad):
            self.run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")

    def serve(self, program, behind, template, ending):
        url = f"host=127.0.0.1 port={behind} user=postgres dbname=postgres"
        tls = ["--tls-cert", str(template / "server.crt"), "--tls-key", str(template / "server.key")]
        command = [program, "serve", "--engine", "postgres", "--listen", "127.0.0.1:0", "--url", url, *tls]
        gateway = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        ending.callback(gateway.wait)
        ending.callback(gateway.terminate)
        first = gateway.stdout.readline()
        if not first.startswith("listening on "):
            sys.exit(f"{program} serve does not start: {first}")
        return int(first.rsplit(":", 1)[1])


def play(suite, interpreter, place, port, only=()):
    """What became of each test over a server on this port."""
    with tempfile.NamedTemporaryFile(dir=KEPT, suffix=".jsonl") as outcomes:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        environment |= {"PGHOST": "127.0.0.1", "PGPORT": str(port), "PGUSER": "postgres", "PGDATABASE": "postgres"}
        environment |= {"PYTHONPATH": str(HERE), "PYTHONDONTWRITEBYTECODE": "1", "OUTCOMES": outcomes.name}
        left_out = [f"--ignore-glob={pattern}" for pattern in suite.without]
        quiet = ["-q", "-p", "no:cacheprovider", "-p", "outcomes", "--tb=short"]
        command = [interpreter, "-m", "pytest", *quiet, *left_out, *(only or [suite.folder])]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        with subprocess.Popen(command, cwd=place, env=environment, **pipes) as playing:
            PLAYING.add(playing)
            try:
                told, _ = playing.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                playing.terminate()
                told, _ = playing.communicate()
            PLAYING.discard(playing)
        reports = [json.loads(line) for line in open(outcomes.name, encoding="utf-8")]
    passed = {test for test, when, outcome in reports if when == "call" and outcome == "passed"}
    passed -= {test for test, _, outcome in reports if outcome != "passed"}
    return passed, {test for test, _, _ in reports}, told


def both(suite, interpreter, place, servers):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        ways = [pool.submit(play, suite, interpreter, place, port) for port in (servers.straight, servers.through)]
        return [way.result() for way in ways]


def look_again(suite, interpreter, place, servers, test, straight, through):
    """Runs a test that has passed one way only by itself until it has passed both ways, or too often one way only."""
    told = []
    for _ in range(TRIES):
        for passed, port in ((straight, servers.straight), (through, servers.through)):
            if test not in passed:
                again, _, text = play(suite, interpreter, place, port, [test])
                passed |= again
                told.append(text)
        if test in straight and test in through:
            return
    print(f"{told[-1]}\n  {test}: {'straight' if test in straight else 'through serve'} only, in {TRIES} more tries", flush=True)


def compare(suite, interpreter, servers):
    """Whether the same tests pass; says so."""
    place, began = fetch(suite, interpreter), time.monotonic()
    (straight, tests, told), (through, _, _) = both(suite, interpreter, place, servers)
    if not straight:
        print(told, file=sys.stderr)
        print(f"{suite.name} {suite.version}: nothing passes straight to PostgreSQL")
        return False
    odd = sorted(straight ^ through)
    if len(odd) > FEW:
        print("\n".join(f"  {test}: {'straight' if test in straight else 'through serve'} only" for test in odd))
    else:
        for test in odd:
            look_again(suite, interpreter, place, servers, test, straight, through)
    took = time.monotonic() - began
    verdict = "the same" if straight == through else f"{len(through)}, not the same,"
    print(f"{suite.name} {suite.version}: of {len(tests)} tests {len(straight)} pass straight, {verdict} through serve ({took:.0f} s)", flush=True)
    return straight == through


def end(*_):
    """Told to end, it takes the suites along, and its servers."""
    for playing in list(PLAYING):
        playing.terminate()
    sys.exit(143)


def main():
    program, *names = sys.argv[1:]
    KEPT.mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, end)
    same = []
    with contextlib.ExitStack() as ending:
        try:
            servers, interpreter = Servers(os.path.abspath(program), ending), python()
        except NotToBeHad as missing:
            print(f"left out, the drivers' own suites: {missing}")
            return 0
        for suite in SUITES:
            if names and suite.name not in names:
                continue
            try:
                same.append(compare(suite, interpreter, servers))
            except NotToBeHad as missing:
                print(f"left out, the suite of {suite.name}: {missing}")
    return 0 if all(same) else 1


if __name__ == "__main__":
    sys.exit(main())
