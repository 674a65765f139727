"""Taking the repository of an application off GitHub's registry: changes are planned, shown as a diff, and written all or not at all."""
