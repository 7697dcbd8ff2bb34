"""A framework's session with whichever master leads, as a core: ``core`` tells what it decides, and the rest how."""
