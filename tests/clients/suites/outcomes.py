"""A plugin of pytest that writes what became of each test, a line of JSON a test, into the file that OUTCOMES names."""

import json
import os


def pytest_runtest_logreport(report):
    # A test that passes has three reports, and all of them say so.
    with open(os.environ["OUTCOMES"], "a", encoding="utf-8") as out:
        out.write(json.dumps([report.nodeid, report.when, report.outcome]) + "\n")
