"""Posts that this pipeline failed, as JSON that Slack, Mattermost and Rocket.Chat take, to the URL in NOTIFY_URL."""

import json
import os
import sys
import urllib.error
import urllib.request


def main() -> int:
    """Post once; the pipeline has failed already, so that a failure here only prints why."""
    told = {name: os.environ.get(f"CI_{name}", "?") for name in ("REPO", "COMMIT_BRANCH", "COMMIT_SHA", "PIPELINE_NUMBER", "PIPELINE_URL")}
    text = (
        f"{told['REPO']}: pipeline {told['PIPELINE_NUMBER']} failed on {told['COMMIT_BRANCH']}"
        f" at {told['COMMIT_SHA'][:12]}: {told['PIPELINE_URL']}"
    )
    url = os.environ["NOTIFY_URL"]
    if not url.startswith(("http://", "https://")):
        print("notify: NOTIFY_URL is not a web address", file=sys.stderr)
        return 1
    request = urllib.request.Request(url, data=json.dumps({"text": text}).encode(), headers={"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=15) as answer:
            print(f"notify: told, answer {answer.status}")
    except (urllib.error.URLError, TimeoutError) as error:
        # The address may hold a token: it is not printed.
        print(f"notify: nobody could be told: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
