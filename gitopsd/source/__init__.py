"""Git repositories, as bare mirrors that are polled, and the trees of their commits; `folder` is a tree on disk.

Nothing is imported here, so that `gitopsd render PATH` gets its `folder.FolderTree` without libgit2.
"""
