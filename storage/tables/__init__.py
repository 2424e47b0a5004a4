"""The tables. Every time is UTC; every unique key makes a task safe to repeat."""

from storage.tables.access import ApiToken, Audit, BrowserSession, KeptAnswer, User, UserOwner
from storage.tables.alerts import Alert, Case, Digest, Evidence, Match
from storage.tables.base import Table, Utc
from storage.tables.complaints import Complaint, ComplaintTarget
from storage.tables.crawling import Capture, Crawl, Host, HostHour, Listing, ListingPicture, Picture, Search, Seller
from storage.tables.review import Decision, DecisionItem, Lease, SavedView
from storage.tables.rights import Document, PlatformAccount, PlatformRight, Publication, Vault
from storage.tables.works import AllowedSeller, Owner, Reference, Right, RightWork, Work

__all__ = [
    "Alert",
    "AllowedSeller",
    "ApiToken",
    "Audit",
    "BrowserSession",
    "Capture",
    "Case",
    "Complaint",
    "ComplaintTarget",
    "Crawl",
    "Decision",
    "DecisionItem",
    "Digest",
    "Document",
    "Evidence",
    "Host",
    "HostHour",
    "KeptAnswer",
    "Lease",
    "Listing",
    "ListingPicture",
    "Match",
    "Owner",
    "Picture",
    "PlatformAccount",
    "PlatformRight",
    "Publication",
    "Reference",
    "Right",
    "RightWork",
    "SavedView",
    "Search",
    "Seller",
    "Table",
    "User",
    "UserOwner",
    "Utc",
    "Vault",
    "Work",
]
