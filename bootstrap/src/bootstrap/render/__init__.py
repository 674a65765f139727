"""The platform as plain files, for kubectl and Helm alone, made of the same components that `up` applies."""
