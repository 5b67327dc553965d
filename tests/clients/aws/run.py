#!/usr/bin/env python3
"""AWS's own packages for Aurora DSQL against `overbooked serve --dsql`, with nothing changed but where the cluster's name leads.

    tests/clients/aws/run.py target/debug/overbooked

The packages sign their tokens with keys that nobody checks here. What fails stands below with its reason, and what no longer fails
is an error as well.

The suites are those that PyPI has: aurora-dsql-django's and aurora-dsql-python-connector's, of which the tests of a cluster are run.
aurora-dsql-sqlalchemy comes as a wheel and aurora-dsql-node-postgres-connector as a bundle, both without tests; a program of our own
plays each (`dialect.py`, `connector.mjs`). npm has no aurora-dsql-postgresjs-connector, and the package of postgres.js no tests.
"""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "suites"))

from run import KEPT, NotToBeHad, Suite, fetch, python, run  # noqa: E402

# A region is read from such a name.
ENDPOINT = "overbooked4aurora4dsql4tests.dsql.us-east-1.on.aws"
# The packages know no other port than 5432, where a PostgreSQL may be listening already.
ADDRESS = "127.0.54.32"
PATIENCE = 300

DRIVERS = ["psycopg[binary]", "psycopg2-binary", "psycopg-pool", "asyncpg", "boto3", "python-dotenv", "pytest-asyncio"]
DJANGO = Suite("aurora_dsql_django", "0.7.0", "aurora_dsql_django/tests", ["Django", *DRIVERS], [])
CONNECTOR = Suite("aurora_dsql_python_connector", "0.2.7", "tests", DRIVERS, [])
SQLALCHEMY = ["aurora-dsql-sqlalchemy==1.3.0", "SQLAlchemy", *DRIVERS]
NODE = ["@aws/aurora-dsql-node-postgres-connector@0.1.9", "pg@8"]

# By the test's name.
FAILS = {
    "test_custom_token_duration": "no token runs out: who has keys at AWS is not for this engine to say",
    "test_invalid_user_fails": "without a password file everybody may come in",
    "test_basic_connection_ssl_false": "TLS is there and not demanded",
    "test_connect_with_dsn_sslmode_disable": "TLS is there and not demanded",
}


def certify(place):
    """A certificate for the cluster's name."""
    openssl = shutil.which("openssl")
    if not openssl:
        raise NotToBeHad("openssl is not on this machine")
    certificate, key = str(place / "endpoint.crt"), str(place / "endpoint.key")
    names = ["-subj", "/CN=overbooked", "-addext", f"subjectAltName=DNS:{ENDPOINT}"]
    run(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", *names, "-keyout", key, "-out", certificate)
    return certificate, key


def serve(program, place, ending):
    """The engine, strict, on a private PostgreSQL."""
    certificate, key = certify(place)
    command = [program, "serve", "--dsql", "--listen", f"{ADDRESS}:5432", "--tls-cert", certificate, "--tls-key", key]
    engine = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ending.callback(engine.wait)
    ending.callback(engine.terminate)
    first = engine.stdout.readline()
    if "in use" in first or "assign requested address" in first:
        raise NotToBeHad(first.strip())
    if not first.startswith("listening on "):
        sys.exit(f"{program} serve does not start: {first}")
    return certificate


def surroundings(certificate):
    """What the packages read of their surroundings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "AWS_"))}
    place = {"CLUSTER_ENDPOINT": ENDPOINT, "REGION": "us-east-1", "PGHOSTADDR": ADDRESS}
    names = ["PGSSLROOTCERT", "SSL_CERT_PATH", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"]
    keys = {"AWS_ACCESS_KEY_ID": "none", "AWS_SECRET_ACCESS_KEY": "none", "AWS_EC2_METADATA_DISABLED": "true"}
    python_path = os.pathsep.join([str(HERE), str(HERE.parent / "suites")])
    return kept | place | keys | dict.fromkeys(names, certificate) | {"PYTHONPATH": python_path}


def play(suite, folder, interpreter, environment):
    """Runs a suite's tests of a cluster; whether they pass and fail as they should."""
    place = fetch(suite, interpreter)
    with tempfile.NamedTemporaryFile(dir=KEPT, suffix=".jsonl") as outcomes:
        environment = environment | {"OUTCOMES": outcomes.name, "PYTHONDONTWRITEBYTECODE": "1"}
        quiet = ["-q", "-p", "no:cacheprovider", "-p", "outcomes", "-p", "endpoint", "-o", "log_cli=false", "--tb=short"]
        ran = subprocess.run(
            [interpreter, "-m", "pytest", *quiet, folder], cwd=place, env=environment, capture_output=True, text=True,
            timeout=PATIENCE, check=False,
        )
        reports = [json.loads(line) for line in open(outcomes.name, encoding="utf-8")]
    tests = {test for test, _, _ in reports}
    failed = {test for test, _, outcome in reports if outcome == "failed"}
    called = {test: test.rsplit("::", 1)[-1].split("[")[0] for test in tests}
    unexpected = sorted(test for test in tests if (test in failed) != (called[test] in FAILS))
    for test in unexpected:
        print(f"  {test} {'fails' if test in failed else 'passes by now'}")
    if unexpected or not tests:
        print(ran.stdout[-6000:], ran.stderr[-2000:])
    for name in sorted({called[test] for test in failed} & FAILS.keys()):
        print(f"  {name} fails: {FAILS[name]}")
    print(f"{suite.name} {suite.version}: {len(tests - failed)} of {len(tests)} tests pass", flush=True)
    return bool(tests) and not unexpected


def program(name, command, environment):
    """Runs a program of our own, which says that all was well."""
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False)
    is_well = ran.returncode == 0 and ran.stdout.strip() == "ok"
    print(f"{name}: {'as it should be' if is_well else ran.stdout[-2000:] + ran.stderr[-4000:]}", flush=True)
    return is_well


def django(interpreter, environment):
    settings = {"DJANGO_SETTINGS_MODULE": "tests.test_settings"}
    whole = f"{DJANGO.name}-{DJANGO.version}"
    path = os.pathsep.join([str(KEPT / whole / DJANGO.name), environment["PYTHONPATH"]])
    return play(DJANGO, f"{DJANGO.folder}/integration", interpreter, environment | settings | {"PYTHONPATH": path})


def connector(interpreter, environment):
    return play(CONNECTOR, f"{CONNECTOR.folder}/integration", interpreter, environment)


def sqlalchemy(interpreter, environment):
    run(interpreter, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--only-binary", ":all:", *SQLALCHEMY)
    return program(SQLALCHEMY[0], [interpreter, str(HERE / "dialect.py")], environment)


def node_postgres(_, environment):
    npm, node = shutil.which("npm"), shutil.which("node")
    if not (npm and node):
        raise NotToBeHad("Node.js or npm is not on this machine")
    packages = KEPT / "aws"
    run(npm, "install", "--silent", "--no-save", "--ignore-scripts", "--prefix", str(packages), *NODE)
    environment = environment | {"PACKAGES": f"{packages}/"}
    return program(NODE[0], [node, str(HERE / "connector.mjs")], environment)


def main():
    KEPT.mkdir(parents=True, exist_ok=True)
    well = []
    with contextlib.ExitStack() as ending:
        place = pathlib.Path(ending.enter_context(tempfile.TemporaryDirectory(prefix="aws-")))
        try:
            environment, interpreter = surroundings(serve(os.path.abspath(sys.argv[1]), place, ending)), python()
        except NotToBeHad as missing:
            print(f"left out, AWS's packages: {missing}")
            return 0
        for play_one in (django, connector, sqlalchemy, node_postgres):
            try:
                well.append(play_one(interpreter, environment))
            except NotToBeHad as missing:
                print(f"left out, {play_one.__name__}: {missing}")
    return 0 if all(well) else 1


if __name__ == "__main__":
    sys.exit(main())
