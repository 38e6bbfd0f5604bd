"""A stand-in for the DNS of the world: a name server over UDP and TCP that answers from a zone file.

The file is read again whenever it has changed, as if a DNS provider had published what its customer typed. Lines that
begin with ";!" make faults: ";! shop.example.com. servfail". What a fault does is listed in `answering.FAULTS`.
"""
