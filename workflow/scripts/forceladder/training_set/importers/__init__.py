"""QM data of others → the training-set format: one module per file format.

Every `read_<format>(path, **options)` yields triples, in house units:

  said        dict, what the file says of a molecule: `label`, `atomic_numbers`, and where it
              is known `mapped_smiles` or `smiles`, `net_charge`, `multiplicity`,
              `level_of_theory`, or `unreadable`, a sentence on why nothing is known
  conformers  list, see `build.conformer`; atoms in the order of the file
  scans       list, see `build.scans_of`

`identity.identified` makes a molecule of what was said, or says why not; `collect.import_data`
does it for a whole file and flags suspect conformers; `join.join_imports` adds the result to a
run's own molecules. `qcsubmit` reads geometries without energies, for calculations yet to do.
"""
