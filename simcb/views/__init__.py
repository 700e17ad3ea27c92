"""Views: a study's value in; a document out, and from that a screen, a page, data or a card.

`run`, `sweep`, `tune` and `validate` each make the document of one study; `screen`, `markdown`,
`html`, `data`, `junit` and `openmetrics` each write every document in one form. A new study is one
module of the first kind and has all forms at once; a new form serves all studies.

A view computes nothing that a metric could say, so that everything it shows can be drawn
again from a saved run.
"""
