"""`bootstrap verify`: is the platform what it claims to be? It changes nothing but what somebody has agreed to."""
