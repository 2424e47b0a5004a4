"""The tables. Every time is UTC; every unique key makes a task safe to repeat."""

from storage.tables.access import ApiToken, Audit
from storage.tables.alerts import Alert, Case, Digest, Evidence, Match
from storage.tables.base import Table, Utc
from storage.tables.complaints import Complaint, ComplaintTarget
from storage.tables.crawling import Capture, Crawl, Host, HostHour, Listing, ListingPicture, Picture, Search, Seller
from storage.tables.works import AllowedSeller, Owner, PlatformRight, Reference, Right, RightWork, Work

__all__ = [
    "Alert",
    "AllowedSeller",
    "ApiToken",
    "Audit",
    "Capture",
    "Case",
    "Complaint",
    "ComplaintTarget",
    "Crawl",
    "Digest",
    "Evidence",
    "Host",
    "HostHour",
    "Listing",
    "ListingPicture",
    "Match",
    "Owner",
    "Picture",
    "PlatformRight",
    "Reference",
    "Right",
    "RightWork",
    "Search",
    "Seller",
    "Table",
    "Utc",
    "Work",
]
