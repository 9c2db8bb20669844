"""OpenFF: QCSubmit datasets, results of QCArchive, Sage. The only room that needs its packages."""
