"""Other people's settings in and out: an overlay from their file, their file from a scenario.

`documents` reads the text and `parts` its mappings key by key, so that nothing is dropped in
silence; each format is one file that turns them into the `policy` of a call, and back; `overlay`
writes it down with a comment for every difference of meaning. `formats` has the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simcb.window import window

if TYPE_CHECKING:
    from simcb.exchange.exporting import EXPORTED as EXPORTED
    from simcb.exchange.exporting import Exported as Exported
    from simcb.exchange.exporting import export_settings as export_settings
    from simcb.exchange.importing import IMPORTED as IMPORTED
    from simcb.exchange.importing import ExchangeError as ExchangeError
    from simcb.exchange.importing import Imported as Imported
    from simcb.exchange.importing import import_settings as import_settings

__getattr__ = window(
    __name__,
    {
        "exporting": "EXPORTED Exported export_settings",
        "importing": "IMPORTED ExchangeError Imported import_settings",
    },
)
