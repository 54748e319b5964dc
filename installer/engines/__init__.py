"""Container engines, each behind the same few verbs; `choose.open_engine` picks one."""
