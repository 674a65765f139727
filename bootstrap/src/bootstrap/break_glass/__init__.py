"""Break-glass: records that let a promotion through, who may make them, and the list of all that there were."""
