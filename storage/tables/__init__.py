"""The tables. Every time is UTC; every unique key makes a task safe to repeat."""

from storage.tables.access import ApiToken, Audit, BrowserSession, KeptAnswer, User, UserOwner
from storage.tables.alerts import Alert, Case, Digest, Match
from storage.tables.base import Table, Utc
from storage.tables.complaints import (
    Complaint,
    ComplaintEvent,
    ComplaintTarget,
    ComplaintTimer,
    CounterNotice,
    GateOverride,
    Mail,
    MailFolder,
)
from storage.tables.crawling import Capture, Crawl, Host, HostHour, Listing, ListingPicture, Picture, Search, Seller
from storage.tables.evidence import Custody, Drawing, Evidence, Hold, TimeStamp
from storage.tables.known import KnownAnswer, KnownCase
from storage.tables.pictures import ClusterBand, LookBack, Negative, SeenPicture, Threshold
from storage.tables.review import Decision, DecisionItem, Lease, SavedView
from storage.tables.rights import Document, PlatformAccount, PlatformRight, Publication, Vault
from storage.tables.webhooks import Webhook, WebhookEvent, WebhookMessage
from storage.tables.workers import Worker
from storage.tables.works import AllowedSeller, Owner, Reference, Right, RightWork, Work

__all__ = [
    "Alert",
    "AllowedSeller",
    "ApiToken",
    "Audit",
    "BrowserSession",
    "Capture",
    "Case",
    "ClusterBand",
    "Complaint",
    "ComplaintEvent",
    "ComplaintTarget",
    "ComplaintTimer",
    "CounterNotice",
    "Crawl",
    "Custody",
    "Decision",
    "DecisionItem",
    "Digest",
    "Document",
    "Drawing",
    "Evidence",
    "GateOverride",
    "Hold",
    "Host",
    "HostHour",
    "KeptAnswer",
    "KnownAnswer",
    "KnownCase",
    "Lease",
    "Listing",
    "ListingPicture",
    "LookBack",
    "Mail",
    "MailFolder",
    "Match",
    "Negative",
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
    "SeenPicture",
    "Seller",
    "Table",
    "Threshold",
    "TimeStamp",
    "User",
    "UserOwner",
    "Utc",
    "Vault",
    "Webhook",
    "WebhookEvent",
    "WebhookMessage",
    "Work",
    "Worker",
]
