"""posthog-python 1.4.0 against a running server: HOST TOKEN. Exits non-zero when a call raises."""

import sys
from datetime import datetime, timezone

import posthog

posthog.host, posthog.project_api_key = sys.argv[1:3]
errors = []
posthog.on_error = lambda error, batch: errors.append(error)
at = datetime(2024, 5, 1, 10, 0, tzinfo=timezone.utc)
posthog.capture("old-py-user", "old py signed up", {"plan": "pro"}, timestamp=at)
posthog.identify("old-py-user", {"email": "old-py@x.example"})
posthog.alias("old-py-anon", "old-py-user")
posthog.flush()
posthog.shutdown()
assert not errors, errors
print("ok")
