"""Why a rendered object is as it is: for each field, the file and line that it comes from and the steps that changed it.

`trace` is what the engine tells when somebody asks, `history` walks it backwards from each field, `places` finds what each
step read. A render that nobody asks about has no trace and does nothing of this.
"""
