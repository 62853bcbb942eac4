"""Why something failed, as people say it: without the number and the class that only programs know. Pure."""

import os
import re

_NUMBERED = re.compile(r"\[Errno -?\d+\] ")
_NOBODY = re.compile(r"\[Errno (\d+)\] Connect call failed \('([^']*)', (\d+)[^)]*\)")

_SEVERAL = "All connection attempts failed"
"""What anyio says, however many there were."""


def reason(error: BaseException) -> str:
    """Of an OSError what the system says, without the file's name; of any other its own words."""
    if str(error) == _SEVERAL and (each := error.__cause__ or error.__context__) is not None:
        return reason(each)
    text = _NOBODY.sub(
        lambda found: f"{os.strerror(int(found[1]))} at {found[2]} port {found[3]}", str(error)
    )
    if text != str(error):
        return text.removeprefix("Multiple exceptions: ")
    if isinstance(error, TimeoutError):
        return "It took too long"
    if isinstance(error, UnicodeError):
        return "It is no text in UTF-8"  # and what is in it may be a secret
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return _NUMBERED.sub("", text) or type(error).__name__
