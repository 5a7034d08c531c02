"""The report: facts, the sentences built from them, the document, and its finished forms."""
