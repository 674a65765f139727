"""Argo Rollouts: runs the AnalysisTemplates of Kargo's verifications."""
