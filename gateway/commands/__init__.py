"""The commands of `gateway`, one a module; `gateway.check` has those of that name."""
