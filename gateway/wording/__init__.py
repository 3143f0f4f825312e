"""What errors say, in English and in Chinese: one table, by what the errors are about.

    InputWording     values of arguments and inputs
    WriteWording     writes that are refused
    RequestWording   requests that are turned away: the edge, documents, callers
    FaultWording     platforms, the journal, and the gateway itself
    ForeignWording   what parts say that do not know this table: graphql-core, the HTTP server, the transport

A message is declared once, with its name, its texts and its rule. An error is raised with the message and its values:

    raise UserInputError("first", InputWording.RANGE(field="first", min=1, max=100))
"""
