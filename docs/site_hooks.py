"""What `make site` does beside Markdown: code that pages link to, decisions, pages of other parts.

A link to a file outside docs/ becomes a page with that file's text; `path.py#Class.method` leads to
the line where that is defined now. A name that the file does not have is a warning, and so an error
of `--strict`.
"""

from __future__ import annotations

import ast
import logging
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File

ROOT = Path(__file__).parent.parent
LOG = logging.getLogger("mkdocs.hooks.site")
COMING = {
    # a page, where it is there: the section that it belongs into, and its title
    "serve.md": ("Guide", "The server"),
    "review.md": ("Guide", "Review proposals"),
    "evaluations.md": ("Guide", "Evaluations"),
    "robustness.md": ("Guide", "Missing and wrong inputs"),
    "baselines.md": ("Guide", "The models beside K3M"),
    "bench.md": ("Guide", "Published benchmarks"),
    "search.md": ("Guide", "Search"),
    "match.md": ("Guide", "Match"),
    "http.md": ("Reference", "HTTP API"),
    "reference/http.md": ("Reference", "HTTP API"),
}
SEARCH = 'data-md-component="search" aria-label="Search"'
SHIM = "https://unpkg.com/iframe-worker/shim"
LINE_ANCHOR = re.compile('id="(__codelineno-[0-9-]+)"')
LINK = re.compile(r"\]\((?P<path>(?:\.\./)+[^)#\s]+)(?:#(?P<name>[\w.-]+))?\)")
LANGUAGES = {".py": "python", ".toml": "toml", ".yaml": "yaml", ".yml": "yaml", ".json": "json"}
_sources: dict[str, str] = {}


def on_config(config: Any) -> Any:
    """Decisions by their number; the pages that are there; a section for what nobody named."""
    sections = {title: pages for entry in config.nav for title, pages in entry.items()}
    decisions = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    listed = [{_title(path): f"decisions/{path.name}"} for path in decisions]
    config.nav.append({"Decisions": listed})
    for page, (section, title) in COMING.items():
        if (ROOT / "docs" / page).is_file():
            sections[section].append({title: page})
    named = set(re.findall(r"[\w/.-]+\.md", str(config.nav)))
    rest = sorted(path.name for path in (ROOT / "docs").glob("*.md") if path.name not in named)
    sections["Guide"] += [{_title(ROOT / "docs" / name): name} for name in rest]
    return config


def on_files(files: Any, config: Any) -> Any:
    """A page for each file outside docs/ that a page links to."""
    _sources.clear()
    for file in list(files.documentation_pages()):
        folder = Path(file.abs_src_path).parent
        for found in LINK.finditer(Path(file.abs_src_path).read_text(encoding="utf-8")):
            target = (folder / found["path"]).resolve()
            if target.is_relative_to(ROOT / "docs") or not target.is_relative_to(ROOT):
                continue
            if target.is_file():
                path = target.relative_to(ROOT).as_posix()
                _sources[path] = f"source/{path.replace('/', '-')}.md"
    for path, page in _sources.items():
        files.append(File.generated(config, page, content=_source_page(path)))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Any) -> str:
    """Lead links out of docs/ to those pages, and names to their lines."""
    folder = Path(page.file.abs_src_path or ROOT / "docs" / page.file.src_uri).parent
    up = "../" * page.file.src_uri.count("/")

    def to_page(found: re.Match[str]) -> str:
        target = (folder / found["path"]).resolve()
        if target.is_relative_to(ROOT / "docs") or not target.is_relative_to(ROOT):
            return found[0]
        path = target.relative_to(ROOT).as_posix()
        if path not in _sources:
            return found[0]
        line = _line(target, found["name"]) if found["name"] else None
        if found["name"] and line is None:
            LOG.warning("%s: %s has no %s", page.file.src_uri, path, found["name"])
        anchor = f"#__codelineno-0-{line}" if line else ""
        return f"]({up}{_sources[path]}{anchor})"

    # mkdocs looks for anchors with a parser that gives up at this, in code too
    return LINK.sub(to_page, markdown).replace("<![", "<\u200b![")


def on_page_content(html: str, page: Any, config: Any, files: Any) -> None:
    """Tell mkdocs of the anchors of lines, which it does not see in highlighted code."""
    if page.file.src_uri.startswith("source/"):
        page.present_anchor_ids |= set(LINE_ANCHOR.findall(html))


def on_post_page(output: str, page: Any, config: Any) -> str:
    """The one script that the theme would ask a server for is beside the pages.

    And what the theme leaves open for those who do not use a mouse: the search has a name, and code
    that is wider than the page can be moved by keys.
    """
    up = "../" * page.file.src_uri.count("/")
    output = output.replace(SHIM, f"{up}figures/iframe-worker.js")
    output = output.replace('data-md-component="search" role="dialog"', SEARCH + ' role="dialog"')
    output = re.sub(r"(<pre[^>]*>(?:<span></span>)?<code)>", r'\1 tabindex="0">', output)
    return output.replace("<p><img ", '<p tabindex="0"><img ')


def on_post_template(output: str, template_name: str, config: Any) -> str:
    """The page that is not found, too."""
    return output.replace(SHIM, "figures/iframe-worker.js")


def _title(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    found = re.search(r"^# (.+)$", text, re.MULTILINE)
    return found[1].replace("`", "") if found else path.stem


def _source_page(path: str) -> str:
    text = (ROOT / path).read_text(encoding="utf-8")
    language = LANGUAGES.get(Path(path).suffix, "text")
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    head = f"---\ntitle: {path}\nsearch: {{exclude: true}}\nhide: [toc]\n---\n\n# `{path}`\n\n"
    return f'{head}{fence}{{ .{language} linenums="1" }}\n{text}\n{fence}\n'


def _line(path: Path, name: str) -> int | None:
    """The line on which `Class.method`, `function` or a name is defined."""
    body: list[ast.stmt] = ast.parse(path.read_text(encoding="utf-8")).body
    line = None
    for part in name.split("."):
        found = next((node for node in body if part in _names(node)), None)
        if found is None:
            return None
        line, body = found.lineno, list(getattr(found, "body", []))
    return line


def _names(node: ast.stmt) -> set[str]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return {node.name}
    if isinstance(node, ast.Assign):
        return {target.id for target in node.targets if isinstance(target, ast.Name)}
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return {node.target.id}
    return set()
