"""Marathon on the kernel: not written yet. The name is taken so that what installs today can be upgraded."""
