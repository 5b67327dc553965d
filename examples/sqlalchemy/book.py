"""python book.py [--mended] FLIGHT CUSTOMER: sells a ticket and prints what came of it."""

import os
import sys

from sqlalchemy import create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.orm.exc import StaleDataError

is_mended = sys.argv[1] == "--mended"
flight, customer = sys.argv[2 if is_mended else 1 :]


class Base(DeclarativeBase):
    pass


class Flight(Base):
    __tablename__ = "flights"
    name: Mapped[str] = mapped_column(primary_key=True)
    seats_left: Mapped[int]
    version: Mapped[int] = mapped_column(default=1)
    # With it each UPDATE asks for the version that was read, and is refused where there is another one by now.
    __mapper_args__ = {"version_id_col": version} if is_mended else {}


class Ticket(Base):
    __tablename__ = "tickets"
    id: Mapped[int] = mapped_column(primary_key=True)
    flight: Mapped[str]
    customer: Mapped[str]


def book(session):
    """The race is between the SELECT and the UPDATE, which writes a number that was counted here."""
    found = session.get(Flight, flight)
    if found.seats_left == 0:
        return f"{flight} is sold out"
    found.seats_left -= 1
    session.add(Ticket(flight=flight, customer=customer))
    session.commit()
    return f"a ticket of {flight} for {customer}"


url = os.environ["DATABASE_URL"].replace("postgres://", "postgresql+psycopg://", 1)
with Session(create_engine(url, connect_args={"application_name": customer})) as session:
    try:
        print(book(session))
    except StaleDataError:
        print("somebody else was faster: try again")
