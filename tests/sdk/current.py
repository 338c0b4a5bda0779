"""The current posthog-python against a running server: HOST TOKEN. Exits non-zero when a call raises."""

import sys
from datetime import datetime, timezone

from posthog import Posthog

host, token = sys.argv[1:3]
errors = []
client = Posthog(token, host=host, on_error=lambda error, batch: errors.append(error), flush_at=3)
at = datetime(2024, 5, 1, 10, 0, tzinfo=timezone.utc)
client.capture("py signed up", distinct_id="py-user", timestamp=at, properties={"plan": "pro", "nested": {"a": [1, None]}},
               groups={"company": "acme"})
client.capture("py signed up", distinct_id="py-anon", timestamp=at, properties={"plan": "free"})
client.set(distinct_id="py-user", properties={"email": "py@x.example"})
client.set_once(distinct_id="py-user", properties={"first": 1})
client.alias(previous_id="py-anon", distinct_id="py-user")
client.group_identify("company", "acme", {"size": 12})
assert client.feature_enabled("no-such-flag", "py-user") in (None, False)
assert client.get_all_flags("py-user") in (None, {})
client.flush()
client.shutdown()
assert not errors, errors
print("ok")
