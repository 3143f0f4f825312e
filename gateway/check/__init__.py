"""The check: tries what the settings lead to. `quick` tries each endpoint once; `deep` learns what the platforms really
send: calls (`asking`, `survey`), pure observation of their answers (`observation`), verdicts on the document's quirks,
the report, and a profile that is proposed.
"""
