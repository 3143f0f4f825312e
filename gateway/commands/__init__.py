"""The commands of `gateway`, one a module; `gateway.contact` has those of that name."""
