"""A plugin of pytest that finds the cluster's name where the engine listens. libpq is told by PGHOSTADDR; asyncpg asks Python."""

import os
import socket

ask = socket.getaddrinfo


def getaddrinfo(host, *rest, **named):
    name = host.decode() if isinstance(host, bytes) else host
    return ask(os.environ["PGHOSTADDR"] if name == os.environ["CLUSTER_ENDPOINT"] else host, *rest, **named)


socket.getaddrinfo = getaddrinfo
