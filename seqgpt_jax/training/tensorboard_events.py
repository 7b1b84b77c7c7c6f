"""TensorBoard's protocol buffers from tensorboardX, imported without PyTorch.

tensorboardX imports PyTorch wherever that is installed, which takes seconds at every start. Nothing here needs it.
"""

import sys

_hidden = "torch" not in sys.modules
if _hidden:
    sys.modules["torch"] = None  # an ImportError, as where it is not installed
try:
    from tensorboardX.proto.event_pb2 import Event, SessionLog
    from tensorboardX.proto.summary_pb2 import Summary
    from tensorboardX.record_writer import masked_crc32c
finally:
    if _hidden:
        del sys.modules["torch"]

__all__ = ["Event", "SessionLog", "Summary", "masked_crc32c"]
