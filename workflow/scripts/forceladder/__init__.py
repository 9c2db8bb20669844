"""forceladder: from a list of molecules to released, validated force fields.

The workflow's scripts import this package from the folder beside them; users of a
release install it with pip and begin with `forceladder.load`.
"""

__version__ = "0.1.0"


def load(path, rung=None):
    """Load a released force field; see `forceladder.deploy.force_field.load`."""
    # Deferred, because rules that never touch a model must not pay for importing torch.
    from forceladder.deploy.force_field import load as load_release

    return load_release(path, rung)


def template_generator(*molecules):
    """For `registerTemplateGenerator` of an openmm.app.ForceField: parametrized molecules of class1
    as ligands beside proteins and water of AMBER."""
    from forceladder.export.openmm.ffxml import template_generator as generator

    return generator([molecule.parameters for molecule in molecules])
