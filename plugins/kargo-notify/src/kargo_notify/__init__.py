"""kargo-notify: verifies the images of a commit, releases their tags, tells Kargo and waits for the Freight."""
