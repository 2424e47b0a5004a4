"""The same actions as JSON under ``/api/v1``, for programs with a token."""

from monitor.console.api import alerts, complaints, desk, extension, searches, works

routers = (extension.router, alerts.router, works.router, searches.router, complaints.router, desk.router)
