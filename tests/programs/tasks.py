"""What every program for Python does, by a driver that can:

    book(person, seat)  in a transaction of its own, true if the seat was free
    count(below)        one statement, always on the same connection
    store(text), load() a long value there and back
    copy_in(lines), copy_out()  if it has COPY
    pipeline()          several statements sent at once, if it has that
    again()             inserts what is there, which fails
    update(), cancel()  UPDATE waits, and its end from another thread
    wait()              in a transaction: books seat 12, then UPDATE waits
    code(error)         the SQLSTATE
"""

import sys
import threading
from concurrent.futures import ThreadPoolExecutor

LONG = 8 * 1024 * 1024


def books(driver):
    def person(name, first):
        return [(seat, name if driver.book(name, seat) else "taken") for seat in range(first, first + 5)]

    with ThreadPoolExecutor(2) as workers:
        told = workers.map(person, ("alice", "bob"), (1, 6))
        print("\n".join(f"{seat}: {holder}" for seat, holder in sum(told, [])))
    print("3 is", "free" if driver.book("mallory", 3) else "taken")


def work(driver):
    books(driver)
    print("counts", *(driver.count(below) for below in range(1, 12)))
    text = "0123456789abcde\n" * (LONG // 16)
    driver.store(text)
    loaded = driver.load()
    print("note", len(loaded), loaded == text)
    if hasattr(driver, "copy_in"):
        driver.copy_in([(number, f"line {number}") for number in range(1000)])
        lines = driver.copy_out()
        print("copied", len(lines), lines[-1])
    if hasattr(driver, "pipeline"):
        print("pipeline", driver.pipeline())
    try:
        driver.again()
    except Exception as error:
        print("again", driver.code(error))
    print("after it", driver.count(100))


def cancel(driver):
    def when_told():
        sys.stdin.readline()
        driver.cancel()

    teller = threading.Thread(target=when_told)
    teller.start()
    try:
        driver.update()
        print("not cancelled")
    except Exception as error:
        print("cancelled", driver.code(error))
    teller.join()
    print("after it", driver.count(100))


def main(driver):
    {"work": work, "cancel": cancel, "wait": lambda driver: driver.wait()}[sys.argv[1]](driver)
