//! Claude Code's records, one small case for each thing that a reader must not lose.
