"""The assets, one module a stage. They are thin: each calls a pure function."""
