"""The HTTP side: sockets, routes, discovery, tables, watches, logs. Everything a client can see passes here."""
