import os

from sqlalchemy import create_engine, func, select, update
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column
from sqlalchemy.pool import StaticPool

from tasks import main

URL = os.environ["DATABASE_URL"].replace("postgres://", "postgresql+psycopg://")


class Base(DeclarativeBase):
    pass


class Seat(Base):
    __tablename__ = "seats"
    seat_number: Mapped[int] = mapped_column(primary_key=True)
    booked_by: Mapped[str | None]


class Note(Base):
    __tablename__ = "notes"
    id: Mapped[int] = mapped_column(primary_key=True)
    note: Mapped[str | None]


class Wait(Base):
    __tablename__ = "waits"
    id: Mapped[int] = mapped_column(primary_key=True)
    note: Mapped[str | None]


class Alchemy:
    def __init__(self):
        self.pool = create_engine(URL, pool_size=2)
        self.alone = create_engine(URL, poolclass=StaticPool)

    def book(self, person, seat):
        with Session(self.pool) as session, session.begin():
            found = session.get(Seat, seat)
            if found.booked_by is not None:
                return False
            found.booked_by = person
            return True

    def count(self, below):
        # Committed: after a rollback psycopg counts its statements anew, and prepares none.
        with Session(self.alone) as session, session.begin():
            counted = select(func.count()).where(Seat.seat_number < below, Seat.booked_by.is_not(None))
            return session.scalar(counted)

    def store(self, text):
        with Session(self.alone) as session, session.begin():
            session.add(Note(id=1, note=text))

    def load(self):
        with Session(self.alone) as session:
            return session.get(Note, 1).note

    def again(self):
        with Session(self.alone) as session, session.begin():
            session.add(Seat(seat_number=1))

    def update(self):
        with Session(self.alone) as session, session.begin():
            session.execute(update(Wait).values(note="changed"))

    def cancel(self):
        connection = self.alone.raw_connection()
        connection.driver_connection.cancel_safe()

    def wait(self):
        with Session(self.pool) as session, session.begin():
            session.get(Seat, 12).booked_by = "carol"
            session.flush()
            session.get(Wait, 1).note = "changed"

    def code(self, error):
        return error.orig.sqlstate


main(Alchemy())
