"""Git repositories, as bare mirrors that are polled, and the trees of their commits."""

from gitopsd.source.credentials import Credentials
from gitopsd.source.folder import FolderTree
from gitopsd.source.mirror import Move
from gitopsd.source.network import Request
from gitopsd.source.sources import Repository, Sources
from gitopsd.source.tracking import RepositoryStatus
from gitopsd.source.tree import GitTree

__all__ = ["Credentials", "FolderTree", "GitTree", "Move", "Repository", "RepositoryStatus", "Request", "Sources"]
