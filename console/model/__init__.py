"""Types only: frozen dataclasses, enums and catalogues; standard library only."""
