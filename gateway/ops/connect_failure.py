"""Why no connection can be made, in words."""

import os
import socket
import ssl


def connect_failure(error: OSError) -> str:
    """A sentence that names no host."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"The certificate of the server does not verify: {error.verify_message.partition(',')[0]}."
    if isinstance(error, ssl.SSLError):
        return "The server does not speak TLS as it should."
    if isinstance(error, socket.gaierror):
        return "The name of the server cannot be resolved."
    return f"No connection could be made: {os.strerror(error.errno) if error.errno else 'unknown reason'}."


def find_os_error(error: BaseException) -> OSError:
    """The operating system's error at the bottom of httpx's; of several addresses, that of the first."""
    found = OSError()
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, BaseExceptionGroup):
            cause = cause.exceptions[0]
        if isinstance(cause, OSError):
            found = cause
        cause = cause.__cause__ or cause.__context__
    return found
