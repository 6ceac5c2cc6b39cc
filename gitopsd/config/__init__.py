"""The configuration of a gitopsd, and the applications that it names.

`load_config` reads the one, `ApplicationFiles` the others, again and again; `check` says all that is wrong with either.
Everything raises ConfigError, with file, line and field.
"""

from __future__ import annotations

from gitopsd.config.analysis import read_analysis
from gitopsd.config.application import app_document, read_application
from gitopsd.config.check import Report, check
from gitopsd.config.contents import Problem
from gitopsd.config.documents import ConfigErrors, Document, read_documents
from gitopsd.config.files import ApplicationFiles, Scan, load_applications
from gitopsd.config.health import own_rules
from gitopsd.config.load import load_config, schema
from gitopsd.config.model import Cluster, Config, Credentials, Defaults, Repository
from gitopsd.config.project import read_project
from gitopsd.config.secrets import SecretFile
from gitopsd.config.settings import adopts, analysis, dependencies, settings

__all__ = [
    "ApplicationFiles",
    "Cluster",
    "Config",
    "ConfigErrors",
    "Credentials",
    "Defaults",
    "Document",
    "Problem",
    "Report",
    "Repository",
    "Scan",
    "SecretFile",
    "adopts",
    "analysis",
    "app_document",
    "check",
    "dependencies",
    "load_applications",
    "load_config",
    "own_rules",
    "read_analysis",
    "read_application",
    "read_documents",
    "read_project",
    "schema",
    "settings",
]
