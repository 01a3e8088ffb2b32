"""Boots PocketAI's image in QEMU and looks at it from outside."""
