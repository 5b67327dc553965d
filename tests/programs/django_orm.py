import os
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import connection, connections, models, transaction

from tasks import main

url = urlsplit(os.environ["DATABASE_URL"])
database = {"ENGINE": "django.db.backends.postgresql", "NAME": url.path[1:], "USER": url.username}
settings.configure(DATABASES={"default": database | {"HOST": url.hostname, "PORT": url.port}})
django.setup()


class Seat(models.Model):
    seat_number = models.IntegerField(primary_key=True)
    booked_by = models.TextField(null=True)

    class Meta:
        app_label, db_table = "shop", "seats"


class Note(models.Model):
    note = models.TextField(null=True)

    class Meta:
        app_label, db_table = "shop", "notes"


class Wait(models.Model):
    note = models.TextField(null=True)

    class Meta:
        app_label, db_table = "shop", "waits"


class Django:
    def book(self, person, seat):
        """As a request does it: its thread's connection ends with it."""
        try:
            with transaction.atomic():
                found = Seat.objects.get(pk=seat)
                if found.booked_by is not None:
                    return False
                found.booked_by = person
                found.save()
                return True
        finally:
            connections.close_all()

    def count(self, below):
        return Seat.objects.filter(seat_number__lt=below, booked_by__isnull=False).count()

    def store(self, text):
        Note.objects.create(id=1, note=text)

    def load(self):
        return Note.objects.get(pk=1).note

    def copy_in(self, lines):
        with connection.cursor() as cursor, cursor.copy("COPY lines FROM STDIN") as copy:
            for line in lines:
                copy.write_row(line)

    def copy_out(self):
        with connection.cursor() as cursor:
            with cursor.copy("COPY (SELECT line FROM lines ORDER BY id) TO STDOUT") as copy:
                return [line for (line,) in copy.rows()]

    def again(self):
        Seat.objects.create(seat_number=1)

    def update(self):
        connection.ensure_connection()
        self.updating = connection.connection
        Wait.objects.filter(pk=1).update(note="changed")

    def cancel(self):
        self.updating.cancel_safe()

    def wait(self):
        with transaction.atomic():
            Seat.objects.filter(pk=12).update(booked_by="carol")
            Wait.objects.filter(pk=1).update(note="changed")

    def code(self, error):
        return error.__cause__.sqlstate


main(Django())
