"""What people read of a run, released or not: summary, model card and HTML report.

The report is a frame (templates/report/frame.html.j2) and a file for each section. A section that
has nothing to say is left out, of the navigation too.
"""

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from rdkit.Chem import MolFromSmiles

from forceladder.job import log
from forceladder.release.view import interval, is_numeral, percent, three_digits

TEMPLATES = Path(__file__).parent / "templates"
SECTIONS = {  # file in templates/report → what people call it
    "front": "Error, cost, stability",
    "gates": "Gates",
    "errors": "Errors",
    "geometries": "Torsions and geometries",
    "stability": "Stability",
    "probes": "Probes",
    "engines": "Engines",
    "data": "Reference data",
    "fits": "Fits",
    "molecules": "Molecules",
    "changes": "What got worse",
    "use": "Use it",
    "provenance": "Provenance",
}


def render_report(view: dict) -> str:
    """One HTML file that needs nothing else: pictures inline, no network.

    view: of `view_of`, here and below
    """
    environment = _environment(html=True)
    drawings = {row["id"]: molecule_drawing(row["smiles"]) for row in view["molecules"]}
    view = view | {"drawings": drawings}
    sections = []
    for name, title in SECTIONS.items():
        text = environment.get_template(f"report/{name}.html.j2").render(view)
        if text.strip():
            sections.append({"name": name, "title": title, "text": Markup(text)})
    return environment.get_template("report/frame.html.j2").render(view, sections=sections)


def render_model_card(view: dict) -> str:
    """Markdown: scope, data, errors, gates and licences of a release."""
    return _environment().get_template("MODEL_CARD.md.j2").render(view)


def render_summary(view: dict) -> str:
    """Plain text for a terminal: errors by method and split, then the gates."""
    return _environment().get_template("summary.txt.j2").render(view)


def render_citation(view: dict) -> str:
    """CITATION.cff of a release. It has no date: two runs of one commit say the same."""
    return _environment().get_template("CITATION.cff.j2").render(view)


def _environment(html: bool = False) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=html, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    environment.filters["three"] = three_digits
    environment.filters["interval"] = interval
    environment.filters["percent"] = percent
    environment.tests["numeral"] = is_numeral
    return environment


def molecule_drawing(smiles: str) -> str:
    """SVG element of a molecule, to stand inline in HTML; empty where RDKit cannot draw."""
    try:
        from rdkit.Chem.Draw import rdMolDraw2D  # its wheel needs X libraries of the system
    except ImportError as error:
        log.warning("no drawing of %s: %s", smiles, error)
        return ""
    drawer = rdMolDraw2D.MolDraw2DSVG(150, 105)
    drawer.drawOptions().clearBackground = False
    rdMolDraw2D.PrepareAndDrawMolecule(drawer, MolFromSmiles(smiles))
    drawer.FinishDrawing()
    text = drawer.GetDrawingText()
    return text[text.index("<svg") :]
