"""Complaints: from confirmed alerts to a pack that leaves the house. What platforms decide is data in policies/."""
