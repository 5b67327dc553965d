"""AWS's dialect of SQLAlchemy, with either driver: what its ORM writes the engine runs, and a conflict is what the dialect's users retry."""

import os
import uuid

from aurora_dsql_sqlalchemy import create_dsql_engine
from sqlalchemy import ForeignKey, Index, String, Uuid, inspect, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class Base(DeclarativeBase):
    pass


class Owner(Base):
    __tablename__ = "owner"
    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(30))
    city: Mapped[str | None] = mapped_column(String(80))
    pets: Mapped[list["Pet"]] = relationship(back_populates="owner")
    __table_args__ = (Index("owner_city", "city"),)


class Pet(Base):
    __tablename__ = "pet"
    id: Mapped[uuid.UUID] = mapped_column(Uuid, primary_key=True, default=uuid.uuid4)
    name: Mapped[str] = mapped_column(String(30))
    owner_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("owner.id"))
    owner: Mapped[Owner] = relationship(back_populates="pets")


def play(driver):
    engine = create_dsql_engine(
        host=os.environ["CLUSTER_ENDPOINT"], user="admin", driver=driver, sslrootcert=os.environ["PGSSLROOTCERT"]
    )
    # A transaction of the service has one DDL statement, and another connection would be told first that the schema has changed.
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for table in Base.metadata.sorted_tables:
            table.create(connection)
    assert inspect(engine).get_pk_constraint("pet")["constrained_columns"] == ["id"]
    assert [index["name"] for index in inspect(engine).get_indexes("owner")] == ["owner_city"]
    with Session(engine) as session:
        session.add(Owner(name="Ann", city="Bern", pets=[Pet(name="Rex"), Pet(name="Tom")]))
        session.commit()
        ann = session.scalars(select(Owner)).one()
        assert sorted(pet.name for pet in ann.pets) == ["Rex", "Tom"]
        ann.city = "Basel"
        with Session(engine) as other:
            other.scalars(select(Owner)).one().city = "Chur"
            other.commit()
        try:
            session.commit()
        except DBAPIError as error:
            assert error.orig.sqlstate == "40001" if driver == "psycopg" else error.orig.pgcode == "40001"
            assert "(OC000)" in str(error.orig)
        else:
            raise AssertionError("both have committed")
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            table.drop(connection)
    engine.dispose()


for each in ("psycopg", "psycopg2"):
    play(each)
print("ok")
