"""A project in Kargo: where its commits come from, the stages that they pass, and who may promote."""
