"""The Midtrans payment gateway for real: Snap checkout, Core API status and actions, signed notifications.

`gateway` is the adapter, `notices` reads received bodies, `wire` keeps the official client on a leash.
Invariant: the server key never leaves this package, not even inside an exception.
"""

from minispod.integrations.midtrans.gateway import MidtransGateway

__all__ = ["MidtransGateway"]
