"""`bootstrap check`: what can be seen of a platform and of an application's repository without a cluster."""
