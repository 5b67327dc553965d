"""python book.py SEAT CUSTOMER: books a seat and prints what came of it."""

import os
import sys
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.db import IntegrityError, models, transaction

seat, customer = sys.argv[1:]

url = urlsplit(os.environ["DATABASE_URL"])
database = {
    "ENGINE": "django.db.backends.postgresql",
    "HOST": url.hostname,
    "PORT": url.port,
    "USER": url.username,
    "PASSWORD": url.password,
    "NAME": url.path.lstrip("/"),
    "OPTIONS": {"application_name": customer},
}
settings.configure(DATABASES={"default": database})
django.setup()


class Booking(models.Model):
    seat = models.TextField()
    customer = models.TextField()

    class Meta:
        app_label, db_table = "shop", "bookings"
        # What mends it, as mended.sql puts it into the database:
        # constraints = [models.UniqueConstraint(fields=["seat"], name="one_booking_a_seat")]


def book():
    """The race is between the question and the INSERT: nothing keeps two customers from asking first."""
    with transaction.atomic():
        if Booking.objects.filter(seat=seat).exists():
            return f"{seat} is taken"
        Booking.objects.create(seat=seat, customer=customer)
    return f"{seat} is booked for {customer}"


try:
    print(book())
except IntegrityError:
    print(f"{seat} is taken: somebody else was faster")
