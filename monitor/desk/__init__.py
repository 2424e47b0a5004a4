"""The complaint desk: a complaint from decided alerts to its end, each step stored."""
