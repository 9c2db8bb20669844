"""The model: molecular graph → embeddings → force-field parameters and charges."""
