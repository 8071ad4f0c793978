"""From a Debian mirror to a bootable medium: package lock, layers, ISO, and what is done with an ISO."""
