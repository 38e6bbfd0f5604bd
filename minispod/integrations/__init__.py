"""The only code that talks to outside parties through their libraries; it implements the ports of the domain."""
