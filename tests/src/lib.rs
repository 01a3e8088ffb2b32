//! The product as its users meet it. Everything is under `tests/`.
